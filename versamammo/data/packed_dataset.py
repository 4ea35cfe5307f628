"""A prepared folder as a dataset of the `datasets` library, to stream and to share, and back again.

Packed, it is what `datasets.load_dataset` opens: Parquet files of each split with the manifest's
columns and `image`, the prepared 16-bit picture, and a card. Unpacked, it is the prepared folder
that it was, byte for byte, from which everything here learns.
"""

from __future__ import annotations

import io
from collections.abc import Iterator, Mapping
from pathlib import Path

import datasets
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from datasets.table import embed_table_storage
from tqdm import tqdm

from versamammo import NOTICE, __version__
from versamammo.data.cache import read_levels
from versamammo.data.manifest import SCHEMA, check_places, read_manifest, write_manifest
from versamammo.data.source_counts import count_sources
from versamammo.data.sources.archives.catalogue import licence_of
from versamammo.errors import InputError, naming
from versamammo.files import alone_in, write_atomically

IMAGE, CARD, DATA = "image", "README.md", "data"
SPLITS = {"train": "train", "val": "validation", "test": "test", None: "unassigned"}
PER_FILE = 500  # pictures
MANIFEST = "manifest.parquet"


def pack(prepared: Path, out: Path, per_file: int = PER_FILE) -> dict[str, int]:
    """Write a prepared folder as a dataset; returns how many images each split has.

    Args:
        prepared: what `versamammo prepare` wrote.
        out: folder of the dataset; files of an earlier packing give way.
        per_file: images in one file.

    Raises:
        InputError: there is no manifest, or a picture is missing.
    """
    table = read_manifest(prepared)
    counts = {}
    with alone_in(out, "out"):
        (out / DATA).mkdir(exist_ok=True)
        written = {CARD}
        for split, name in SPLITS.items():
            column = table.column("split")
            rows = table.filter(pc.is_null(column) if split is None else pc.equal(column, split))
            if rows.num_rows:
                counts[name] = rows.num_rows
                written.update(_write_split(prepared, out, name, rows, per_file))
        write_atomically(out / CARD, card_of(table, counts).encode())
        for old in (out / DATA).glob("*.parquet"):
            if f"{DATA}/{old.name}" not in written:
                old.unlink()
    return counts


def _write_split(
    prepared: Path, out: Path, name: str, rows: pa.Table, per_file: int
) -> Iterator[str]:
    files = -(-rows.num_rows // per_file)
    for number in tqdm(range(files), desc=f"packing {name}", unit="file"):
        file = f"{DATA}/{name}-{number:05}-of-{files:05}.parquet"
        stream = io.BytesIO()
        part = rows.slice(number * per_file, per_file)
        pq.write_table(with_pictures(prepared, part), stream, compression="none")
        write_atomically(out / file, stream.getvalue())
        yield file


def with_pictures(prepared: Path, rows: pa.Table) -> pa.Table:
    """Add the bytes of each row's picture, as the `datasets` library keeps them.

    Raises:
        InputError: a picture is missing.
    """
    paths = [prepared / path for path in rows.column("cache_path").to_pylist()]
    for path in paths:
        if not path.is_file():
            raise InputError("no such picture", file=path, reason="missing-file")
    plain = rows.replace_schema_metadata(None)
    made = datasets.Dataset(plain).add_column(IMAGE, [str(path) for path in paths])
    return embed_table_storage(made.cast_column(IMAGE, datasets.Image()).data.table)


def card_of(table: pa.Table, counts: Mapping[str, int]) -> str:
    """Write the dataset's card: where its files are, whose images they are and what they allow."""
    files = "\n".join(f"  - split: {name}\n    path: {DATA}/{name}-*.parquet" for name in counts)
    sources = "\n".join(f"- {one}" for one in count_sources(table))
    licences = {licence_of(source) for source in table.column("source").unique().to_pylist()}
    parts = ", ".join(f"{number:,} {name}" for name, number in counts.items())
    return f"""---
license: other
license_name: {"; ".join(sorted(licences))}
tags: [mammography, medical]
configs:
- config_name: default
  data_files:
{files}
---
# Prepared mammograms

{NOTICE}

Written by `versamammo dataset pack` {__version__}: {table.num_rows:,} images ({parts}).

{sources}

`image` is the breast as it was cut out, 16 bits, chest wall on the left; `crop` leads back to the
file. Unknown labels are NaN or null. No patient stands in two splits that were drawn here.

    datasets.load_dataset(FOLDER, split="train", streaming=True)
    versamammo dataset unpack FOLDER PREPARED    # to train, the folder that was packed
"""


def unpack(source: str, out: Path) -> int:
    """Write the prepared folder that was packed; returns how many images it has.

    Args:
        source: folder or repository of the dataset.
        out: prepared folder; goes on where it was stopped.

    Raises:
        InputError: the dataset cannot be read, or is none that was packed here.
    """
    rows = []
    with naming(Path(source)), alone_in(out, "out"):
        for table in _batches(source):
            plain = table.drop_columns([IMAGE]).select(SCHEMA.names).cast(SCHEMA)
            check_places(Path(source), plain)
            pictures = table.column(IMAGE).to_pylist()
            for row, picture in zip(plain.to_pylist(), pictures, strict=True):
                file = out / row["cache_path"]
                if not file.is_file() or file.read_bytes() != picture["bytes"]:
                    write_atomically(file, picture["bytes"], durable=False)
                read_levels(file)
                rows.append(row)
        write_manifest(out / MANIFEST, rows)
    return len(rows)


def _batches(source: str) -> Iterator[pa.Table]:
    """Read a dataset some rows at a time, pictures as bytes.

    Raises:
        InputError: it cannot be read, or has other columns.
    """
    try:
        opened = datasets.load_dataset(source, streaming=True)
    except (OSError, ValueError, datasets.exceptions.DatasetsError) as error:
        message = f"is no dataset that can be opened: {error}"
        raise InputError(message, field="source", reason="bad-dataset") from error
    for name, part in opened.items():
        wanted = {*SCHEMA.names, IMAGE}
        if (found := set(part.features or ())) != wanted:
            odd = ", ".join(sorted(found ^ wanted))
            message = f"the split {name} was not packed here: {odd} missing or unknown"
            raise InputError(message, field="columns", reason="bad-dataset")
        raw = part.cast_column(IMAGE, datasets.Image(decode=False)).with_format("arrow")
        yield from tqdm(raw.iter(batch_size=64), desc=f"unpacking {name}", unit="batch")
