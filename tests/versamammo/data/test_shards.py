from __future__ import annotations

from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import pytest

from versamammo.data.manifest import SCHEMA
from versamammo.data.shards import read_shard
from versamammo.errors import InputError


@pytest.fixture
def manifest(tmp_path: Path) -> Path:
    """Ten rows in groups of two; split "train" on even rows."""
    rows = [
        {name: None for name in SCHEMA.names}
        | {"image_id": f"i{n}", "source": "s", "path": f"{n}", "cache_path": "c",
           "content_key": "k", "split": ("train", "test")[n % 2]}
        for n in range(10)
    ]  # fmt: skip
    path = tmp_path / "manifest.parquet"
    pq.write_table(pa.Table.from_pylist(rows, schema=SCHEMA), path, row_group_size=2)
    return path


def test_the_parts_are_the_whole(manifest: Path) -> None:
    for shards in (1, 2, 3, 5, 7):
        parts = [read_shard(manifest, n, shards, ["image_id"]) for n in range(shards)]
        found = [name for part in parts for name in part["image_id"].to_pylist()]
        assert sorted(found) == [f"i{n}" for n in range(10)]


def test_rows_are_chosen_by_columns_that_are_not_handed_over(manifest: Path) -> None:
    table = read_shard(manifest, 0, 1, ["path"], pc.field("split") == "train")
    assert table.column_names == ["path"]
    assert table["path"].to_pylist() == ["0", "2", "4", "6", "8"]


def test_a_part_without_rows_is_an_empty_table(manifest: Path) -> None:
    assert read_shard(manifest, 6, 7, ["path"]).num_rows == 0


def test_a_part_that_is_none_is_refused(manifest: Path) -> None:
    with pytest.raises(InputError):
        read_shard(manifest, 3, 3)
