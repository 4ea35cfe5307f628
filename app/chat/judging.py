"""Who weighs the answers to a closed question about pictures: a language model, or heads alone."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Protocol
from weakref import WeakKeyDictionary

from app.chat.contracts import Attribute, Card, Findings
from app.chat.exam import Exam, ExamImage
from app.chat.figures import quality
from app.chat.queueing import OneAtATime
from app.chat.regions import in_words
from versamammo.geometry import Crop
from versamammo.mammogram import Box
from vlm.assistant import Assistant
from vlm.instructions.topics import BY_NAME, FINDING_WORDS
from vlm.places import boxes_in
from vlm.prompts import MOST_VIEWS, Picture, Turn

UNCOUNTED = ("Report", "Place")
Weights = dict[str, float]  # of each option, 0..1
Figures = Mapping[str, float | None]  # of each head, as `Attribute.auroc`


class Judge(Protocol):
    """Says how likely each option of a topic is."""

    @property
    def card(self) -> Card:
        """Say who judges."""

    def knows(self, topic: str) -> bool:
        """Say whether it was trained for a topic."""

    def doubt(self, topic: str) -> str:
        """Say why a topic is not known."""

    def tried(self, topic: str) -> str:
        """Say how such questions went when they were tried; nothing if they were not."""

    def by_heads(self, topic: str) -> bool:
        """Say whether a topic is left to an encoder's heads."""

    def weigh(
        self, exam: Exam, images: Sequence[int], topic: str, seen: Findings | None
    ) -> Weights:
        """Weigh a topic's options for some pictures together.

        Raises:
            InputError: a picture cannot be used.
        """

    def places(self, exam: Exam, image: int, kind: str, seen: Findings | None) -> tuple[Box, ...]:
        """Say where findings of a kind lie in one picture where they were found."""

    def describe(self, exam: Exam, image: int) -> Iterator[str]:
        """Describe one picture in words, piece by piece; nothing if it cannot."""

    def talk(self, exam: Exam, question: str, before: Sequence[Turn]) -> Iterator[str] | None:
        """Answer any question in words, or None if it should not be asked such."""


class LanguageJudge:
    """A vision-language model. Each question is put in the words that it was trained with.

    What the tags say is withheld: its answers are to come from the pixels, and its confidence was
    calibrated so.
    """

    def __init__(
        self, assistant: Assistant, card: Card, queue: OneAtATime, heads: Figures | None = None
    ) -> None:
        self.card = card
        self._assistant = assistant
        self._queue = queue
        self._heads = heads or {}
        self._prepared: WeakKeyDictionary[ExamImage, Picture] = WeakKeyDictionary()

    def knows(self, topic: str) -> bool:
        """Say whether it, or the encoder beside it, was trained for a topic."""
        return self._trained(topic) or not doubt_of(topic, self._heads)

    def doubt(self, topic: str) -> str:
        """Say why a topic is not known."""
        if self.knows(topic):
            return ""
        tried = self._assistant.competence.on(topic)
        return doubt_of(topic, self._heads) if tried is None else tried.why_not()

    def by_heads(self, topic: str) -> bool:
        """Say whether only the encoder beside it was trained for a topic."""
        return not self._trained(topic) and self.knows(topic)

    def tried(self, topic: str) -> str:
        """Say how such questions went on patients not learned from, if they were tried."""
        tried = self._assistant.competence.on(topic)
        return "" if tried is None or self.by_heads(topic) else str(tried)

    def _trained(self, topic: str) -> bool:
        """Say whether it was trained for a topic, and then found better than guessing at it."""
        competence = self._assistant.competence
        if competence.topics and topic not in competence.topics:
            return False
        if topic in UNCOUNTED:
            return True
        tried = competence.on(topic)
        return tried is not None and tried.above_chance

    def weigh(
        self, exam: Exam, images: Sequence[int], topic: str, seen: Findings | None
    ) -> Weights:
        """Weigh by the likelihood of each option as the whole answer, or leave it to the heads."""
        if self.by_heads(topic):
            return seen_weights(seen, images, topic)
        asked = BY_NAME[topic]
        pictures = self._look(exam, images)
        with self._queue.turn():
            said = self._assistant.choose(
                pictures, asked.wordings[0], asked.options, context=False, sure_enough=0
            )
        return dict(said.probabilities)

    def places(self, exam: Exam, image: int, kind: str, seen: Findings | None) -> tuple[Box, ...]:
        """Take the boxes of what an encoder saw, else ask for them if that was trained."""
        marked = regions_of(seen, image, kind)
        if marked or not self._trained("Place"):
            return marked
        (picture,) = self._look(exam, [image])
        with self._queue.turn():
            said = self._assistant.answer([picture], f"Where is the {kind.lower()}?")
        return tuple(place.box for place in said.places)

    def describe(self, exam: Exam, image: int) -> Iterator[str]:
        """Give a short report, its boxes turned into words."""
        if not self._trained("Report"):
            return
        (picture,) = self._look(exam, [image])
        pieces = self._queue.stream(
            lambda: self._assistant.stream([picture], "Write a short report.")
        )
        written = ""
        for piece in pieces:
            written += piece
            # a box is shown when it is whole
            whole = (
                written
                if written.count("[") == written.count("]")
                else written[: written.rfind("[")]
            )
            yield speak_places(whole, picture.crop, exam.images[image])
        yield speak_places(written, picture.crop, exam.images[image])

    def talk(self, exam: Exam, question: str, before: Sequence[Turn]) -> Iterator[str] | None:
        """Let a language model that learnt its language elsewhere speak; a tiny one must not."""
        if not self._assistant.model.config.language_name:
            return None
        return self._speak(exam, question, before)

    def _speak(self, exam: Exam, question: str, before: Sequence[Turn]) -> Iterator[str]:
        pictures = self._look(exam, range(len(exam.images)))
        written = ""
        for piece in self._queue.stream(lambda: self._assistant.stream(pictures, question, before)):
            written += piece
            yield written

    def _look(self, exam: Exam, images: Sequence[int]) -> list[Picture]:
        """Prepare pictures, each once."""
        chosen = [exam.images[number] for number in images][:MOST_VIEWS]
        for image in chosen:
            if image not in self._prepared:
                with self._queue.turn():
                    (self._prepared[image],) = self._assistant.look([image.mammogram()])
        return [self._prepared[image] for image in chosen]


