"""Gathers what an archive says of one image: numbers for the model, its own words beside them.

Three things can happen to a word. It is in the vocabulary and becomes a number. The archive's
module declares it to be without an agreed meaning ("5, normal male" as a density): the number stays
unknown, the word is kept and listed as unmapped. It is in neither: the image is kept out.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from typing import TypeVar

from versamammo.data.labels import UNKNOWN, Finding, Labels
from versamammo.data.sources import label_parsing as words
from versamammo.data.sources.source_contract import ImageRecord, SourceStatement
from versamammo.errors import InputError
from versamammo.imaging.mammogram import Identifiers, Laterality, View

T = TypeVar("T")
UNCODED_VIEWS = ("AT",)  # axillary tail
CONCERN = (1.0, 2.0, 3.0, 0.0, 4.0, 5.0, 6.0)  # BI-RADS categories by how soon a reader acts


def most_serious(categories: Iterable[float]) -> float:
    """Choose the assessment that decides what happens to the patient; NaN of none."""
    said = [category for category in categories if category == category]
    return max(said, key=CONCERN.index, default=UNKNOWN)


class Notes:
    """What one image's rows say, each fact once."""

    def __init__(self, sheet: str) -> None:
        self.sheet = sheet
        self.numbers: dict[str, float] = {}
        self.told: list[SourceStatement] = []

    def where(self, column: str) -> str:
        """Name the place of a word, for messages and provenance."""
        return f"{self.sheet}: {column}"

    def keep(self, fact: str, value: float, word: str, column: str) -> None:
        """Note a number that was read elsewhere, and the word it was read from."""
        self.numbers[fact] = value
        self.told.append(SourceStatement(fact, word.strip(), self.where(column)))

    def number(
        self,
        fact: str,
        word: str,
        column: str,
        *,
        meaning: Mapping[str, float] | None = None,
        meaningless: Iterable[str] = (),
    ) -> float:
        """Read one label.

        Args:
            fact: our name of it.
            word: the cell.
            column: where it stood.
            meaning: the archive's own vocabulary; ours by default.
            meaningless: words, in lower case, that are known to say nothing we can use.

        Raises:
            InputError: a word that nobody has declared (reason "unknown-word").
        """
        if not words.said(word):
            return UNKNOWN
        place = self.where(column)
        if words.plain(word) in meaningless:
            value = UNKNOWN
        elif meaning is not None:
            value = words.one_of(meaning)(word, place)
        else:
            value = words.label(fact, word, place)
        self.keep(fact, value, word, column)
        return value

    def same(self, lines: Iterable[Mapping[str, str]], column: str) -> str:
        """Return the one word that all rows of the image use.

        Raises:
            InputError: they differ (reason "rows-disagree").
        """
        said = sorted({line[column].strip() for line in lines if words.said(line[column])})
        if len(said) > 1:
            raise InputError(
                f"rows of one image disagree: {' and '.join(map(repr, said))}",
                field=self.where(column), reason="rows-disagree",
            )  # fmt: skip
        return said[0] if said else ""

    def side(self, word: str, column: str) -> Laterality | None:
        """Read the side."""
        return self.placed("laterality", words.laterality(word, self.where(column)), word, column)

    def view(self, word: str, column: str) -> View | None:
        """Read the projection; one without DICOM abbreviation is listed as unmapped."""
        uncoded = word.strip().upper() in UNCODED_VIEWS
        value = None if uncoded else words.view(word, self.where(column))
        return self.placed("view", value, word, column)

    def age(self, word: str, column: str) -> float:
        """Read the patient's age."""
        value = words.age(word, self.where(column))
        return self.placed("age", value, word, column)

    def placed(self, fact: str, value: T, word: str, column: str) -> T:
        """Note the word of a fact that is no label."""
        if words.said(word):
            self.told.append(SourceStatement(fact, word.strip(), self.where(column)))
        return value

    def unmapped(self, fact: str, word: str, column: str) -> None:
        """Keep a word of a lesion or region that has no place in our vocabulary."""
        self.told.append(SourceStatement(fact, word.strip(), self.where(column)))

    def labels(self, findings: Iterable[Finding] = (), looked_for: Iterable[str] = ()) -> Labels:
        """Build the image's labels.

        Args:
            findings: with their places; their kinds become present.
            looked_for: kinds that the archive always marks, so that no mark means absent.
        """
        listed = tuple(findings)
        present = {found.kind: 1.0 for found in listed}
        absent = {kind: 0.0 for kind in looked_for if kind not in self.numbers}
        grades = [found.subtlety for found in listed if found.subtlety == found.subtlety]
        most = {"subtlety": max(grades)} if grades else {}
        return replace(Labels(), findings=listed, **(absent | self.numbers | present | most))


def record(
    path: str,
    notes: Notes,
    labels: Labels,
    *,
    patient: str | None = None,
    exam: str | None = None,
    image: str | None = None,
    day: str | None = None,
    side: Laterality | None = None,
    view: View | None = None,
    age: float = UNKNOWN,
    edition: str | None = None,
    name: str | None = None,
    split: str | None = None,
) -> ImageRecord:
    """Build an image's record; `name` is what the published tables of splits call it."""
    return ImageRecord(
        path,
        Identifiers(patient_id=patient, exam_id=exam, image_id=image, exam_date=day),
        laterality=side,
        view=view,
        age=age,
        labels=labels,
        birads_edition=edition,
        published_name=name,
        official_split=split,
        told=tuple(notes.told),
    )


def unmapped(record: ImageRecord) -> Iterator[SourceStatement]:
    """Return the words of an image that nothing was made of."""
    known = {
        "laterality": record.laterality,
        "view": record.view,
        "birads_edition": record.birads_edition,
        "exam_date": record.identifiers.exam_date,
    }
    for told in record.told:
        value = known.get(told.fact, UNKNOWN)
        if told.fact in Labels.names():
            value = getattr(record.labels, told.fact)
        elif told.fact == "age":
            value = record.age
        if value is None or value != value:
            yield told
