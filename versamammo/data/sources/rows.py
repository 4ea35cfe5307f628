"""Turns the rows of a table that speak of one image into its record."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from functools import partial
from typing import TypeVar

from versamammo.data.labels import FINDINGS, UNKNOWN, Finding, Labels
from versamammo.data.sources import label_parsing as words
from versamammo.data.sources.columns import LabelTable
from versamammo.data.sources.source_contract import ImageRecord, SourceStatement
from versamammo.errors import InputError
from versamammo.imaging.mammogram import Box, Identifiers

Row = Mapping[str, str]  # our field -> the cell, or the constant, of one row
T = TypeVar("T")

CORNERS = ("x1", "y1", "x2", "y2")


def as_rows(table: LabelTable) -> list[Row]:
    """Read the table under our names; columns nobody knows are left behind."""
    lines = table.sheet.columns(*table.columns.values())
    return [dict(zip(table.columns, line, strict=True)) | dict(table.constants) for line in lines]


def findings_in(table: LabelTable, rows: Sequence[Row]) -> tuple[Finding, ...]:
    """Read the findings of one image: a row is one where it names it or has a box or a mask."""
    return tuple(found for row in rows if (found := finding(table, row)) is not None)


def describe(
    table: LabelTable, path: str, rows: Sequence[Row], findings: tuple[Finding, ...]
) -> ImageRecord:
    """Build the record of one image from its findings and all rows that name it.

    Raises:
        InputError: a cell cannot be understood or two rows disagree of the whole image.
    """
    one = Reader(table, rows)
    return ImageRecord(
        path,
        Identifiers(
            patient_id=one.text("patient_id"),
            exam_id=one.text("exam_id"),
            image_id=one.text("image_id"),
            accession=one.text("accession"),
            exam_date=one.read("exam_date", words.day),
        ),
        laterality=one.read("laterality", words.laterality),
        view=one.read("view", words.view),
        age=one.read("age", words.age) if table.has("age") else UNKNOWN,
        labels=labels(one, findings),
        birads_edition=one.read("birads_edition", words.edition),
        told=one.told(),
        size=stated_size(one),
    )


def stated_size(one: Reader) -> tuple[int, int] | None:
    """Return (H, W) of the picture that a table's boxes hold in, where it says so."""
    cells = {field: one.word(field) for field in ("image_height", "image_width")}
    if not all(cells.values()):
        return None
    high, wide = (
        round(words.number(cell, one.table.where(field))) for field, cell in cells.items()
    )
    return high, wide


class Reader:
    """Reads what the rows of one image agree on."""

    def __init__(self, table: LabelTable, rows: Sequence[Row]) -> None:
        self.table = table
        self.rows = rows
        self._told: list[SourceStatement] = []

    def word(self, field: str) -> str:
        """Return the one word all rows use for a field, "" if none says anything."""
        if not self.table.has(field):
            return ""
        said = sorted({row[field].strip() for row in self.rows if words.said(row[field])})
        if len(said) > 1:
            raise InputError(
                f"rows of one image disagree: {' and '.join(map(repr, said))}",
                field=self.table.where(field), reason="rows-disagree",
            )  # fmt: skip
        return said[0] if said else ""

    def text(self, field: str) -> str | None:
        """Return an identifier as it stands, None if unsaid."""
        return words.identifier(self.word(field), self.table.where(field)) or None

    def read(self, field: str, reader: Callable[[str, str], T]) -> T:
        """Read a field with its vocabulary and keep the source's word for it."""
        word = self.word(field)
        value = reader(word, self.table.where(field))
        if word:
            self._told.append(SourceStatement(field, word, self.table.where(field)))
        return value

    def told(self) -> tuple[SourceStatement, ...]:
        """Return the words behind every value read so far."""
        return tuple(self._told)


def labels(one: Reader, findings: tuple[Finding, ...]) -> Labels:
    """Read the image's own labels; a finding on the image makes its kind present."""
    numbers: dict[str, float] = {}
    for name in Labels.names():
        # subtlety is told per lesion; the image's is that of the most obvious one
        if one.table.has(name) and not (name == "subtlety" and findings):
            numbers[name] = one.read(name, partial(words.label, name))
    return with_findings(Labels(findings=findings, **numbers), one.table)


def with_findings(labels: Labels, table: LabelTable) -> Labels:
    """Carry what the findings show over to the image: presence of their kinds, subtlety."""
    derived: dict[str, float] = {}
    for kind in {found.kind for found in labels.findings}:
        if getattr(labels, kind) == 0:
            raise InputError(
                f"the image is said to have no {kind}, yet a finding of that kind is listed",
                field=table.where(kind), reason="rows-disagree",
            )  # fmt: skip
        derived[kind] = 1.0
    grades = [found.subtlety for found in labels.findings if not math.isnan(found.subtlety)]
    if grades:
        derived["subtlety"] = max(grades)
    return replace(labels, findings=labels.findings, **derived)


def finding(table: LabelTable, row: Row) -> Finding | None:
    """Read one row's finding; None if it speaks of the image alone."""
    place = box(table, row)
    mask = optional(row, "mask")
    if not words.said(row.get("finding", "")):
        if place is None and mask is None:
            return None
        raise InputError(
            f"a box or mask without its kind; expected one of {', '.join(FINDINGS)} "
            "(`--columns finding==mass` says it for all rows)",
            field="finding", reason="finding-without-kind",
        )  # fmt: skip
    return Finding(
        words.kind(row["finding"], table.where("finding")),
        lesion_id=optional(row, "lesion_id"),
        box=place,
        mask=mask,
        shape=optional(row, "shape"),
        margin=optional(row, "margin"),
        morphology=optional(row, "morphology"),
        distribution=optional(row, "distribution"),
        pathology=lesion_pathology(table, row),
        birads=words.label("birads", row.get("finding_birads", ""), table.where("finding_birads")),
        subtlety=words.label("subtlety", row.get("subtlety", ""), table.where("subtlety")),
    )


def lesion_pathology(table: LabelTable, row: Row) -> float:
    """Read a lesion's pathology: 0 benign, 1 malignant; a lesion is never normal."""
    word, where = row.get("finding_pathology", ""), table.where("finding_pathology")
    value = words.label("pathology", word, where)
    if value == 0:
        words.refuse(word, where, "benign or malignant")
    return value - 1


def optional(row: Row, field: str) -> str | None:
    """Return a cell's text, None if it says nothing."""
    word = row.get(field, "").strip()
    return word if words.said(word) else None


def box(table: LabelTable, row: Row) -> Box | None:
    """Read the corners x1, y1, x2, y2; None where none of the four cells says anything.

    Raises:
        InputError: a corner is missing or not a finite number, or the corners are out of order.
    """
    cells = {corner: row.get(corner, "").strip() for corner in CORNERS}
    if not any(map(words.said, cells.values())):
        return None
    numbers = []
    for corner, cell in cells.items():
        try:
            value = float(cell)
        except ValueError:
            value = math.nan
        if not math.isfinite(value):
            raise InputError(
                f"{cell!r} is not a finite number; a box needs all four corners",
                field=table.where(corner), reason="box-not-finite",
            )  # fmt: skip
        numbers.append(value)
    x1, y1, x2, y2 = numbers
    if x2 <= x1 or y2 <= y1:
        raise InputError(
            f"a box needs x1 < x2 and y1 < y2, got ({x1:g}, {y1:g}, {x2:g}, {y2:g})",
            field=table.where("x2" if x2 <= x1 else "y2"), reason="box-empty",
        )  # fmt: skip
    return Box(x1, y1, x2, y2)
