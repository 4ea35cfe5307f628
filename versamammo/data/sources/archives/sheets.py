"""Reads the tables of an archive, CSV or spreadsheet, every cell as text under a plain name."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from datetime import date
from pathlib import Path

import python_calamine as calamine

from versamammo.data.sources.archives.catalogue import PublicArchive
from versamammo.data.sources.columns import slug
from versamammo.data.sources.encoding import writing_of
from versamammo.data.sources.sheet import read_sheet
from versamammo.errors import InputError

Line = Mapping[str, str]  # column, in lower case and underscores -> cell
DEPTH = 3  # folders below the root in which a table may lie


def missing(archive: PublicArchive, what: str) -> InputError:
    """Return what of an archive is not there and where to get it."""
    return InputError(
        f"{what} is missing; {archive.title} is at {archive.link} ({archive.licence}, "
        f"about {archive.gigabytes:g} GB)",
        file=what, field="--root", reason="missing-sheet",
    )  # fmt: skip


def found(root: Path, *names: str) -> list[Path]:
    """List the files of these names or patterns, the nearest to the root first."""
    levels = ("*/" * depth for depth in range(DEPTH))
    return [path for level in levels for name in names for path in sorted(root.glob(level + name))]


def needed(root: Path, archive: PublicArchive, *names: str) -> Path:
    """Find a table under one of its names.

    Raises:
        InputError: there is none (reason "missing-sheet").
    """
    places = found(root, *names)
    if not places:
        raise missing(archive, " or ".join(names))
    return places[0]


def read_lines(
    path: Path,
    columns: Sequence[str],
    sheet: str | None = None,
    also: Sequence[str] = (),
    *,
    may_be_empty: bool = False,
) -> list[Line]:
    """Read a table's rows; columns are known by their letters and digits alone.

    Args:
        path: CSV, XLS or XLSX.
        columns: those that must be there, as `slug` spells them.
        sheet: of a workbook; its first by default.
        also: columns that may be there; no others are kept.
        may_be_empty: accept a table of a header alone, as of lesions where nobody has one.

    Raises:
        InputError: the table cannot be read, is empty or lacks a column ("missing-column").
    """
    kept = {*columns, *also}
    header, rows = (
        of_workbook(path, sheet) if is_workbook(path) else of_text(path, kept, may_be_empty)
    )
    names = [slug(name) for name in header]
    for column in columns:
        if column not in names:
            raise InputError(
                f"no column {column!r}; the table has {columns_of(path, header)}",
                file=path, field=column, reason="missing-column",
            )  # fmt: skip
    lines: list[Line] = [
        dict(zip(names, row, strict=False)) for row in rows if any(map(str.strip, row))
    ]
    if not lines and not may_be_empty:
        raise InputError("the table has no rows", file=path, reason="empty-table")
    return lines


def columns_of(path: Path, header: Sequence[str]) -> str:
    """List all columns of a table for a message, also those that were not kept."""
    if is_workbook(path):
        return ", ".join(filter(None, header))
    return writing_of(path).header.strip()


def is_workbook(path: Path) -> bool:
    """Return whether a file is a workbook and not a table of text."""
    return path.suffix.lower() in (".xls", ".xlsx")


def of_text(
    path: Path, kept: Collection[str], may_be_empty: bool
) -> tuple[Sequence[str], Iterable[Sequence[str]]]:
    """Take header and rows of a CSV, of some columns; those of all EMBED would fill the memory."""
    sheet = read_sheet(path, may_be_empty=may_be_empty, wanted=lambda name: slug(name) in kept)
    return sheet.header, sheet.rows


def of_workbook(path: Path, sheet: str | None) -> tuple[list[str], list[list[str]]]:
    """Take header and rows of one sheet of a workbook."""
    try:
        book = calamine.CalamineWorkbook.from_path(path)
        chosen = sheet if sheet in book.sheet_names else book.sheet_names[0]
        rows = book.get_sheet_by_name(chosen).to_python()
    except (calamine.CalamineError, OSError) as error:
        raise InputError(
            f"cannot be read as a workbook: {error}", file=path, reason="bad-table"
        ) from error
    texts = [[as_text(cell) for cell in row] for row in rows]
    return (texts[0] if texts else []), texts[1:]


def as_text(cell: object) -> str:
    """Spell a cell of a workbook as its CSV would: 3.0 is 3, a date is ISO 8601."""
    if isinstance(cell, float) and cell.is_integer():
        return str(int(cell))
    return cell.isoformat() if isinstance(cell, date) else str(cell).strip()


def grouped(lines: Iterable[Line], key: Callable[[Line], str]) -> dict[str, list[Line]]:
    """Gather the rows that share a key, in their order."""
    groups: dict[str, list[Line]] = {}
    for line in lines:
        groups.setdefault(key(line), []).append(line)
    return groups
