"""CSAW-M: how easily a tumour could hide in each mammogram, eight grades by experts.

The columns about cancer speak of the years after the image, so they are no labels of it.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

from versamammo.data.sources.archives.catalogue import ARCHIVES
from versamammo.data.sources.archives.joining import joined, pictures, stem
from versamammo.data.sources.archives.label_record import Notes, record
from versamammo.data.sources.archives.sheets import Line, found, needed, read_lines
from versamammo.data.sources.source_contract import Entry, ImageRecord, SourceOptions

NAME = "csaw-m"
ARCHIVE = ARCHIVES[NAME]
PARTS = ("train", "test")
SHEETS = "CSAW-M_train.csv and CSAW-M_test.csv"


def detect(root: Path) -> bool:
    """Return whether the tables of CSAW-M lie here."""
    return root.is_dir() and bool(found(root, *(f"CSAW-M_{part}.csv" for part in PARTS)))


def records(root: Path, options: SourceOptions) -> Iterator[Entry]:
    """List the pictures of both parts; the public test stays test.

    Raises:
        InputError: a table or all pictures are missing.
    """
    rows: dict[str, list[Line]] = {}
    for part in PARTS:
        path = needed(root, ARCHIVE, f"CSAW-M_{part}.csv")
        for line in read_lines(path, ("filename", "label"), may_be_empty=True):
            rows.setdefault(stem(line["filename"]), []).append({**line, "part": part})
    listed = pictures(root, ARCHIVE, (".png",))
    yield from joined(listed, rows, SHEETS, stem, describe, options.joins)


def describe(path: str, lines: Sequence[Line]) -> ImageRecord:
    """Describe one picture."""
    part = lines[0]["part"]
    notes = Notes(f"CSAW-M_{part}.csv")
    notes.number("masking", notes.same(lines, "label"), "Label")
    return record(path, notes, notes.labels(), image=stem(path), name=stem(path), split=part)
