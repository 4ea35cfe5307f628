"""Mammogram Mastery (Mendeley fvjhtskg93): pictures with and without cancer, and no more.

What is not cancer may be normal or benign: that stays unknown. Published split tables number the
pictures in the order a disk listed them, which nobody can repeat; ours are named by their files.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path, PurePosixPath

from versamammo.data.quarantine import Quarantined
from versamammo.data.sources.archives.catalogue import ARCHIVES
from versamammo.data.sources.archives.joining import guarded, pictures
from versamammo.data.sources.archives.label_record import Notes, record
from versamammo.data.sources.archives.sheets import Line, missing
from versamammo.data.sources.source_contract import Entry, ImageRecord, SourceOptions
from versamammo.errors import InputError

NAME = "mm"
ARCHIVE = ARCHIVES[NAME]
ORIGINAL = "Original Dataset"
CANCER = {"cancer": 1.0, "non cancer": 0.0}


def detect(root: Path) -> bool:
    """Return whether the folder of originals, with its two classes, lies here."""
    return (root / ORIGINAL).is_dir()


def records(root: Path, options: SourceOptions) -> Iterator[Entry]:
    """List the originals; the archive's augmented copies are left out, each with the reason.

    Raises:
        InputError: the folder of originals is missing.
    """
    if not detect(root):
        raise missing(ARCHIVE, f"{ORIGINAL}/")
    for path in pictures(root, ARCHIVE, (".jpg", ".jpeg", ".png")):
        if isinstance(path, Quarantined):
            yield path
        elif path.startswith(f"{ORIGINAL}/"):
            yield guarded(path, (), describe)
        else:
            yield Quarantined(path, "folder", "augmented", "a changed copy of an original")


def describe(path: str, lines: Sequence[Line]) -> ImageRecord:
    """Describe one picture by its folder.

    Raises:
        InputError: it lies in neither class.
    """
    parts = PurePosixPath(path).parts
    if len(parts) < 3:
        raise InputError("lies in neither Cancer nor Non-Cancer", field="folder", reason="no-row")
    notes = Notes("names")
    if notes.number("cancer", parts[1], "folder", meaning=CANCER) == 1:
        notes.keep("pathology", 2.0, parts[1], "folder")
    return record(path, notes, notes.labels(), image=f"{parts[1]}/{PurePosixPath(path).stem}")
