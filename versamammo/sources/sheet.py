"""A stranger's CSV as text: nothing is converted, nothing is dropped."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pyarrow as pa
import pyarrow.csv as pc

from versamammo.errors import InputError

WIDEST = 4096  # columns


@dataclass(frozen=True)
class Sheet:
    """The header of a table and its rows, every cell as text."""

    header: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]

    def columns(self, *names: str) -> Iterator[tuple[str, ...]]:
        """Give each row's cells in these columns."""
        places = [self.header.index(name) for name in names]
        return (tuple(row[place] for place in places) for row in self.rows)


def read_sheet(
    path: Path, *, may_be_empty: bool = False, wanted: Callable[[str], bool] | None = None
) -> Sheet:
    """Read a CSV, whichever of comma, semicolon and tab parts its first line.

    Args:
        path: the table.
        may_be_empty: accept a table of a header alone.
        wanted: chooses columns by their name, for tables too wide to hold; all by default.

    Raises:
        InputError: it cannot be read, a row has more or fewer cells than the header, or there
            are no rows though there should be.
    """
    try:
        with path.open(encoding="utf-8-sig") as stream:
            first = stream.readline()
        table = pc.read_csv(
            path,
            # the header is read as a row like the others, so that no type is guessed from it
            read_options=pc.ReadOptions(autogenerate_column_names=True),
            parse_options=pc.ParseOptions(
                delimiter=max(",;\t", key=first.count), newlines_in_values=True
            ),
            convert_options=pc.ConvertOptions(
                column_types={f"f{place}": pa.string() for place in range(WIDEST)}
            ),
        )
    except (OSError, UnicodeDecodeError, pa.ArrowInvalid) as error:
        raise InputError(
            f"cannot be read as a table: {error}", file=path, reason="bad-table"
        ) from error
    columns = [column for column in table.columns if wanted is None or wanted(str(column[0]))]
    if not columns:
        return Sheet((), ())
    header, *rows = zip(*(column.to_pylist() for column in columns), strict=True)
    if not rows and not may_be_empty:
        raise InputError("the table has no rows", file=path, reason="empty-table")
    return Sheet(tuple(name.strip() for name in header), tuple(rows))
