"""What the page asks of a model: one that answers questions, one that finds. Either may be absent.

Every box is in pixels of the file as stored, as everywhere in the project.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from app.chat.exam import Exam
from versamammo.mammogram import Box

BETTER_THAN_GUESSING = 0.6  # area under the ROC curve, from which a model is heard at all
LOOKED_AT = "looked at"  # the word for evidence that is no finding


@dataclass(frozen=True)
class Card:
    """Who speaks: shown beside every answer and written into every export.

    Attributes:
        is_model: False for what is read from tags and measured on pixels without any weights.
        data: what it was trained on; phantoms are called phantoms.
        phantoms_only: True if it never saw a real mammogram.
    """

    name: str
    version: str
    data: str
    is_model: bool = True
    phantoms_only: bool = False


@dataclass(frozen=True)
class Evidence:
    """What an answer points to: image `image` of the exam, a place in it, and how sure.

    Attributes:
        box: None if the whole image is meant.
        confidence: 0..1, or None where nothing was estimated.
        where: the box's place in words.
    """

    image: int
    word: str
    box: Box | None = None
    confidence: float | None = None
    where: str = ""


@dataclass(frozen=True)
class Answer:
    """An answer as far as it has been written; all but the text may come with the last piece only.

    Attributes:
        confidence: 0..1, or None where nothing was estimated.
        notes: what a careful reader should know of this answer.
        speaker: who gave it, where that is not the answerer itself.
    """

    text: str
    evidence: tuple[Evidence, ...] = ()
    confidence: float | None = None
    notes: tuple[str, ...] = ()
    speaker: Card | None = None


@dataclass(frozen=True)
class Turn:
    """One question and its finished answer."""

    question: str
    answer: Answer


@dataclass(frozen=True)
class Attribute:
    """Probabilities 0..1 of an attribute's values, such as density A to D.

    Attributes:
        image: which image they were read from, or None for the whole exam.
        edition: of BI-RADS, where the attribute is one of its categories and the edition is known.
        how: how an exam's probabilities came from those of its images.
        auroc: area under the ROC curve on patients not learned from; NaN if it could not be
            measured there, None if nothing is written down.
    """

    name: str
    probabilities: Mapping[str, float]
    image: int | None = None
    edition: str | None = None
    how: str = ""
    auroc: float | None = None

    @property
    def guessing(self) -> bool:
        """Whether the model was not found to be better than guessing."""
        return self.auroc is not None and not self.auroc >= BETTER_THAN_GUESSING

    @property
    def likeliest(self) -> str:
        """Name the likeliest value."""
        return max(self.probabilities, key=lambda value: self.probabilities[value])


@dataclass(frozen=True)
class Region:
    """A place that a model marked, with its word for it and its score 0..1."""

    image: int
    box: Box
    word: str
    score: float


@dataclass(frozen=True, eq=False)
class HeatMap:
    """Where a model looked in one image: float32 [h, w] in 0..1, spread over `box`."""

    image: int
    values: NDArray[np.float32]
    box: Box


@dataclass(frozen=True)
class Findings:
    """Everything a finder says of an exam; `failed` names what it attempted in vain.

    Attributes:
        least: the score from which a place is marked.
    """

    attributes: tuple[Attribute, ...] = ()
    regions: tuple[Region, ...] = ()
    heat: tuple[HeatMap, ...] = ()
    failed: tuple[str, ...] = ()
    least: float | None = None

    def of(self, name: str, image: int | None) -> Attribute | None:
        """Give an attribute of one image, or of the whole exam; None if it is not known."""
        for attribute in self.attributes:
            if (attribute.name, attribute.image) == (name, image):
                return attribute
        return None


class Answerer(Protocol):
    """Answers questions about an exam."""

    @property
    def card(self) -> Card:
        """Say who speaks."""

    @property
    def suggested(self) -> tuple[str, ...]:
        """Give a few questions that it can answer."""

    def answer(
        self, exam: Exam, question: str, history: Sequence[Turn], findings: Findings | None
    ) -> Iterator[Answer]:
        """Give the answer piece by piece, each piece holding all text so far."""


class Finder(Protocol):
    """Looks for findings in an exam."""

    @property
    def card(self) -> Card:
        """Say who looks."""

    def find(self, exam: Exam) -> Findings:
        """Look at all images of the exam."""


@dataclass(frozen=True, eq=False)
class Similar:
    """A picture near to one of the exam: cosine of the features, what is known of it, a JPEG."""

    score: float
    told: str
    thumb: bytes


class Comparer(Protocol):
    """Looks for similar pictures."""

    def find(self, exam: Exam) -> tuple[tuple[Similar, ...], ...]:
        """Give the nearest of each picture of the exam."""
