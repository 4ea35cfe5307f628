"""The manifest: one parquet table for every source, one row per image.

Unknown numbers are NaN and unknown words are null; nothing is guessed. Coordinates are in pixels
of the file as stored (see `versamammo.imaging.mammogram`).
`datasets.load_dataset("parquet", ...)` opens it.
"""

from __future__ import annotations

import io
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from versamammo.data.labels import Labels
from versamammo.errors import InputError
from versamammo.files import write_atomically

VERSION = "1"
ROWS_PER_GROUP = 16_384  # fixed, since it shapes the bytes of the file
LEADS_OUT = r"^[/\\~]|^[A-Za-z]:[/\\]|(^|[/\\])\.\.([/\\]|$)"  # of a path within a folder
ORDER = ("source", "patient_id", "exam_id", "image_id", "path")

# facts that a source tells in words: the numeric labels and a few more
TOLD = (*Labels.names(), "birads_edition", "laterality", "view", "age", "exam_date")

TEXT, NUMBER, COUNT = pa.string(), pa.float32(), pa.int32()
# places keep double precision: a float32 cannot hold half pixels beyond 8,388,608 exactly
PLACE = pa.struct([(corner, pa.float64()) for corner in ("x1", "y1", "x2", "y2")])
SPACING = pa.struct([("row", pa.float64()), ("column", pa.float64())])
CROP = pa.struct(  # as `versamammo.input.geometry.Crop.to_dict` gives it
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
        InputError: there is no manifest there, it is of another version or malformed, has no such
            column, or names a file outside its folder.
    """
    path = Path(path)
    if path.is_dir():
        path = path / "manifest.parquet"
    if not path.is_file():
        raise InputError("no such manifest", file=path, reason="missing-file")
    try:
        check_schema(path, pq.read_schema(path))
        for column in columns or ():
            if column not in SCHEMA.names:
                raise InputError(
                    f"no such column; expected some of {', '.join(SCHEMA.names)}",
                    file=path, field=column, reason="unknown-column",
                )  # fmt: skip
        wanted = None if columns is None else list(columns)
        table = pq.read_table(path, columns=wanted, filters=filters)
    except (pa.ArrowInvalid, OSError) as error:
        raise InputError(
            f"not a parquet file, or a damaged one: {error}", file=path, reason="bad-manifest"
        ) from error
    check_places(path, table)
    return table


def check_schema(path: Path, schema: pa.Schema) -> None:
    """Stop at a table that is no manifest of this version, naming the column at fault."""
    found = (schema.metadata or {}).get(b"versamammo.manifest")
    if found is None:
        raise InputError(
            f"manifest version none, expected {VERSION}: a table that `versamammo prepare` did not "
            "write, or that another program saved again",
            file=path, reason="manifest-version",
        )  # fmt: skip
    if found.decode("utf-8", "replace") != VERSION:
        raise InputError(
            f"manifest version {found.decode('utf-8', 'replace')}, expected {VERSION}; "
            "run `versamammo prepare` again",
            file=path, reason="manifest-version",
        )  # fmt: skip
    for field in SCHEMA:
        places = schema.get_all_field_indices(field.name)
        if len(places) != 1:
            raise InputError(
                f"the column stands {len(places)} times; expected once",
                file=path, field=field.name, reason="bad-manifest",
            )  # fmt: skip
        own = schema.field(places[0])
        if own.type != field.type or (own.nullable and not field.nullable):
            raise InputError(
                f"the column is {spelt(own)}, expected {spelt(field)}",
                file=path, field=field.name, reason="bad-manifest",
            )  # fmt: skip
    if strange := [name for name in schema.names if name not in SCHEMA.names]:
        raise InputError(
            "a column that no manifest has", file=path, field=strange[0], reason="bad-manifest"
        )


def spelt(field: pa.Field) -> str:
    """Spell a column's type."""
    return f"{field.type}" if field.nullable else f"{field.type} without nulls"


def check_places(path: Path, table: pa.Table) -> None:
    """Stop at a file named outside the manifest's folder or the source's root.

    Raises:
        InputError: with reason "outside-root".
    """
    for column in ("cache_path", "path"):
        if column in table.column_names:
            check_inside(path, column, table.column(column))
    if "findings" in table.column_names:
        masks = pc.struct_field(pc.list_flatten(table.column("findings")), "mask")
        check_inside(path, "findings.mask", masks)


def check_inside(path: Path, column: str, names: pa.ChunkedArray) -> None:
    """Stop at the first name that leads out of its folder."""
    out = pc.filter(names, pc.fill_null(pc.match_substring_regex(names, LEADS_OUT), False))
    if len(out):
        raise InputError(
            f"{out[0].as_py()!r} leads out of its folder", file=path, field=column,
            reason="outside-root",
        )  # fmt: skip
