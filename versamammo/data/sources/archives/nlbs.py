"""NL-Breast-Screening (FRDR): exams of a Canadian screening programme with their outcome.

A false positive is a woman who was called back and had no cancer. Whether her breast was normal or
had something benign is not said, so only `cancer` is known of it.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from pathlib import Path, PurePosixPath

from versamammo.data.sources.archives.catalogue import ARCHIVES
from versamammo.data.sources.archives.joining import joined, pictures
from versamammo.data.sources.archives.label_record import Notes, record
from versamammo.data.sources.archives.sheets import Line, found, grouped, needed, read_lines
from versamammo.data.sources.source_contract import Entry, ImageRecord, SourceOptions
from versamammo.errors import InputError

NAME = "nlbs"
ARCHIVE = ARCHIVES[NAME]
SHEET = "NLBSP-metadata.csv"
COLUMNS = ("file_path", "image_laterality", "view_position", "cancer", "false_positive")
STUDY = re.compile(r"(?:\d_[A-Z])?\d{6,}")


def detect(root: Path) -> bool:
    """Return whether the archive's table lies here."""
    return root.is_dir() and bool(found(root, SHEET))


def records(root: Path, options: SourceOptions) -> Iterator[Entry]:
    """List every picture of the table; its paths are written with backslashes.

    Raises:
        InputError: the table or all pictures are missing.
    """
    sheet = needed(root, ARCHIVE, SHEET)
    rows = grouped(read_lines(sheet, COLUMNS), lambda line: tail(line["file_path"]))
    yield from joined(
        pictures(root, ARCHIVE, (".dcm",)), rows, SHEET, tail, describe, options.joins
    )


def tail(path: str) -> str:
    """Name a picture by the last three parts of its path: group, study, file."""
    return "/".join(PurePosixPath(path.strip().replace("\\", "/")).parts[-3:])


def describe(path: str, lines: Sequence[Line]) -> ImageRecord:
    """Describe one picture.

    Raises:
        InputError: its path names no study, or a cancer is called a false positive.
    """
    notes = Notes(SHEET)
    cancer = notes.number("cancer", notes.same(lines, "cancer"), "Cancer")
    wrong = notes.same(lines, "false_positive") in ("1", "True", "TRUE")
    if cancer == 1 and wrong:
        raise InputError(
            "both Cancer and False Positive", field=notes.where("Cancer"), reason="rows-disagree"
        )
    if cancer == 1:
        notes.keep("pathology", 2.0, "1", "Cancer")
    elif wrong:
        notes.unmapped("pathology", "False Positive", "False Positive")
    elif cancer == 0:
        notes.keep("pathology", 0.0, "0", "Cancer")
    study = next((m[0] for part in path.split("/") if (m := STUDY.match(part))), None)
    if study is None:
        raise InputError("no part of its path is a study", field="File Path", reason="unknown-name")
    side = notes.side(notes.same(lines, "image_laterality"), "Image Laterality")
    view = notes.view(notes.same(lines, "view_position"), "View Position")
    group = PurePosixPath(path).parts[-3] if len(PurePosixPath(path).parts) > 2 else ""
    return record(
        path, notes, notes.labels(), exam=study, image=path, side=side, view=view,
        name=f"{group}-{study}-{(side or 'u').lower()}-{view or ''}",
    )  # fmt: skip
