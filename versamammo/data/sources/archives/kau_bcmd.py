"""KAU-BCMD: mammograms in one folder per BI-RADS category, names with year, number, view and side.

The number stands for a patient; one that occurs in two years is taken as the same person.
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

NAME = "kau-bcmd"
ARCHIVE = ARCHIVES[NAME]
FOLDER = re.compile(r"bi-?rads? ?([0-6])", re.IGNORECASE)
STEM = re.compile(r"((\d{4})_(BC\d+))_(CC|MLO)_([LR])", re.IGNORECASE)


def detect(root: Path) -> bool:
    """Return whether there are folders Birad1, Birad3, ... here."""
    return root.is_dir() and any(
        FOLDER.fullmatch(place.name) and place.is_dir() for place in root.glob("*")
    )


def records(root: Path, options: SourceOptions) -> Iterator[Entry]:
    """List the pictures; a name under two categories is kept out on both sides.

    Raises:
        InputError: there are no pictures.
    """
    listed = pictures(root, ARCHIVE, (".jpg", ".jpeg", ".png"))
    categories: dict[str, set[str]] = {}
    for path in listed:
        if isinstance(path, str):
            categories.setdefault(plain_stem(path), set()).add(category_of(path))
    for path in listed:
        if isinstance(path, Quarantined):
            yield path
        elif len(categories[plain_stem(path)]) > 1:
            both = " and ".join(sorted(categories[plain_stem(path)]))
            yield Quarantined(path, "folder", "copies-disagree", f"lies under BI-RADS {both}")
        else:
            yield guarded(path, (), describe)


def plain_stem(path: str) -> str:
    """Return a picture's name without ending and the blanks that some have."""
    return PurePosixPath(path).stem.replace(" ", "")


def category_of(path: str) -> str:
    """Read the category from the folders of a path, "" if none says one."""
    found = (FOLDER.fullmatch(part) for part in PurePosixPath(path).parts)
    return next((match[1] for match in found if match), "")


def describe(path: str, lines: Sequence[Line]) -> ImageRecord:
    """Describe one picture by its name and folder.

    Raises:
        InputError: name or folder do not follow the archive's rule.
    """
    name = plain_stem(path)
    match = STEM.fullmatch(name)
    if match is None:
        raise InputError(
            f"expected a name like 2013_BC011502_MLO_L, got {name!r}",
            field="file name", reason="unknown-name",
        )  # fmt: skip
    notes = Notes("names")
    notes.number("birads", category_of(path), "folder")
    return record(
        path, notes, notes.labels(), patient=match[3].upper(), exam=match[1], image=name, name=name,
        view=notes.view(match[4], "file name"), side=notes.side(match[5], "file name"),
    )  # fmt: skip
