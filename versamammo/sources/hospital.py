"""A hospital's export: DICOM files as they came, and a table of labels by accession number.

The table has a column `accession` (or one of its spellings) and may have one of the side; a row
without a side speaks of both breasts. What the tags say of patient, exam and view is taken from the
files by the workers. A picture that no row speaks of is kept, with nothing known.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

import pydicom

from versamammo.errors import InputError
from versamammo.quarantine import Quarantined
from versamammo.sources import words
from versamammo.sources.columns import Table, read_table
from versamammo.sources.contract import Entry, ImageRecord, SourceOptions
from versamammo.sources.folder import sniffed
from versamammo.sources.rows import Row, as_rows, describe, findings_in
from versamammo.sources.walking import walk

NAME = "hospital"


def detect(root: Path) -> bool:
    """A folder of DICOM files looks like any other: this source has to be named."""
    return False


def records(root: Path, options: SourceOptions) -> Iterator[Entry]:
    """List every file with what the table says of its exam and side.

    Raises:
        InputError: no table was given, it cannot be read or has no accession numbers.
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
        rows[row["accession"].strip()].append(row)
    met: set[str] = set()
    for path in walk(root):
        entry = path if isinstance(path, Quarantined) else sniffed(root, path)
        if isinstance(entry, ImageRecord):
            accession, side = tags_of(root / entry.path)
            met.add(accession)
            entry = described(table, rows, entry.path, accession, side)
        yield entry
    for accession in rows.keys() - met:
        yield Quarantined(
            accession, table.where("accession"), "missing-file", "no file of that accession number"
        )


def tags_of(path: Path) -> tuple[str, str]:
    """Read accession number and side from a file; "" where it has none or is no DICOM."""
    wanted = ["AccessionNumber", "ImageLaterality", "Laterality"]
    try:
        tags = pydicom.dcmread(path, stop_before_pixels=True, specific_tags=wanted)
    except (OSError, pydicom.errors.InvalidDicomError):
        return "", ""  # reading it will say why
    side = tags.get("ImageLaterality") or tags.get("Laterality") or ""
    return str(tags.get("AccessionNumber") or "").strip(), str(side)


def described(
    table: Table, rows: Mapping[str, Sequence[Row]], path: str, accession: str, side: str
) -> Entry:
    """Describe one file by the rows of its exam that speak of its side."""
    try:
        about = [row for row in rows.get(accession, ()) if speaks_of(row, side)]
        if not about:
            return ImageRecord(path)
        return describe(table, path, about, findings_in(table, about))
    except InputError as error:
        return Quarantined.because(error, path)


def speaks_of(row: Row, side: str) -> bool:
    """Tell whether a row is of this side, or of no side in particular."""
    word = row.get("laterality", "")
    if not words.said(word) or words.plain(word) in ("b", "both", "bilateral"):
        return True
    return words.laterality(word) == side
