"""LAMIS-DMDB: labels in the names of folders, in the archive's own spelling.

A normal breast is normal here; the published preparation called it benign.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from pathlib import Path, PurePosixPath

from versamammo.data.quarantine import Quarantined
from versamammo.data.sources.archives.catalogue import ARCHIVES
from versamammo.data.sources.archives.joining import guarded, pictures
from versamammo.data.sources.archives.label_record import Notes, record
from versamammo.data.sources.archives.sheets import Line
from versamammo.data.sources.source_contract import Entry, ImageRecord, SourceOptions
from versamammo.errors import InputError

NAME = "lamis"
ARCHIVE = ARCHIVES[NAME]
PATHOLOGY = re.compile(r"\b(normal|ben(?:ing|ign)|mali(?:ng|gn)(?:ant)?)\b", re.IGNORECASE)
BIRADS = re.compile(r"\bB[AI]-?RADS ?(IV|V|I{1,3}|[0-6])\b", re.IGNORECASE)
DENSITY = re.compile(r"\bACR ?([1-4])\b", re.IGNORECASE)
ROMAN = {"i": 1, "ii": 2, "iii": 3, "iv": 4, "v": 5} | {str(n): n for n in range(7)}
SEVERITY = {"normal": 0, "bening": 1, "benign": 1} | dict.fromkeys(
    ("maling", "malign", "malingant", "malignant"), 2
)
STEM = re.compile(r"(P[A-Z]*\d+)_([^_]+)_(L|R|U)_(CC|MLO|UNK)(?:[_ (-].*)?", re.IGNORECASE)


def detect(root: Path) -> bool:
    """Return whether this is the archive's folder, or holds it."""
    return root.is_dir() and ("LAMISDMDB" in root.name or any(root.glob("LAMISDMDB*")))


def records(root: Path, options: SourceOptions) -> Iterator[Entry]:
    """List every picture, repeated views each for themselves.

    Raises:
        InputError: there are no pictures.
    """
    for path in pictures(root, ARCHIVE, (".dcm", ".dicom", ".png", ".jpg", ".tif")):
        yield path if isinstance(path, Quarantined) else guarded(path, (), describe)


def describe(path: str, lines: Sequence[Line]) -> ImageRecord:
    """Describe one picture by its name and its folders.

    Raises:
        InputError: the name does not follow the archive's rule, or folders contradict each other.
    """
    stem, folders = PurePosixPath(path).stem, str(PurePosixPath(path).parent)
    match = STEM.fullmatch(stem)
    if match is None:
        raise InputError(
            f"expected a name like P403_36_L_MLO, got {stem!r}",
            field="file name", reason="unknown-name",
        )  # fmt: skip
    notes = Notes("names")
    notes.number("pathology", said_once(PATHOLOGY, folders), "folder", meaning=SEVERITY)
    notes.number("birads", said_once(BIRADS, folders), "folder", meaning=ROMAN)
    notes.number("density", said_once(DENSITY, folders), "folder")
    patient, study, side, view = match.groups()
    return record(
        path, notes, notes.labels(), patient=patient, exam=f"{patient}_{study}",
        image=path.rpartition(".")[0],
        side=None if side.upper() == "U" else notes.side(side, "file name"),
        view=None if view.upper() == "UNK" else notes.view(view, "file name"),
        name="_".join(match.groups()),
    )  # fmt: skip


def said_once(pattern: re.Pattern[str], folders: str) -> str:
    """Return what the folders of a path say of one label, "" if nothing.

    Raises:
        InputError: they say two things (reason "rows-disagree").
    """
    words = {match[1] for match in pattern.finditer(folders.replace("_", " "))}
    if len({word.lower() for word in words}) > 1:
        raise InputError(
            f"the folders say {' and '.join(sorted(words))}", field="folder", reason="rows-disagree"
        )
    return next(iter(words), "")
