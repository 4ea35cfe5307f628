"""The manifest: one parquet table for every source, one row per image.

Unknown numbers are NaN and unknown words are null; nothing is guessed. Coordinates are in pixels
of the file as stored (see `versamammo.mammogram`). `datasets.load_dataset("parquet", ...)` opens
it.
"""

from __future__ import annotations

import io
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from versamammo.errors import InputError
from versamammo.files import write_atomically
from versamammo.labels import Labels

VERSION = "1"
ROWS_PER_GROUP = 16_384  # fixed, since it shapes the bytes of the file
ORDER = ("source", "patient_id", "exam_id", "image_id", "path")

# facts that a source tells in words: the numeric labels and a few more
TOLD = (*Labels.names(), "birads_edition", "laterality", "view", "age", "exam_date")

TEXT, NUMBER, COUNT = pa.string(), pa.float32(), pa.int32()
# places keep double precision: a float32 cannot hold half pixels beyond 8,388,608 exactly
PLACE = pa.struct([(corner, pa.float64()) for corner in ("x1", "y1", "x2", "y2")])
SPACING = pa.struct([("row", pa.float64()), ("column", pa.float64())])
CROP = pa.struct(  # as `versamammo.geometry.Crop.to_dict` gives it
    [
        ("source_size", pa.list_(COUNT)),  # (H, W)
        ("box", pa.list_(COUNT)),  # (x1, y1, x2, y2)
        ("mirrored", pa.bool_()),
        ("content_size", pa.list_(COUNT)),  # (H, W)
        ("input_size", pa.list_(COUNT)),  # (H, W)
    ]
)
FINDING = pa.struct(
    [
        ("kind", TEXT),
        ("lesion_id", TEXT),
        ("box", PLACE),
        ("mask", TEXT),
        ("shape", TEXT),
        ("margin", TEXT),
        ("morphology", TEXT),
        ("distribution", TEXT),
        ("pathology", NUMBER),
        ("birads", NUMBER),
        ("subtlety", NUMBER),
    ]
)

SCHEMA = pa.schema(
    [
        pa.field("image_id", TEXT, nullable=False),  # unique within the manifest
        pa.field("source", TEXT, nullable=False),
        pa.field("path", TEXT, nullable=False),  # relative to the source's root
        pa.field("cache_path", TEXT, nullable=False),  # relative to the manifest's folder
        pa.field("content_key", TEXT, nullable=False),  # of the file's bytes and the settings
        pa.field("patient_id", TEXT),
        pa.field("exam_id", TEXT),
        pa.field("accession", TEXT),
        pa.field("exam_date", TEXT),  # ISO 8601
        pa.field("laterality", TEXT),  # "L" or "R"
        pa.field("view", TEXT),  # DICOM PS3.16 CID 4014, for example "MLO"
        pa.field("modifiers", pa.list_(TEXT)),
        pa.field("vendor", TEXT),
        pa.field("model", TEXT),
        pa.field("age", NUMBER),  # years
        pa.field("rows", COUNT),
        pa.field("columns", COUNT),
        pa.field("bits", COUNT),
        pa.field("spacing_mm", SPACING),  # of the stored file
        pa.field("chest_wall", TEXT),  # "left" or "right", as stored
        pa.field("mirrored", pa.bool_()),  # stored as in a mirror; null if the side is unknown
        pa.field("crop", CROP),  # from the file to the cached picture and back
        pa.field("breast_box", PLACE),
        pa.field("warnings", pa.list_(TEXT)),
        pa.field("split", TEXT),  # "train", "val", "test"; null if a given table leaves it out
        *(pa.field(name, NUMBER) for name in Labels.names()),
        pa.field("birads_edition", TEXT),  # which manual: "4th", "5th" or "v2025"
        pa.field("findings", pa.list_(FINDING)),
        pa.field("original", pa.struct([(fact, TEXT) for fact in TOLD])),  # the source's words
        pa.field("provenance", pa.struct([(fact, TEXT) for fact in TOLD])),  # where they stood
    ],
    metadata={"versamammo.manifest": VERSION},
)

Row = Mapping[str, Any]  # column -> value; every column of SCHEMA, no other


def write_manifest(path: Path, rows: Iterable[Row]) -> bool:
    """Write rows, sorted, as bytes that depend on nothing else; True if the file changed.

    Raises:
        ValueError: a row lacks a column or has one too many, or an image id occurs twice.
    """
    listed = sorted(rows, key=lambda row: tuple(row[column] or "" for column in ORDER))
    for row in listed:
        if odd := row.keys() ^ set(SCHEMA.names):
            raise ValueError(f"{row.get('path')}: columns {sorted(odd)} are missing or unknown")
    if len({row["image_id"] for row in listed}) < len(listed):
        raise ValueError("an image id occurs twice in the manifest")
    table = pa.Table.from_pylist(listed, schema=SCHEMA)
    stream = io.BytesIO()
    pq.write_table(table, stream, compression="zstd", row_group_size=ROWS_PER_GROUP)
    return write_atomically(path, stream.getvalue())


def read_manifest(
    path: Path | str, columns: Sequence[str] | None = None, filters: Any = None
) -> pa.Table:
    """Read a manifest, or the folder that holds one.

    Args:
        path: `manifest.parquet` or the folder `prepare` wrote.
        columns: only these; all by default.
        filters: rows to keep, as `pyarrow.parquet.read_table` takes them, for example
            `[("split", "=", "train"), ("view", "in", ["CC", "MLO"])]`.

    Raises:
        InputError: there is no manifest there, it is of another version, or has no such column.
    """
    path = Path(path)
    if path.is_dir():
        path = path / "manifest.parquet"
    if not path.is_file():
        raise InputError("no such manifest", file=path, reason="missing-file")
    try:
        schema = pq.read_schema(path)
    except pa.ArrowInvalid as error:
        raise InputError(
            f"not a parquet file: {error}", file=path, reason="bad-manifest"
        ) from error
    check_schema(path, schema)
    for column in columns or ():
        if column not in SCHEMA.names:
            raise InputError(
                f"no such column; expected some of {', '.join(SCHEMA.names)}",
                file=path, field=column, reason="unknown-column",
            )  # fmt: skip
    return pq.read_table(path, columns=None if columns is None else list(columns), filters=filters)


def check_schema(path: Path, schema: pa.Schema) -> None:
    """Stop at a table that is no manifest of this version."""
    found = (schema.metadata or {}).get(b"versamammo.manifest", b"none").decode()
    if found != VERSION or not schema.equals(SCHEMA):
        raise InputError(
            f"manifest version {found}, expected {VERSION}; run `versamammo prepare` again",
            file=path, reason="manifest-version",
        )  # fmt: skip
