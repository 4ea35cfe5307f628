"""Reads a manifest in parts, so that no process of a training run holds the whole of it.

A part is every n-th row group of the file; groups are of `manifest.ROWS_PER_GROUP` rows, so parts
differ by at most that many.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from versamammo.data.manifest import check_schema
from versamammo.errors import InputError


def read_shard(
    path: Path,
    shard: int,
    shards: int,
    columns: Sequence[str] | None = None,
    where: pc.Expression | None = None,
) -> pa.Table:
    """Read one of several parts of a manifest, which together are all of it.

    Args:
        path: `manifest.parquet`.
        shard: which part, from 0.
        shards: how many there are, for example the number of processes.
        columns: only these; all by default.
        where: rows to keep, for example `pc.field("split") == "train"`.

    Raises:
        InputError: the part does not exist, or the file is no manifest of ours.
    """
    batches = list(shard_batches(path, shard, shards, columns, where))
    return pa.concat_tables(batches)


def shard_batches(
    path: Path,
    shard: int,
    shards: int,
    columns: Sequence[str] | None = None,
    where: pc.Expression | None = None,
) -> Iterator[pa.Table]:
    """Read a part row group by row group; an empty table first, so that there is always one."""
    if not 0 <= shard < shards:
        raise InputError(f"no part {shard} of {shards}", field="shard", reason="bad-option")
    with pq.ParquetFile(path) as file:
        check_schema(path, file.schema_arrow)
        yield pick(file.schema_arrow.empty_table(), columns, None)
        wanted = None if where is None else sorted(needed(file.schema_arrow, columns))
        for group in range(shard, file.num_row_groups, shards):
            yield pick(file.read_row_group(group, columns=wanted or columns), columns, where)


def needed(schema: pa.Schema, columns: Sequence[str] | None) -> set[str]:
    """Name the columns to read when rows are chosen: those asked for and all plain ones."""
    plain = {field.name for field in schema if not pa.types.is_nested(field.type)}
    return plain | set(schema.names if columns is None else columns)


def pick(table: pa.Table, columns: Sequence[str] | None, where: pc.Expression | None) -> pa.Table:
    """Keep some rows, then some columns."""
    kept = table if where is None else table.filter(where)
    return kept if columns is None else kept.select(list(columns))
