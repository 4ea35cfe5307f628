"""A folder of pictures with `metadata.csv`, `.jsonl` or `.parquet`, as `datasets` lays it out.

Each metadata file speaks of the pictures beside or below it, by `file_name`. A folder named train,
validation or test is an official split. `objects` holds boxes (x, y, width, height) with the words
of their `categories`. Tables that hold the pictures themselves have to be unpacked first.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from versamammo.data.sources.columns import LabelTable, understood
from versamammo.data.sources.encoding import writing_of
from versamammo.data.sources.sheet import Sheet, read_sheet
from versamammo.data.sources.source_contract import Entry, ImageRecord, SourceOptions
from versamammo.data.sources.table import described
from versamammo.data.sources.walking import check_root
from versamammo.errors import InputError
from versamammo.files import parse_json

NAME = "imagefolder"
FILES = ("metadata.csv", "metadata.jsonl", "metadata.parquet")
DEPTHS = ("", "*/", "*/*/")
PACKED = ("state.json", "dataset_info.json", "data/*-of-*.parquet", "*-of-*.parquet")
PARTS = {"train": "train", "validation": "val", "valid": "val", "val": "val", "test": "test"}
FILE, OBJECTS = "file_name", "objects"
BOX = ("x1", "y1", "x2", "y2")
UNPACK = """\
holds its pictures in tables; unpack it first, for example
    import datasets, pathlib
    rows = datasets.load_dataset(FOLDER, split="train").cast_column("image", datasets.Image(decode=False))
    for n, row in enumerate(rows): pathlib.Path(OUT, f"{n:06}.png").write_bytes(row["image"]["bytes"])
and write file_name and the labels to OUT/metadata.csv"""  # noqa: E501


def detect(root: Path) -> bool:
    """Return whether a metadata file lies here, or a set that has to be unpacked."""
    return root.is_dir() and (any(map(names_files, metadata_in(root))) or bool(packed_in(root)))


def names_files(path: Path) -> bool:
    """Return whether a file of that name is a metadata file of pictures."""
    try:
        if path.suffix == ".parquet":
            return FILE in pq.read_schema(path).names
        if path.suffix == ".csv":
            return FILE in writing_of(path).header
        with path.open(encoding="utf-8-sig") as stream:
            return FILE in stream.readline()
    except (OSError, UnicodeDecodeError, InputError, pa.ArrowException):
        return False


def metadata_in(root: Path) -> list[Path]:
    """List the metadata files, the nearest to the root first."""
    return [path for deep in DEPTHS for name in FILES for path in sorted(root.glob(deep + name))]


def packed_in(root: Path) -> list[Path]:
    """List files that only a set with its pictures in tables has."""
    return [path for name in PACKED for path in root.glob(name)]


def records(root: Path, options: SourceOptions) -> Iterator[Entry]:
    """List the pictures of every metadata file.

    Raises:
        InputError: there is none, one cannot be read, or the pictures have to be unpacked.
    """
    check_root(root)
    files = metadata_in(root)
    if not files and packed_in(root):
        raise InputError(UNPACK, file=packed_in(root)[0].name, reason="packed-pictures")
    if not files:
        raise InputError("no metadata file", file=FILES[0], reason="missing-sheet")
    for path in files:
        folder = path.parent.relative_to(root)
        split = next((PARTS[part] for part in folder.parts if part in PARTS), None)
        for entry in described(root, table_of(path, folder, options), options.joins):
            if isinstance(entry, ImageRecord):
                entry = replace(entry, official_split=split)
            yield entry


def table_of(path: Path, folder: Path, options: SourceOptions) -> LabelTable:
    """Read one metadata file; its files are named from the root, and each box has a row."""
    rows = [line for row in rows_of(path) for line in unfolded(path, row)]
    if not rows or FILE not in rows[0]:
        raise InputError(f"no column {FILE!r}", file=path, field=FILE, reason="missing-column")
    for row in rows:
        row[FILE] = (folder / row[FILE]).as_posix() if row[FILE] else ""
    header = tuple(dict.fromkeys(name for row in rows for name in row))
    sheet = Sheet(header, tuple(tuple(row.get(name, "") for name in header) for row in rows))
    return understood(path, sheet, options.columns, (folder / path.name).as_posix())


def rows_of(path: Path) -> list[Mapping[str, Any]]:
    """Read the rows of a metadata file.

    Raises:
        InputError: it cannot be read (reason "bad-table").
    """
    if path.suffix == ".csv":
        sheet = read_sheet(path)
        return [dict(zip(sheet.header, row, strict=True)) for row in sheet.rows]
    try:
        if path.suffix == ".parquet":
            return list(pq.read_table(path).to_pylist())
        lines = path.read_text(encoding="utf-8").splitlines()
        return [dict(parse_json(line)) for line in lines if line.strip()]
    except (OSError, ValueError, TypeError, pa.ArrowException) as error:
        raise InputError(
            f"cannot be read as rows: {error}", file=path, reason="bad-table"
        ) from error


def unfolded(path: Path, row: Mapping[str, Any]) -> Iterator[dict[str, str]]:
    """Spell a row's cells as text, once for each of its objects.

    Raises:
        InputError: the objects are not boxes with as many categories (reason "bad-objects").
    """
    plain = {name: as_text(cell) for name, cell in row.items() if name != OBJECTS}
    objects = row.get(OBJECTS)
    if not objects:
        yield plain
        return
    try:
        boxes = objects["bbox"]
        words: Sequence[Any] = objects.get("categories", objects.get("category"))
        pairs = list(zip(boxes, words, strict=True))
        for (x, y, wide, high), word in pairs:
            corners = dict(zip(BOX, map(str, (x, y, x + wide, y + high)), strict=True))
            yield plain | corners | {"finding": as_text(word)}
        if not pairs:
            yield plain
    except (KeyError, TypeError, ValueError) as error:
        raise InputError(
            f"expected bbox and categories of one length: {error}",
            file=path, field=OBJECTS, reason="bad-objects",
        ) from error  # fmt: skip


def as_text(cell: object) -> str:
    """Spell a cell as a CSV would; nothing is an empty cell."""
    if cell is None or cell != cell:
        return ""
    if isinstance(cell, float) and cell.is_integer():
        return str(int(cell))
    return str(cell)
