"""A folder of DICOM files or pictures, at any depth; a table of labels may lie beside it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

from versamammo.data.quarantine import NOT_AN_IMAGE, Quarantined
from versamammo.data.sources import table
from versamammo.data.sources.columns import read_table
from versamammo.data.sources.source_contract import Entry, ImageRecord, SourceOptions
from versamammo.data.sources.walking import walk
from versamammo.imaging.reading import looks_readable

NAME = "folder"


def detect(root: Path) -> bool:
    """Any folder will do: the most specific sources are asked first."""
    return root.is_dir()


def records(root: Path, options: SourceOptions) -> Iterator[Entry]:
    """List every file under the folder; one whose first bytes show no picture is kept out.

    Raises:
        InputError: the folder cannot be opened, or the table of labels cannot be used.
    """
    told = {}
    if options.labels is not None:
        labels = read_table(options.labels, options.columns)
        told = {entry.path: entry for entry in table.described(root, labels, options.joins)}
    pictures = 0
    for path in walk(root):
        if isinstance(path, Quarantined):
            yield path
        elif path in told:
            pictures += 1
            yield told.pop(path)
        else:
            entry = sniffed(root, path)
            pictures += isinstance(entry, ImageRecord)
            yield entry
    yield from told.values()
    if options.joins:
        options.joins[-1] = replace(options.joins[-1], pictures=pictures)


def sniffed(root: Path, path: str) -> Entry:
    """Decide by a file's first bytes, not by its name, whether it is a picture."""
    try:
        if looks_readable(root / path):
            return ImageRecord(path)
    except OSError as error:
        return Quarantined(path, "", "unreadable", f"cannot be opened: {error.strerror}")
    return Quarantined(path, "", NOT_AN_IMAGE, "neither DICOM nor PNG, JPEG, TIFF or PGM")
