"""A CSV beside images: one row per image, or one per finding on an image.

The columns that are recognised, and their synonyms, are in `columns.SYNONYMS`. A row names its
image by `file` (relative to the source folder) or, without such a column, by `image_id` (the
file's name without its ending, which must be unique in the folder).
"""

from __future__ import annotations

import logging
import posixpath
from collections.abc import Iterable, Iterator
from pathlib import Path, PurePosixPath

from versamammo.data.labels import Finding
from versamammo.data.quarantine import Quarantined
from versamammo.data.sources.columns import LabelTable, read_table
from versamammo.data.sources.joins import Joined, bare
from versamammo.data.sources.rows import Row, as_rows, describe, findings_in
from versamammo.data.sources.source_contract import Entry, SourceOptions
from versamammo.data.sources.walking import check_root, inside, leads_out, walk
from versamammo.errors import InputError

NAME = "table"

log = logging.getLogger(__name__)


def detect(root: Path) -> bool:
    """Return whether this is a table of text."""
    return root.is_file() and root.suffix.lower() in (".csv", ".tsv")


def records(root: Path, options: SourceOptions) -> Iterator[Entry]:
    """List the images that the table names, in the order of its rows.

    Raises:
        InputError: no table was given, it cannot be read, or none of its files exists.
    """
    if options.labels is None:
        raise InputError("a table of images is needed", field="--labels", reason="missing-option")
    check_root(root)
    yield from described(root, read_table(options.labels, options.columns), options.joins)


def described(root: Path, table: LabelTable, joins: list[Joined]) -> list[Entry]:
    """Describe every image the table names, or say why it cannot be used.

    Raises:
        InputError: the table names no files, or none of those it names exists.
    """
    if table.unused:
        log.warning("%s: columns that nobody reads: %s", table.name, ", ".join(table.unused))
    entries: list[Entry] = []
    groups: dict[str, list[Row]] = {}
    paths = Paths(root, table)
    for line, row in enumerate(as_rows(table), start=2):
        place = paths.of(row, line)
        if isinstance(place, Quarantined):
            entries.append(place)
        else:
            groups.setdefault(place, []).append(row)
    met = sum(map(len, groups.values()))
    joins.append(Joined(table.name, len(table.sheet.rows), met, len(groups), len(groups)))
    if not groups:
        raise InputError(
            f"none of the {len(table.sheet.rows)} rows names a file under {root.name}/",
            file=table.name, field=table.where(paths.key), reason="no-file-found",
        )  # fmt: skip
    entries += [describe_checked(root, table, path, rows) for path, rows in groups.items()]
    # rows that fail alike for one file count once
    return sorted(dict.fromkeys(entries), key=lambda entry: entry.path)


def describe_checked(root: Path, table: LabelTable, path: str, rows: list[Row]) -> Entry:
    """Describe one image; a cell that cannot be understood keeps the whole image out.

    An image whose table row is damaged would otherwise enter with a lesion missing.
    """
    try:
        findings = findings_in(table, rows)
        check_masks(root, findings, table.where("mask"))
        return describe(table, path, rows, findings)
    except InputError as error:
        return Quarantined.because(error, path)


def check_masks(root: Path, findings: Iterable[Finding], where: str) -> None:
    """Stop at a mask that is not there.

    Raises:
        InputError: with reason "missing-mask".
    """
    for found in findings:
        if found.mask is not None and not usable(root, found.mask):
            raise InputError(f"no such mask: {found.mask}", field=where, reason="missing-mask")


def usable(root: Path, path: str) -> bool:
    """Return whether a path names a file within the source folder."""
    return inside(root, root / path) and (root / path).is_file()


class Paths:
    """Finds the file a row speaks of."""

    def __init__(self, root: Path, table: LabelTable) -> None:
        self.root = root
        self.table = table
        self.key = "file" if table.has("file") else "image_id"
        if not table.has(self.key):
            raise InputError(
                f"no column names the files; the table has {', '.join(table.sheet.header)} "
                "(`--columns file=NAME` chooses one)",
                file=table.name, field="file", reason="missing-column",
            )  # fmt: skip
        self._stems = {} if self.key == "file" else by_stem(root)
        self._bare: dict[str, list[str]] = {}
        for stem, paths in self._stems.items():
            self._bare.setdefault(bare(stem), []).extend(paths)

    def of(self, row: Row, line: int) -> str | Quarantined:
        """Return the path of a row's image relative to the root, or why there is none."""
        word = row[self.key].strip().replace("\\", "/")
        where = self.table.where(self.key)
        if not word:
            place = f"{self.table.name} line {line}"
            return Quarantined(place, where, "no-file-named", "the row names no file")
        if self.key == "image_id":
            return self._by_stem(word, where)
        path = posixpath.normpath(word)
        if not inside(self.root, self.root / path):
            return leads_out(path)
        if not (self.root / path).is_file():
            return Quarantined(path, where, "missing-file", "no such file")
        return path

    def _by_stem(self, stem: str, where: str) -> str | Quarantined:
        matches = self._stems.get(stem) or self._bare.get(bare(stem), [])
        if len(matches) == 1:
            return matches[0]
        if not matches:
            return Quarantined(stem, where, "missing-file", "no file of that name")
        return Quarantined(
            stem, where, "ambiguous-file", f"{len(matches)} files have that name: {matches[0]}, ..."
        )


def by_stem(root: Path) -> dict[str, list[str]]:
    """Index the files of a folder by their names without ending."""
    stems: dict[str, list[str]] = {}
    for path in walk(root):
        if isinstance(path, str):
            stems.setdefault(PurePosixPath(path).stem, []).append(path)
    return stems