class HeadsJudge:
    """An encoder's heads alone: what they said of the exam, put into answers."""

    def __init__(self, card: Card, heads: Figures) -> None:
        self.card = card
        self._heads = heads

    def knows(self, topic: str) -> bool:
        """Say whether there is a head for a topic that is better than guessing."""
        return not doubt_of(topic, self._heads)

    def doubt(self, topic: str) -> str:
        """Say why a topic is not known."""
        return doubt_of(topic, self._heads)

    def tried(self, topic: str) -> str:
        """Say how well the head told on patients not learned from."""
        figure = self._heads.get(ATTRIBUTES.get(topic, ""))
        return "" if figure is None else f"on patients not learned from: {quality(figure)}"

    def by_heads(self, topic: str) -> bool:
        """Say no: the heads are who speaks here."""
        return False

    def weigh(
        self, exam: Exam, images: Sequence[int], topic: str, seen: Findings | None
    ) -> Weights:
        """Average over the pictures what the head said of each."""
        return seen_weights(seen, images, topic)

    def places(self, exam: Exam, image: int, kind: str, seen: Findings | None) -> tuple[Box, ...]:
        """Give the boxes that the encoder marked."""
        return regions_of(seen, image, kind)

    def describe(self, exam: Exam, image: int) -> Iterator[str]:
        """Say nothing: heads have no words of their own."""
        yield from ()

    def talk(self, exam: Exam, question: str, before: Sequence[Turn]) -> Iterator[str] | None:
        """Say nothing."""
        return None


ATTRIBUTES = {  # a topic, and the name of the head that speaks of it
    "ACR": "density", "Bi-Rads": "birads", "Pathology": "pathology", "Cancer": "cancer",
    "Invasive cancer": "invasive", "Subtlety": "subtlety", "Masking potential": "masking",
    "Background tissue": "tissue",
    **{word: name for name, word in FINDING_WORDS.items()},
}  # fmt: skip
_PREFIX = {"ACR": "Level ", "Bi-Rads": "Bi-Rads ", "Masking potential": "Level ",
           "Subtlety": "Level "}  # fmt: skip


def doubt_of(topic: str, heads: Figures) -> str:
    """Say why heads do not speak of a topic; nothing if they do."""
    name = ATTRIBUTES.get(topic, "")
    if name not in heads:
        return "the model was not trained to tell"
    head = Attribute(name, {}, auroc=heads[name])
    if not head.guessing:
        return ""
    return f"on patients not learned from, the model was not found to tell ({quality(head.auroc)})"


def seen_weights(seen: Findings | None, images: Sequence[int], topic: str) -> Weights:
    """Average what a head said of some pictures, in the options of a topic; empty if nothing."""
    name = ATTRIBUTES.get(topic, "")
    found = [one for i in images if seen is not None and (one := seen.of(name, i)) is not None]
    if not found or found[0].guessing:
        return {}
    prefix = _PREFIX.get(topic, "")
    return {
        f"{prefix}{value if prefix else value.capitalize()}": sum(
            one.probabilities[value] for one in found
        )
        / len(found)
        for value in found[0].probabilities
    }


def regions_of(seen: Findings | None, image: int, kind: str) -> tuple[Box, ...]:
    """Give the boxes of a kind of finding that an encoder marked in a picture."""
    regions = seen.regions if seen is not None else ()
    return tuple(one.box for one in regions if (one.image, one.word) == (image, kind.lower()))


def speak_places(text: str, crop: Crop | None, image: ExamImage) -> str:
    """Turn boxes in shares of the breast into words for where they lie."""

    def words(match: re.Match[str]) -> str:
        boxes = boxes_in(match[0], crop) if crop is not None else ()
        return f"({in_words(image, boxes[0])})" if boxes else "(place unclear)"

    return re.sub(r"\[[^\]]*\]", words, " ".join(text.split()))
