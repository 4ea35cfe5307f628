"""A stranger's CSV as text: nothing is converted, nothing is dropped."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pyarrow as pa
import pyarrow.csv as pc

from versamammo.data.sources.encoding import AS_CSV, Writing, as_utf8, writing_of
from versamammo.errors import InputError

WIDEST = 4096  # columns


@dataclass(frozen=True)
class Sheet:
    """The header of a table and its rows, every cell as text."""

    header: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]

    def columns(self, *names: str) -> Iterator[tuple[str, ...]]:
        """Return each row's cells in these columns."""
        places = [self.header.index(name) for name in names]
        return (tuple(row[place] for place in places) for row in self.rows)


def read_sheet(
    path: Path, *, may_be_empty: bool = False, wanted: Callable[[str], bool] | None = None
) -> Sheet:
    """Read a CSV in UTF-8, UTF-16 or Windows-1252, parted by comma, semicolon, tab or bar.

    Args:
        path: the table.
        may_be_empty: accept a table of a header alone.
        wanted: chooses columns by their name, for tables too wide to hold; all by default.

    Raises:
        InputError: it cannot be read, a row has more or fewer cells than the header, or there
            are no rows though there should be.
    """
    try:
        table = parsed(path, writing_of(path))
    except (OSError, pa.ArrowInvalid) as error:
        raise InputError(
            f"cannot be read as a table: {reason_of(error)}", file=path, reason="bad-table"
        ) from error
    columns = [column for column in table.columns if wanted is None or wanted(str(column[0]))]
    if not columns:
        return Sheet((), ())
    header, *rows = zip(*(column.to_pylist() for column in columns), strict=True)
    if not rows and not may_be_empty:
        raise InputError("the table has no rows", file=path, reason="empty-table")
    return Sheet(tuple(name.strip() for name in header), tuple(rows))


def parsed(path: Path, writing: Writing) -> pa.Table:
    """Part a table's text into cells; a file that is not UTF-8 is read a second time."""
    whole = None if writing.encoding == "utf-8-sig" else as_utf8(path, writing.encoding)
    try:
        return cells(path if whole is None else pa.BufferReader(whole), writing)
    except pa.ArrowInvalid as error:
        if whole is not None or "UTF8" not in str(error):
            raise
        return cells(pa.BufferReader(as_utf8(path, writing.encoding)), writing)


def cells(source: Path | pa.BufferReader, writing: Writing) -> pa.Table:
    """Read every cell as text, the header as a row like the others."""
    return pc.read_csv(
        source,
        # no type is to be guessed from the header
        read_options=pc.ReadOptions(autogenerate_column_names=True, skip_rows=writing.skipped),
        parse_options=pc.ParseOptions(delimiter=writing.delimiter, newlines_in_values=True),
        convert_options=pc.ConvertOptions(
            column_types={f"f{place}": pa.string() for place in range(WIDEST)}
        ),
    )


def reason_of(error: Exception) -> str:
    """Return what is wrong and how to save the table, without the cells of its rows."""
    counts = re.search(r"Expected (\d+) columns, got (\d+)", str(error))
    if counts is None:
        return f"{str(error).splitlines()[0]}; {AS_CSV}" if str(error) else AS_CSV
    row = re.search(r"Row #\d+", str(error))
    where = f"{row[0]} has" if row else "a row has"
    extra = int(counts[2]) - int(counts[1])
    said = f"{where} {counts[2]} cells and the header {counts[1]}"
    if extra == 1:
        said += " (R's write.table leaves out the name of its first column: row.names=FALSE)"
    return f"{said}; {AS_CSV}"
