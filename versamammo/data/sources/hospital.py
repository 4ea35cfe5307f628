"""A hospital's export: DICOM files as they came, and a table of labels by accession number.

The table has a column `accession` (or one of its spellings) and may have one of the side; a row
without a side speaks of both breasts. What the tags say of patient, exam and view is taken from the
files by the workers. A picture that no row speaks of is kept, with nothing known.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from versamammo.data.quarantine import Quarantined
from versamammo.data.sources import label_parsing as words
from versamammo.data.sources.columns import LabelTable, read_table
from versamammo.data.sources.folder import sniffed
from versamammo.data.sources.headers import dicom_tags, is_dicom
from versamammo.data.sources.joins import Joined, respelled
from versamammo.data.sources.rows import Row, as_rows, describe, findings_in
from versamammo.data.sources.source_contract import Entry, ImageRecord, SourceOptions
from versamammo.data.sources.walking import walk
from versamammo.errors import InputError
from versamammo.imaging.dicom.positioning import read_positioning
from versamammo.imaging.mammogram import Laterality

NAME = "hospital"


def detect(root: Path) -> bool:
    """A folder of DICOM files looks like any other: this source has to be named."""
    return False


def records(root: Path, options: SourceOptions) -> Iterator[Entry]:
    """List every file with what the table says of its exam and side.

    Raises:
        InputError: no table was given, it cannot be read, has no accession numbers or joins
            nothing.
    """
    if options.labels is None:
        raise InputError("a table by accession number is needed", field="--labels",
                         reason="missing-option")  # fmt: skip
    table = read_table(options.labels, options.columns)
    if not table.has("accession"):
        raise InputError(
            f"no column of accession numbers; the table has {', '.join(table.sheet.header)} "
            "(`--columns accession=NAME` chooses one)",
            file=table.name, field="accession", reason="missing-column",
        )  # fmt: skip
    rows: dict[str, list[Row]] = defaultdict(list)
    for row in as_rows(table):
        rows[words.identifier(row["accession"], table.where("accession"))].append(row)
    files: list[ExportedImage | Quarantined] = []
    for path in walk(root):
        files.append(path if isinstance(path, Quarantined) else found_in(root, path))
    yield from joined(table, rows, files, options)


@dataclass(frozen=True)
class ExportedImage:
    """One picture of the export, and what its tags say of exam and side."""

    path: str
    accession: str = ""
    side: Laterality | None = None


def found_in(root: Path, path: str) -> ExportedImage | Quarantined:
    """Look into one file; what the reader refuses is kept out."""
    entry = sniffed(root, path)
    if isinstance(entry, Quarantined):
        return entry
    try:
        if not is_dicom(root / path):
            return ExportedImage(path)
        tags = dicom_tags(root / path)
    except InputError as error:
        return Quarantined.because(error, path)
    side = read_positioning(tags, PurePosixPath(path).name).laterality
    return ExportedImage(path, tags.text("AccessionNumber") or "", side)


def joined(
    table: LabelTable,
    rows: dict[str, list[Row]],
    files: Sequence[ExportedImage | Quarantined],
    options: SourceOptions,
) -> Iterator[Entry]:
    """Attach to every picture the rows of its exam and side.

    Raises:
        InputError: the table has pictures of none of its exams ("no-file-found").
    """
    there = [found for found in files if isinstance(found, ExportedImage)]
    spelt = respelled(rows, (found.accession for found in there))
    for ours, theirs in spelt.items():
        rows[theirs] = rows.pop(ours)
    about = {
        found.path: [row for row in rows.get(found.accession, ()) if speaks_of(row, found.side)]
        for found in there
    }
    with_row = [found for found in there if about[found.path]]
    met = {id(row) for found in with_row for row in about[found.path]}
    every = [row for group in rows.values() for row in group]
    lacking = sum(not found.side and found.accession in rows for found in there)
    remarks = [
        f"{len(spelt)} accession numbers were matched without leading zeros" if spelt else "",
        f"{lacking} pictures of its exams do not say their side" if lacking else "",
    ]
    options.joins.append(
        Joined(table.name, len(every), len(met), len(there), len(with_row),
               tuple(filter(None, remarks)))
    )  # fmt: skip
    if there and not with_row:
        raise InputError(nothing_met(rows, there), file=table.name,
                         field=table.where("accession"), reason="no-file-found")  # fmt: skip
    for file in files:
        yield file if isinstance(file, Quarantined) else described(table, file, about[file.path])
    yield from without_picture(table, rows, met)


def without_picture(
    table: LabelTable, rows: Mapping[str, Sequence[Row]], met: set[int]
) -> Iterator[Entry]:
    """List what the table speaks of and is not there."""
    for accession, group in rows.items():
        if not any(id(row) in met for row in group):
            yield Quarantined(
                accession, table.where("accession"), "missing-file",
                "no picture of that accession number and side",
            )  # fmt: skip


def nothing_met(rows: Mapping[str, object], there: Sequence[ExportedImage]) -> str:
    """Return why a table joins nothing, with an example of either side."""
    asked = next(iter(rows), "")
    told = next((found.accession for found in there if found.accession), None)
    if told is None:
        return f"none of the {len(there)} pictures has an accession number"
    if any(found.accession in rows for found in there):
        return "the pictures of its accession numbers do not have the sides of its rows"
    return (
        f"none of its {len(rows)} accession numbers, such as {asked!r}, is that of a picture, "
        f"such as {told!r}"
    )


def described(table: LabelTable, found: ExportedImage, about: Sequence[Row]) -> Entry:
    """Describe one file by the rows of its exam that speak of its side."""
    if not about:
        return ImageRecord(found.path)
    try:
        return describe(table, found.path, about, findings_in(table, about))
    except InputError as error:
        return Quarantined.because(error, found.path)


def speaks_of(row: Row, side: Laterality | None) -> bool:
    """Return whether a row is of this side, or of no side in particular."""
    word = row.get("laterality", "")
    if not words.said(word) or words.plain(word) in ("b", "both", "bilateral"):
        return True
    return side is not None and words.laterality(word) == side
