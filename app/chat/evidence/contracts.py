"""What the page asks of a model: one that answers questions, one that finds. Either may be absent.

Every box is in pixels of the file as stored, as everywhere in the project.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from app.chat.evidence.exam import Exam
from app.chat.evidence.measured import Measured
from versamammo.imaging.mammogram import Box

LOOKED_AT = "looked at"  # the word for evidence that is no finding


class EvidenceSource(StrEnum):
    """Who says something of the pictures; one of them speaks for each topic."""

    MARKS = "marked places"
    HEADS = "encoder's heads"
    LANGUAGE = "language model"


@dataclass(frozen=True)
class Card:
    """Who speaks: shown beside every answer and written into every export.

    Attributes:
        is_model: False for what is read from tags and measured on pixels without any weights.
        data: what it was trained on; phantoms are called phantoms.
        phantoms_only: True if it never saw a real mammogram.
        no_normals: True if every picture it learnt from shows a lesion: it cannot tell a breast
            without one, and what it says of a lesion holds if there is one.
        films_only: True if it learnt from scanned films alone, and was tried on nothing else.
        worded_by: the language model that words its answers; empty if none does.
        tried_on: whose pictures it was measured on.
        measured: how it did there.
        facts: what it says of itself: names of `conversation/program_facts.yaml`, and texts.
    """

    name: str
    version: str
    data: str
    is_model: bool = True
    phantoms_only: bool = False
    no_normals: bool = False
    films_only: bool = False
    worded_by: str = ""
    tried_on: str = ""
    measured: Measured = field(default_factory=Measured)
    facts: tuple[tuple[str, str], ...] = ()


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
class StreamedAnswer:
    """An answer as far as it has been written; all but the text may come with the last piece only.

    Attributes:
        confidence: 0..1, or None where nothing was estimated.
        notes: what a careful reader should know of this answer.
        speaker: who gave it, where that is not the answerer itself.
        facts: lines of the record that a language model wrote it from, or tried to.
        written: what the language model wrote, if that is what is shown.
        rejected: why what it wrote is not shown.
        understood: what the question was taken to ask for.
    """

    text: str
    evidence: tuple[Evidence, ...] = ()
    confidence: float | None = None
    notes: tuple[str, ...] = ()
    speaker: Card | None = None
    facts: tuple[str, ...] = ()
    written: str = ""
    rejected: tuple[str, ...] = ()
    understood: str = ""


@dataclass(frozen=True)
class ChatTurn:
    """One question and its finished answer."""

    question: str
    answer: StreamedAnswer


@dataclass(frozen=True)
class Region:
    """A place that an encoder marked.

    Attributes:
        image: number of the picture in its exam.
        topic: the finding, as the vocabulary names it.
        score: calibrated probability 0..1 that it is there, as if every second picture had one.
        where: the place in words.
    """

    image: int
    box: Box
    topic: str
    score: float
    where: str = ""

    @property
    def word(self) -> str:
        """Return the finding as a sentence words it."""
        return self.topic.lower()


@dataclass(frozen=True, eq=False)
class HeatMap:
    """Where a model looked in one image: float32 [h, w] in 0..1, spread over `box`."""

    image: int
    values: NDArray[np.float32]
    box: Box


@dataclass(frozen=True)
class Verdict:
    """What is said of one topic in one picture, in several together, or in the whole exam.

    Attributes:
        topic: as the vocabulary names it.
        images: numbers of the pictures it is said of.
        value: the option that is said; None: not sure.
        probabilities: of every option.
        source: who speaks.
        regions: the marked places, for a finding that is there.
        dissent: what another source says that was found to know, where it differs.
        how: how it came from the pictures' own, for several.
        condition: on which it holds, such as "if there is a lesion"; empty if on none.
    """

    topic: str
    images: tuple[int, ...]
    value: str | None
    probabilities: Mapping[str, float]
    source: EvidenceSource
    regions: tuple[Region, ...] = ()
    dissent: tuple[str, ...] = ()
    how: str = ""
    condition: str = ""

    @property
    def likeliest(self) -> str:
        """Return the likeliest option."""
        return max(self.probabilities, key=lambda option: self.probabilities[option])


@dataclass(frozen=True)
class Findings:
    """The record of evidence of one exam, from which answers, panels, report and exports speak.

    Attributes:
        verdicts: of each topic and picture that is judged.
        silent: topics that are not judged, and why.
        tried: topics that are judged, and how they went on patients not learned from.
        regions: marked places, of the verdicts' findings alone.
        heat: where the encoder looked.
        failed: pictures that could not be looked at, and why.
        suspects: the places most like a lesion, where whether there is one is not judged.
    """

    verdicts: tuple[Verdict, ...] = ()
    silent: Mapping[str, str] = field(default_factory=dict)
    tried: Mapping[str, str] = field(default_factory=dict)
    regions: tuple[Region, ...] = ()
    heat: tuple[HeatMap, ...] = ()
    failed: tuple[str, ...] = ()
    suspects: tuple[Region, ...] = ()

    def why_silent(self, name: str) -> str:
        """Return why a topic is not judged."""
        return self.silent.get(name, "no model that could tell is loaded")

    def verdict(self, topic: str, image: int) -> Verdict | None:
        """Return what is said of a topic in one picture; None if it is not judged there."""
        for one in self.verdicts:
            if one.topic == topic and one.images == (image,):
                return one
        return None

    @property
    def topics(self) -> tuple[str, ...]:
        """Return the topics that are judged, in the vocabulary's order."""
        return tuple(dict.fromkeys(one.topic for one in self.verdicts))


class Answerer(Protocol):
    """Answers questions about an exam."""

    @property
    def card(self) -> Card:
        """Return who speaks."""

    @property
    def suggested(self) -> tuple[str, ...]:
        """Return a few questions that it can answer."""

    def answer(
        self, exam: Exam, question: str, history: Sequence[ChatTurn], findings: Findings | None
    ) -> Iterator[StreamedAnswer]:
        """Return the answer piece by piece, each piece holding all text so far."""


class Finder(Protocol):
    """Looks for findings in an exam."""

    @property
    def card(self) -> Card:
        """Return who looks."""

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
        """Return the nearest of each picture of the exam."""
