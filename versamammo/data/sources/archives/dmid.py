"""DMID (figshare): Indian mammograms, lesions as circles in `Metadata.xlsx`.

Its table is laid out as that of MIAS, but nothing says that y is counted from the bottom, and the
published preparation counts it from the top: so do we.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from functools import partial
from pathlib import Path

from versamammo.data.sources import label_parsing as words
from versamammo.data.sources.archives.catalogue import ARCHIVES
from versamammo.data.sources.archives.circles import MARKED, findings
from versamammo.data.sources.archives.joining import joined, pictures, stem
from versamammo.data.sources.archives.label_record import Notes, record
from versamammo.data.sources.archives.sheets import Line, found, grouped, needed, read_lines
from versamammo.data.sources.headers import picture_size
from versamammo.data.sources.source_contract import Entry, ImageRecord, SourceOptions
from versamammo.errors import InputError

NAME = "dmid"
ARCHIVE = ARCHIVES[NAME]
SHEETS = ("Metadata.xlsx", "Metadata.csv")
COLUMNS = ("id", "view", "background_tissue", "abnormality", "pathology", "x", "y", "radius")
VIEW = re.compile(r"(CC|MLO)[ _-]?(L|R)T?", re.IGNORECASE)


def detect(root: Path) -> bool:
    """Return whether DMID's table and its folder of DICOM files lie here."""
    return root.is_dir() and bool(found(root, *SHEETS)) and (root / "DICOM Images").is_dir()


def records(root: Path, options: SourceOptions) -> Iterator[Entry]:
    """List every picture.

    Raises:
        InputError: the table or all pictures are missing.
    """
    sheet = needed(root, ARCHIVE, *SHEETS)
    lines = [
        {**line, "class": line["abnormality"], "severity": line["pathology"]}
        for line in read_lines(sheet, COLUMNS)
    ]
    rows = grouped(lines, lambda line: line["id"].strip())
    listed = pictures(root, ARCHIVE, (".dcm",))
    yield from joined(listed, rows, sheet.name, stem, partial(describe, root), options.joins)


def describe(root: Path, path: str, lines: Sequence[Line]) -> ImageRecord:
    """Describe one picture.

    Raises:
        InputError: a word or a circle cannot be understood.
    """
    notes = Notes(SHEETS[0])
    notes.number("tissue", notes.same(lines, "background_tissue"), "background tissue")
    marked = findings(lines, notes, stem(path), picture_size(root / path), upwards=False)
    word = notes.same(lines, "view")
    match = VIEW.fullmatch(word.strip())
    if match is None and words.said(word):
        raise InputError(
            f"{word!r} is not understood; expected CCLT, MLORT and the like",
            field=notes.where("view"), reason="unknown-word",
        )  # fmt: skip
    return record(
        path, notes, notes.labels(marked, MARKED), image=stem(path), name=stem(path),
        view=notes.view(match[1], "view") if match else None,
        side=notes.side(match[2], "view") if match else None,
    )  # fmt: skip
