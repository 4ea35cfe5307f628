"""Rows of a large manifest as a file that processes map and share, instead of each holding them.

Every process of a training run draws from all images, so parts of a table (`shards`) would not do
for it. The file lies beside the manifest, is written a row group at a time and made anew when the
manifest changes.
"""

from __future__ import annotations

import hashlib
import secrets
from collections.abc import Iterator, Sequence
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from versamammo.data.manifest import ROWS_PER_GROUP
from versamammo.data.shards import shard_batches
from versamammo.files import PARTIAL

PREFIX = "rows"


def chosen_rows(manifest: Path, columns: Sequence[str], where: pc.Expression) -> pa.Table:
    """Read some rows of a manifest; a large one is mapped from a file, and costs no memory.

    Args:
        manifest: `manifest.parquet`.
        columns: only these.
        where: rows to keep.

    Raises:
        InputError: the file is no manifest of ours.
    """
    rows = shard_batches(manifest, 0, 1, columns, where)
    if pq.read_metadata(manifest).num_rows <= ROWS_PER_GROUP:
        return pa.concat_tables(rows).combine_chunks()
    path = place_of(manifest, columns, where)
    try:
        if not path.is_file():
            write_rows(path, rows)
        return pa.ipc.open_file(pa.memory_map(str(path))).read_all()
    except OSError:  # a folder that cannot be written, or a full disk
        return pa.concat_tables(shard_batches(manifest, 0, 1, columns, where))


def place_of(manifest: Path, columns: Sequence[str], where: pc.Expression) -> Path:
    """Name the file of some rows: by the manifest's size and time, and by what was asked."""
    stat = manifest.stat()
    version = hashlib.sha256(f"{stat.st_size} {stat.st_mtime_ns}".encode()).hexdigest()[:8]
    asked = hashlib.sha256(f"{list(columns)} {where}".encode()).hexdigest()[:8]
    return manifest.with_name(f"{PREFIX}_{version}_{asked}.arrow")


def write_rows(path: Path, rows: Iterator[pa.Table]) -> None:
    """Write the file, whole or not at all, and remove those of an earlier manifest.

    Raises:
        OSError: the folder cannot be written or the disk is full; nothing half-written remains.
    """
    partial = path.with_name(f".{path.name}.{secrets.token_hex(4)}{PARTIAL}")
    try:
        first = next(rows)  # empty, so that there is always a schema
        with pa.OSFile(str(partial), "wb") as file, pa.ipc.new_file(file, first.schema) as writer:
            for table in rows:
                writer.write_table(table.combine_chunks())
        partial.replace(path)
    except BaseException:
        partial.unlink(missing_ok=True)
        raise
    current = path.name.rpartition("_")[0]
    for old in path.parent.glob(f"{PREFIX}_*.arrow"):
        if old.name.rpartition("_")[0] != current:
            old.unlink(missing_ok=True)  # who has it mapped keeps it
