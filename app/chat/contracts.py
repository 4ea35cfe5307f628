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


@dataclass(frozen=True)
class Card:
    """Who speaks: shown beside every answer and written into every export.

    Attributes:
        is_model: False for what is read from tags and measured on pixels without any weights.
        data: what it was trained on; phantoms are called phantoms.
    """

    name: str
    version: str
    data: str
    is_model: bool = True


@dataclass(frozen=True)
class Evidence:
    """What an answer points to: image `image` of the exam, a place in it, and how sure.

    Attributes:
        box: None if the whole image is meant.
        confidence: 0..1, or None where nothing was estimated.
    """

    image: int
    word: str
    box: Box | None = None
    confidence: float | None = None


@dataclass(frozen=True)
class Answer:
    """An answer as far as it has been written; `evidence` may come with the last piece only."""

    text: str
    evidence: tuple[Evidence, ...] = ()
    confidence: float | None = None


@dataclass(frozen=True)
class Turn:
    """One question and its finished answer."""

    question: str
    answer: Answer


class Answerer(Protocol):
    """Answers questions about an exam."""

    @property
    def card(self) -> Card:
        """Say who speaks."""

    def answer(self, exam: Exam, question: str, history: Sequence[Turn]) -> Iterator[Answer]:
        """Give the answer piece by piece, each piece holding all text so far."""


@dataclass(frozen=True)
class Attribute:
    """Probabilities 0..1 of an attribute's values, such as density A to D.

    Attributes:
        image: which image they were read from, or None for the whole exam.
        edition: of BI-RADS, where the attribute is one of its categories.
    """

    name: str
    probabilities: Mapping[str, float]
    image: int | None = None
    edition: str | None = None


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
    """Everything a finder says of an exam; `failed` names what it attempted in vain."""

    attributes: tuple[Attribute, ...] = ()
    regions: tuple[Region, ...] = ()
    heat: tuple[HeatMap, ...] = ()
    failed: tuple[str, ...] = ()


class Finder(Protocol):
    """Looks for findings in an exam."""

    @property
    def card(self) -> Card:
        """Say who looks."""

    def find(self, exam: Exam) -> Findings:
        """Look at all images of the exam."""
