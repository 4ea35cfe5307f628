"""Which conversation is learned next: topics alike, answers within a topic alike, then images.

A draw follows from a seed and a number alone, so that a run needs no memory of what it drew.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from versamammo.data.dataset import Archive, Picture
from versamammo.errors import InputError
from vlm.instructions.bench_items import BenchItems, BenchLessons
from vlm.instructions.instruction_samples import (
    SIDE_UNKNOWN,
    Images,
    Lesson,
    closed_turn,
    elsewhere_turn,
    list_turn,
    open_turn,
    pick,
    place_turn,
    placed_findings,
    report,
    report_turn,
)
from vlm.instructions.recorded import Recorded
from vlm.instructions.topics import BY_NAME, TOPICS, Answer, LabelledTopic
from vlm.prompts import MOST_VIEWS, Turn

Classes = dict[Answer, list[Images]]
STAND_INS = 128  # images of a projection that recorded conversations are shown with
KINDS = ("closed", "open", "places", "reports", "lists", "elsewhere")


@dataclass(frozen=True)
class Mixture:
    """How much of what is learned.

    Attributes:
        closed: share of questions with options.
        open: share of questions that are answered with a sentence.
        places: share of questions that are answered with boxes.
        reports: share of short reports.
        turns: share of conversations of several questions, of the kinds above.
        longest: most questions of a conversation; shorter ones are as frequent. Every answer of a
            conversation is learned, and the images are looked at once for all of them.
        lists: share of lists of everything an image shows.
        elsewhere: share of questions that no mammogram answers.
        several: share of conversations about two to four views of an exam, where there are any.
        without_context: share of prompts that do not tell what the tags say.
        topics: only these; all that the archive knows if empty.
        recorded: share of conversations from a file, of all.
        bench: share of the items of a MammoVQA file, of the rest.
    """

    closed: float = 0.6
    open: float = 0.1
    places: float = 0.1
    reports: float = 0.1
    turns: float = 0.1
    longest: int = 3
    lists: float = 0.0
    elsewhere: float = 0.0
    several: float = 0.1
    without_context: float = 0.5
    topics: tuple[str, ...] = ()
    recorded: float = 0.0
    bench: float = 0.0

    def __post_init__(self) -> None:
        shares = (self.without_context, self.several, self.recorded, self.bench)
        sensible = all(0 <= share <= 1 for share in shares) and self.longest > 1
        if min(*self.kinds, self.turns) < 0 or sum(self.kinds) <= 0 or not sensible:
            message = f"{self} makes no mixture; shares lie in 0..1, the longest is 2 or more"
            raise InputError(message, field="mixture", reason="bad-option")
        for name in self.topics:
            if name not in BY_NAME:
                message = f"no topic {name!r}; expected some of {', '.join(BY_NAME)}"
                raise InputError(message, field="mixture.topics", reason="unknown-topic")

    @property
    def kinds(self) -> tuple[float, ...]:
        """Shares in the order of `KINDS`; conversations of several turns are made of these."""
        return (
            self.closed, self.open, self.places, self.reports, self.lists, self.elsewhere,
        )  # fmt: skip

    def listing(self, share: float) -> Mixture:
        """Return the mixture with lists as this share of all, for the projector's first lessons.

        Conversations from records are left out: they can be answered without looking.
        """
        rest = replace(self, lists=0.0, recorded=0.0)
        total = sum(rest.kinds) + rest.turns
        return replace(rest, lists=total * share / (1 - share)) if share < 1 else self


class LessonPool:
    """An archive sorted by what can be asked of it.

    Attributes:
        pictures: of the archive, in its order.
        weights: how often each of them is drawn [n], 1 for those that are drawn most.
        single: each of them alone.
        answers: topic -> answer -> images (each alone) of which it is true.
        of_several: the same for all views of an exam together.
        placed: images with findings whose place is known.
        reported: normal images and others, of which a report can be written.
        recorded: conversations from a file.
        bench: items of a MammoVQA file, or None.
    """

    def __init__(
        self,
        archive: Archive,
        mixture: Mixture | None = None,
        recorded: Sequence[Recorded] = (),
        bench: BenchItems | None = None,
    ) -> None:
        self.mixture = mixture or Mixture()
        self.bench = BenchLessons(bench) if bench is not None else None
        self.recorded = tuple(recorded)
        self.pictures = tuple(archive)
        self.weights = archive.weights / archive.weights.max()
        self.exams = _exams(archive)
        self.single: list[Images] = [(i,) for i in range(len(self.pictures))]
        self.answers = self._sort(self.single)
        if not self.answers and self.mixture.bench < 1:
            message = "nothing that can be asked is known of its images"
            raise InputError(message, file=archive.folder, reason="nothing-known")
        self.of_several = self._sort(self.exams)
        self.placed: list[Images] = [one for one in self.single if placed_findings(self.of(one))]
        self.reported = self._reported(self.single)

    @property
    def topics(self) -> list[str]:
        """Topics that are asked about."""
        of_bench = () if self.bench is None else (item.topic for item in self.bench.bench.items)
        return sorted({*self.answers, *of_bench})

    def of(self, images: Images) -> list[Picture]:
        """Return the pictures at some places."""
        return [self.pictures[image] for image in images]

    def draw(self, seed: Sequence[int], mixture: Mixture | None = None) -> Lesson:
        """Draw one conversation, of another mixture if one is given."""
        mixture = mixture or self.mixture
        random = np.random.default_rng(list(seed))
        if self.recorded and random.random() < mixture.recorded:
            return self._told(random)
        if self.bench is not None and random.random() < mixture.bench:
            context = bool(random.random() >= mixture.without_context)
            return self.bench.draw(random, context=context)
        shares = np.array((*mixture.kinds, mixture.turns))
        what = int(random.choice(len(shares), p=shares / shares.sum()))
        context = bool(random.random() >= mixture.without_context)
        several = bool(self.of_several) and bool(random.random() < mixture.several)
        in_turns = what == len(KINDS)
        kind = KINDS[what] if not in_turns else self._kind(mixture, random)
        lesson = self._one(kind, several, mixture, random)
        if lesson.topic == "Laterality" and not context:
            # nobody can see the side; guessing it would only be learned as guessing
            if kind == "open":
                lesson = replace(lesson, answer=SIDE_UNKNOWN)
            context = kind == "closed"
        if not in_turns:
            return replace(lesson, context=context)
        return replace(
            lesson, context=context, history=self._before(lesson, context, mixture, random)
        )

    def _told(self, random: np.random.Generator) -> Lesson:
        """Draw a conversation of the file, about any images of its projections.

        What is said there follows from its record, so that any image of the projection will do.
        """
        told = pick(self.recorded, random)
        images = tuple(pick(self._shown_as(view.split()[-1]), random) for view in told.views)
        *before, last = told.turns
        return Lesson(
            images, last.question, last.answer, "Recorded", tuple(before), True, last.facts,
            told.views,
        )  # fmt: skip

    def _shown_as(self, view: str) -> list[int]:
        """Return images of a projection; of any where the archive has none of it."""
        own = [i for i, picture in enumerate(self.pictures) if picture.view == view]
        return (own or list(range(len(self.pictures))))[:STAND_INS]

    def _before(
        self, lesson: Lesson, context: bool, mixture: Mixture, random: np.random.Generator
    ) -> tuple[Turn, ...]:
        """Draw what was asked before, nothing twice and no topic of a choice twice."""
        asked, left = {lesson.question}, self._weights(lesson, context)
        history: list[Turn] = []
        for _ in range(int(random.integers(1, mixture.longest))):
            turn = self._again(self._kind(mixture, random), lesson.images, left, random)
            if turn is not None and turn.question not in asked:
                asked.add(turn.question)
                history.append(turn)
        return tuple(history)

    def _weights(self, lesson: Lesson, context: bool) -> dict[str, float]:
        """Return topics that the images answer, and how much more often each has to be drawn.

        An answer that is true of few images is asked for when it is true, so that within a topic
        all answers are learned alike.
        """
        pictures = self.of(lesson.images)
        weights = {}
        for name, classes in sorted(self.answers.items()):
            answer = BY_NAME[name].answer(pictures)
            blind = name == "Laterality" and not context
            if answer is not None and name != lesson.topic and not blind:
                rarest = min(map(len, classes.values()))
                weights[name] = rarest / max(rarest, len(classes.get(answer, ())))
        return weights

    def _kind(self, mixture: Mixture, random: np.random.Generator) -> str:
        shares = np.array(mixture.kinds)
        return KINDS[int(random.choice(len(shares), p=shares / shares.sum()))]

    def _one(
        self, kind: str, several: bool, mixture: Mixture, random: np.random.Generator
    ) -> Lesson:
        """Draw images that suit a kind of question, and ask."""
        if kind == "places" and self.placed:
            images = self._views(several, random)
            if random.random() < 0.7 and not several:
                images = self._draw_images(self.placed, random)
            turn = place_turn(self.of(images), random)
            if turn is not None:
                return Lesson(images, turn.question, turn.answer, "Place")
        if kind == "reports" and self.reported:
            several = several and report(self.of(self.exams[0])) is not None
            images = self._views(True, random) if several else self._report_of(random)
            turn = report_turn(self.of(images), random)
            if turn is not None:
                return Lesson(images, turn.question, turn.answer, "Report")
        if kind == "lists":
            images = self._draw_images(self.single, random)
            turn = list_turn(self.pictures[images[0]], mixture.topics)
            return Lesson(images, turn.question, turn.answer, "List")
        if kind == "elsewhere":
            turn = elsewhere_turn(random)
            return Lesson(self._views(several, random), turn.question, turn.answer, "Elsewhere")
        topic, images = self._topic(several, random)
        turn = (open_turn if kind == "open" else closed_turn)(topic, self.of(images), random)
        return Lesson(images, turn.question, turn.answer, topic.name)

    def _again(
        self, kind: str, images: Images, left: dict[str, float], random: np.random.Generator
    ) -> Turn | None:
        """Ask something about given images; a topic that is asked is taken out of `left`."""
        pictures = self.of(images)
        if kind == "places":
            return place_turn(pictures, random)
        if kind == "reports":
            return report_turn(pictures, random)
        if kind == "elsewhere":
            return elsewhere_turn(random)
        if kind == "lists" and len(images) == 1:
            return list_turn(pictures[0], self.mixture.topics)
        if not left:
            return None
        names, shares = list(left), np.array(list(left.values()))
        name = names[int(random.choice(len(names), p=shares / shares.sum()))]
        del left[name]
        ask = open_turn if kind == "open" else closed_turn
        return ask(BY_NAME[name], pictures, random)

    def _topic(self, several: bool, random: np.random.Generator) -> tuple[LabelledTopic, Images]:
        among = self.of_several if several else self.answers
        name = pick(sorted(among), random)
        classes, topic = among[name], BY_NAME[name]
        images = self._draw_images(classes[pick(sorted(classes), random)], random)
        if several:
            some = _some_of(images, random)
            # fewer views may leave nothing to say, or only what other views contradict
            images = some if topic.answer(self.of(some)) is not None else images
        return topic, images

    def _views(self, several: bool, random: np.random.Generator) -> Images:
        if several and self.exams:
            return _some_of(self._draw_images(self.exams, random), random)
        return self._draw_images(self.single, random)

    def _report_of(self, random: np.random.Generator) -> Images:
        return self._draw_images(pick(self.reported, random), random)

    def _draw_images(self, among: Sequence[Images], random: np.random.Generator) -> Images:
        """Draw one of several, those of a folder with a larger weight more often."""
        while True:
            images = pick(among, random)
            weight = self.weights[images[0]]
            if weight == 1 or random.random() < weight:
                return images

    def _reported(self, single: list[Images]) -> list[list[Images]]:
        """Keep normal and other images apart, so that both are drawn alike."""
        normal: dict[bool, list[Images]] = defaultdict(list)
        for one in single:
            text = report(self.of(one))
            if text:
                normal["Findings: none." in text].append(one)
        return list(normal.values())

    def _sort(self, among: list[Images]) -> dict[str, Classes]:
        """Sort images by their answers."""
        sorted_: dict[str, Classes] = {}
        for topic in TOPICS:
            if self.mixture.topics and topic.name not in self.mixture.topics:
                continue
            classes: Classes = defaultdict(list)
            for images in among:
                answer = topic.answer(self.of(images))
                if answer is not None:
                    classes[answer].append(images)
            # what is true of all images teaches no one to look
            if len(classes) > 1:
                sorted_[topic.name] = dict(classes)
        return sorted_


def _exams(archive: Archive) -> list[Images]:
    """Return the images of each exam of two to four views."""
    views: dict[tuple[str, str], list[int]] = defaultdict(list)
    columns = (archive.table.column(name).to_pylist() for name in ("patient_id", "exam_id"))
    for place, (patient, exam) in enumerate(zip(*columns, strict=True)):
        if exam is not None:
            views[str(patient), exam].append(place)
    return [tuple(found) for found in views.values() if 2 <= len(found) <= MOST_VIEWS]


def _some_of(images: Images, random: np.random.Generator) -> Images:
    """Choose two or more of an exam's views, in any order."""
    count = int(random.integers(2, len(images) + 1))
    return tuple(images[int(i)] for i in random.permutation(len(images))[:count])
