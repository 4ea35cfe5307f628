"""What a report draft is made of: sentences, and for each of them what it comes from."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from enum import StrEnum

from app.chat.evidence.breast_location import Location
from app.chat.evidence.contracts import Card
from versamammo.imaging.mammogram import Box, Laterality


class SourceKind(StrEnum):
    """From what a sentence of a report comes."""

    TAG = "tag"
    PIXELS = "pixels"
    MODEL = "model"
    CONVERSATION = "conversation"
    PROGRAM = "program"
    READER = "reader"


@dataclass(frozen=True)
class SentenceSource:
    """What a sentence comes from.

    Attributes:
        text: such as "encoder's heads, ACR density B" or "tag StudyDescription".
        images: names of the pictures.
        topic: as the vocabulary names it; empty if it is about none.
        probabilities: 0..1, of each picture, that what `text` names holds; of an answer, one.
    """

    kind: SourceKind
    text: str
    images: tuple[str, ...] = ()
    topic: str = ""
    probabilities: tuple[float, ...] = ()


@dataclass(frozen=True)
class Sentence:
    """One line of a report.

    Attributes:
        id: the section's name and a number, such as `findings.2`; unique in its report.
    """

    id: str
    text: str
    sources: tuple[SentenceSource, ...]


@dataclass(frozen=True)
class Section:
    """A part of a report under its heading; `name` is the same in every version of the schema."""

    name: str
    title: str
    sentences: tuple[Sentence, ...]


class Presence(StrEnum):
    """What is said of a finding in a breast."""

    PRESENT = "present"
    ABSENT = "absent"
    UNSURE = "not sure"
    LIKELIEST_PLACE = "likeliest place, if there is a lesion"


@dataclass(frozen=True)
class ReportedMark:
    """A marked box in one picture, as data.

    Attributes:
        image: name of the picture.
        box: in pixels of the file as stored.
        score: 0..1.
        size_mm: (width, height); None if the pixel size is unknown.
    """

    image: str
    box: Box
    score: float
    size_mm: tuple[float, float] | None


@dataclass(frozen=True)
class ReportedFinding:
    """One finding of one breast, as data.

    Attributes:
        topic: as the vocabulary names it.
        probability: 0..1 that it is there, of the view that shows it most; None for a place that
            is named where no finding is judged.
        images: names of the pictures that it is said of.
        marks: places in the pictures; more than one are one place in several views.
        sentence: id of the sentence that tells it.
    """

    side: Laterality
    topic: str
    presence: Presence
    probability: float | None
    images: tuple[str, ...]
    sentence: str
    marks: tuple[ReportedMark, ...] = ()
    location: Location = field(default_factory=Location)


@dataclass(frozen=True)
class ReportedTopic:
    """What is said of a topic that is no place in a breast, or why a topic is not judged.

    Attributes:
        topic: as the vocabulary names it.
        images: names of the pictures that it is said of; none if it is not judged.
        value: the option that is said; None if it is not judged, or not sure.
        probability: 0..1, of the likeliest option.
        why_not: why it is not judged; empty if it is.
        condition: on which it holds; empty if on none.
        sentence: id of the sentence that tells it.
        side: of one breast; None for both.
    """

    topic: str
    sentence: str
    images: tuple[str, ...] = ()
    value: str | None = None
    probability: float | None = None
    why_not: str = ""
    condition: str = ""
    side: Laterality | None = None


@dataclass(frozen=True)
class ReportDraft:
    """A whole draft.

    Attributes:
        notice: stands once, above everything.
        cards: of those who spoke.
    """

    notice: str
    phantom: bool
    sections: tuple[Section, ...]
    findings: tuple[ReportedFinding, ...]
    topics: tuple[ReportedTopic, ...]
    cards: tuple[Card, ...]

    @property
    def sentences(self) -> Iterator[Sentence]:
        """Return all sentences in their order."""
        for section in self.sections:
            yield from section.sentences

    @property
    def sources(self) -> tuple[SentenceSource, ...]:
        """Return every source once, in the order in which the text first needs it."""
        return tuple(dict.fromkeys(source for one in self.sentences for source in one.sources))

    @property
    def text(self) -> str:
        """Return the draft as plain text, a sentence a line."""
        parts = [
            f"{section.title.upper()}\n" + "\n".join(one.text for one in section.sentences)
            for section in self.sections
        ]
        return "\n\n".join([f"DRAFT\n{self.notice}", *parts])


class SectionWriter:
    """Numbers the sentences of one section as they are written.

    Args:
        name: of the section.
        title: its heading.
    """

    def __init__(self, name: str, title: str) -> None:
        self.name = name
        self.title = title
        self._sentences: list[Sentence] = []

    def add(self, text: str, *sources: SentenceSource) -> str:
        """Add a sentence; returns its id. What is no single line becomes one."""
        made = f"{self.name}.{len(self._sentences) + 1}"
        self._sentences.append(Sentence(made, " ".join(text.split()), sources))
        return made

    @property
    def section(self) -> Section:
        """Return the section as far as it is written."""
        return Section(self.name, self.title, tuple(self._sentences))
