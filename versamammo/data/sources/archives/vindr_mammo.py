"""VinDr-Mammo (PhysioNet): 5,000 Vietnamese exams, boxes in pixels of the DICOM file as it is.

No patient ids are given, so an exam is never parted. The official 4,000/1,000 exams are kept.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from pathlib import Path

from versamammo.data.labels import FINDINGS, Finding
from versamammo.data.sources import label_parsing as words
from versamammo.data.sources.archives.catalogue import ARCHIVES
from versamammo.data.sources.archives.joining import joined, pictures, stem
from versamammo.data.sources.archives.label_record import Notes, record
from versamammo.data.sources.archives.sheets import Line, found, grouped, needed, read_lines
from versamammo.data.sources.source_contract import Entry, ImageRecord, SourceOptions
from versamammo.errors import InputError
from versamammo.imaging.mammogram import Box

NAME = "vindr-mammo"
ARCHIVE = ARCHIVES[NAME]
SHEET = "finding_annotations.csv"
CORNERS = ("xmin", "ymin", "xmax", "ymax")
COLUMNS = (
    "study_id", "image_id", "laterality", "view_position", "breast_birads", "breast_density",
    "finding_categories", "finding_birads", *CORNERS, "split",
)  # fmt: skip
NOTHING = "no finding"
PARTS = {"training": "train", "test": "test"}


def detect(root: Path) -> bool:
    """Return whether VinDr-Mammo's table of findings lies here."""
    return root.is_dir() and bool(found(root, SHEET))


def records(root: Path, options: SourceOptions) -> Iterator[Entry]:
    """List every picture with its findings.

    Raises:
        InputError: the table or all pictures are missing.
    """
    rows = grouped(read_lines(needed(root, ARCHIVE, SHEET), COLUMNS), lambda line: line["image_id"])
    listed = pictures(root, ARCHIVE, (".dicom", ".dcm"))
    yield from joined(listed, rows, SHEET, stem, describe, options.joins)


def describe(path: str, lines: Sequence[Line]) -> ImageRecord:
    """Describe one picture."""
    notes = Notes(SHEET)
    part = notes.same(lines, "split")
    if part not in PARTS:
        words.refuse(part, notes.where("split"), "training or test")
    notes.number("birads", notes.same(lines, "breast_birads"), "breast_birads")
    notes.number("density", notes.same(lines, "breast_density"), "breast_density")
    marked = [
        finding
        for number, line in enumerate(lines)
        for finding in findings(line, notes, f"{stem(path)}_{number}")
    ]
    return record(
        path, notes, notes.labels(marked, FINDINGS), exam=notes.same(lines, "study_id"),
        image=stem(path), name=stem(path), edition="5th", split=PARTS[part],
        side=notes.side(notes.same(lines, "laterality"), "laterality"),
        view=notes.view(notes.same(lines, "view_position"), "view_position"),
    )  # fmt: skip


def findings(line: Line, notes: Notes, lesion: str) -> Iterator[Finding]:
    """Read one row; its several categories share the box.

    Raises:
        InputError: a category without agreed meaning, or a box that is none.
    """
    where = notes.where("finding_categories")
    categories = re.findall(r"['\"]([^'\"]+)['\"]", line["finding_categories"])
    if not categories:
        words.refuse(line["finding_categories"], where, "a list such as ['Mass']")
    if [words.plain(category) for category in categories] == [NOTHING]:
        return
    corners = [words.number(line[corner], notes.where(corner)) for corner in CORNERS]
    try:
        box = Box(*corners)
    except ValueError as error:
        raise InputError(str(error), field=notes.where("xmin"), reason="box-empty") from error
    birads = words.label("birads", line["finding_birads"], notes.where("finding_birads"))
    for category in categories:
        yield Finding(words.kind(category, where), lesion_id=lesion, box=box, birads=birads)
