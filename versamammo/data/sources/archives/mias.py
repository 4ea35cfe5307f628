"""mini-MIAS: 161 pairs of films, 1024 x 1024 PGM, lesions as circles in `Info.txt`.

y is counted from the bottom edge. Film 2n-1 and 2n are of one woman, even numbers left (so the
archive's own note; checked against nothing else).
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from functools import partial
from pathlib import Path, PurePosixPath

from versamammo.data.sources.archives.catalogue import ARCHIVES
from versamammo.data.sources.archives.circles import MARKED, findings
from versamammo.data.sources.archives.joining import joined, pictures, stem
from versamammo.data.sources.archives.label_record import Notes, record
from versamammo.data.sources.archives.sheets import Line, found, grouped, needed
from versamammo.data.sources.headers import picture_size
from versamammo.data.sources.source_contract import Entry, ImageRecord, SourceOptions
from versamammo.errors import InputError
from versamammo.imaging.mammogram import Laterality, View

NAME = "mias"
ARCHIVE = ARCHIVES[NAME]
SHEET = "Info.txt"
FIELDS = ("image", "tissue", "class", "severity", "x", "y", "radius")
LINE = re.compile(r"mdb\d{3}\b")


def detect(root: Path) -> bool:
    """Return whether `Info.txt` and the films lie here."""
    return root.is_dir() and bool(found(root, SHEET)) and bool(found(root, "mdb*.pgm"))


def records(root: Path, options: SourceOptions) -> Iterator[Entry]:
    """List every film.

    Raises:
        InputError: `Info.txt` or all films are missing.
    """
    lines = read_info(needed(root, ARCHIVE, SHEET))
    rows = grouped(lines, lambda line: line["image"])
    yield from joined(
        pictures(root, ARCHIVE, (".pgm",)),
        rows,
        SHEET,
        stem,
        partial(describe, root),
        options.joins,
    )


def read_info(path: Path) -> list[Line]:
    """Read the rows of `Info.txt`, whose other lines are prose.

    Raises:
        InputError: it holds no row.
    """
    text = path.read_text(encoding="utf-8", errors="replace")
    rows = [line.split() for line in text.splitlines() if LINE.match(line)]
    if not rows:
        raise InputError("no line begins with a film's name", file=path, reason="missing-column")
    # a note instead of coordinates ("*NOTE 3*") says that the lesion has no one place
    numbers = [[cell for cell in row if not cell.startswith("*")] for row in rows]
    return [
        dict(zip(FIELDS, row[:4] + coordinates(row[4:]), strict=True))
        for row in (row + [""] * max(0, 4 - len(row)) for row in numbers)
    ]


def coordinates(cells: Sequence[str]) -> list[str]:
    """Return x, y and radius, all empty where the row has no three numbers."""
    good = len(cells) >= 3 and all(cell.isdigit() for cell in cells[:3])
    return list(cells[:3]) if good else ["", "", ""]


def describe(root: Path, path: str, lines: Sequence[Line]) -> ImageRecord:
    """Describe one film."""
    notes = Notes(SHEET)
    notes.number("tissue", notes.same(lines, "tissue"), "tissue")
    marked = findings(lines, notes, stem(path), picture_size(root / path), upwards=True)
    number = int(PurePosixPath(path).stem[3:6])
    return record(
        path, notes, notes.labels(marked, MARKED), patient=f"pair {(number + 1) // 2:03d}",
        side=Laterality.RIGHT if number % 2 else Laterality.LEFT, view=View.MLO,
        image=stem(path), name=stem(path),
    )  # fmt: skip
