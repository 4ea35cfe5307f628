"""Which conversation is learned next: topics alike, answers within a topic alike, then images.

A draw follows from a seed and a number alone, so that a run needs no memory of what it drew.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TypeVar

import numpy as np

from versamammo.dataset import Archive, Picture
from versamammo.errors import InputError
from vlm.instructions.lessons import (
    Lesson,
    closed_turn,
    open_turn,
    place_turn,
    placed_findings,
    report,
    report_turn,
)
from vlm.instructions.topics import BY_NAME, TOPICS, Answer, Topic
from vlm.prompts import MOST_VIEWS, Turn

Images = tuple[int, ...]
T = TypeVar("T")


@dataclass(frozen=True)
class Mixture:
    """How much of what is learned.

    Attributes:
        closed: share of questions with options.
        open: share of questions that are answered with a sentence.
        places: share of questions that are answered with boxes.
        reports: share of short reports.
        turns: share of conversations with two questions.
        without_context: share of prompts that do not tell what the tags say.
        topics: only these; all that the archive knows if empty.
    """

    closed: float = 0.6
    open: float = 0.1
    places: float = 0.1
    reports: float = 0.1
    turns: float = 0.1
    without_context: float = 0.5
    topics: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        if min(self.shares) < 0 or sum(self.shares) <= 0 or not 0 <= self.without_context <= 1:
            raise InputError(
                f"shares {self.shares} make no mixture", field="mixture", reason="bad-option"
            )
        for name in self.topics:
            if name not in BY_NAME:
                message = f"no topic {name!r}; expected some of {', '.join(BY_NAME)}"
                raise InputError(message, field="mixture.topics", reason="unknown-topic")

    @property
    def shares(self) -> tuple[float, ...]:
        """Closed, open, places, reports, turns."""
        return (self.closed, self.open, self.places, self.reports, self.turns)


class LessonPool:
    """An archive sorted by what can be asked of it.

    Attributes:
        pictures: of the archive, in its order.
        answers: topic -> answer -> images (one, or all views of an exam) of which it is true.
    """

    def __init__(self, archive: Archive, mixture: Mixture | None = None) -> None:
        self.mixture = mixture or Mixture()
        self.pictures = tuple(archive)
        self.exams = _exams(archive)
        self.answers = self._sort()
        if not self.answers:
            message = "nothing that can be asked is known of its images"
            raise InputError(message, file=archive.folder, reason="nothing-known")
        self.placed: list[Images] = [
            (i,) for i, p in enumerate(self.pictures) if placed_findings(p)
        ]
        self.reported: list[Images] = [(i,) for i, p in enumerate(self.pictures) if report(p)]

    def of(self, images: Images) -> list[Picture]:
        """Give the pictures at some places."""
        return [self.pictures[image] for image in images]

    def draw(self, seed: Sequence[int]) -> Lesson:
        """Draw one conversation."""
        random = np.random.default_rng(list(seed))
        shares = np.array(self.mixture.shares)
        what = int(random.choice(len(shares), p=shares / shares.sum()))
        context = bool(random.random() >= self.mixture.without_context)
        if what == 2 and self.placed:
            return self._of_one(self.placed, place_turn, "Place", random, context)
        if what == 3 and self.reported:
            return self._of_one(self.reported, report_turn, "Report", random, context)
        topic, images = self._topic(random)
        turn = (open_turn if what == 1 else closed_turn)(topic, self.of(images), random)
        history = self._before(topic, images, random) if what == 4 else ()
        return Lesson(images, turn.question, turn.answer, topic.name, history, context)

    def _topic(self, random: np.random.Generator) -> tuple[Topic, Images]:
        topic = _pick(sorted(self.answers), random)
        classes = self.answers[topic]
        return BY_NAME[topic], _pick(classes[_pick(sorted(classes), random)], random)

    def _before(
        self, topic: Topic, images: Images, random: np.random.Generator
    ) -> tuple[Turn, ...]:
        pictures = self.of(images)
        others = [
            other
            for other in map(BY_NAME.__getitem__, sorted(self.answers))
            if other is not topic
            and (other.exam or len(images) == 1)
            and other.answer(pictures) is not None
        ]
        if not others:
            return ()
        return (closed_turn(_pick(others, random), pictures, random),)

    def _of_one(
        self,
        among: list[Images],
        ask: Callable[[Picture, np.random.Generator], Turn | None],
        topic: str,
        random: np.random.Generator,
        context: bool,
    ) -> Lesson:
        images = _pick(among, random)
        turn = ask(self.pictures[images[0]], random)
        assert turn is not None, "only what is known is asked"
        return Lesson(images, turn.question, turn.answer, topic, (), context)

    def _sort(self) -> dict[str, dict[Answer, list[Images]]]:
        sorted_: dict[str, dict[Answer, list[Images]]] = {}
        for topic in TOPICS:
            if self.mixture.topics and topic.name not in self.mixture.topics:
                continue
            classes: dict[Answer, list[Images]] = defaultdict(list)
            asked: list[Images] = [(i,) for i in range(len(self.pictures))]
            for images in asked + (self.exams if topic.exam else []):
                answer = topic.answer(self.of(images))
                if answer is not None:
                    classes[answer].append(images)
            # what is true of all images teaches no one to look
            if len(classes) > 1:
                sorted_[topic.name] = dict(classes)
        return sorted_


def _exams(archive: Archive) -> list[Images]:
    """Give the images of each exam of two to four views."""
    views: dict[tuple[str, str], list[int]] = defaultdict(list)
    columns = (archive.table.column(name).to_pylist() for name in ("patient_id", "exam_id"))
    for place, (patient, exam) in enumerate(zip(*columns, strict=True)):
        if exam is not None:
            views[str(patient), exam].append(place)
    return [tuple(found) for found in views.values() if 2 <= len(found) <= MOST_VIEWS]


def _pick(among: Sequence[T], random: np.random.Generator) -> T:
    return among[int(random.integers(len(among)))]
