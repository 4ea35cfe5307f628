"""Large manifests are shared between processes by a file, and say what they say in memory."""

from __future__ import annotations

import os
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc
import pytest

from tests.pretrain.archives import row_of
from versamammo.data import arrow_mmap as mapped
from versamammo.data.arrow_mmap import PREFIX, chosen_rows
from versamammo.data.dataset import COLUMNS, Archive
from versamammo.data.manifest import SCHEMA, write_manifest

TRAINING = pc.field("split") == "train"


@pytest.fixture
def manifest(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Forty rows in groups of eight, which is large for once."""
    monkeypatch.setattr("versamammo.data.manifest.ROWS_PER_GROUP", 8)
    monkeypatch.setattr(mapped, "ROWS_PER_GROUP", 8)
    return write(tmp_path / "manifest.parquet")


def write(path: Path, split: str = "train") -> Path:
    rows = [row_of(n, n, split if n % 3 else "test", 1 + n % 4, n % 2 == 0) for n in range(40)]
    write_manifest(path, rows)
    return path


def files(manifest: Path) -> list[str]:
    return sorted(path.name for path in manifest.parent.glob(f"{PREFIX}_*.arrow"))


def test_mapped_rows_are_the_rows_in_memory(
    manifest: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = pa.total_allocated_bytes()
    shared = chosen_rows(manifest, COLUMNS, TRAINING)
    assert pa.total_allocated_bytes() - before < shared.nbytes
    again = chosen_rows(manifest, COLUMNS, TRAINING)
    assert len(files(manifest)) == 1

    monkeypatch.setattr(mapped, "ROWS_PER_GROUP", 1000)
    held = chosen_rows(manifest, COLUMNS, TRAINING)
    assert held.num_rows == 26
    assert repr(shared.to_pylist()) == repr(again.to_pylist()) == repr(held.to_pylist())


def test_an_archive_is_the_same_either_way(manifest: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    shared = Archive.open(manifest.parent, ["train"])
    monkeypatch.setattr(mapped, "ROWS_PER_GROUP", 1000)
    held = Archive.open(manifest.parent, ["train"])
    assert shared.digest == held.digest
    assert [repr(picture) for picture in shared] == [repr(picture) for picture in held]


def test_every_question_has_a_file_and_another_manifest_replaces_them(manifest: Path) -> None:
    chosen_rows(manifest, COLUMNS, TRAINING)
    chosen_rows(manifest, COLUMNS, pc.field("split") == "test")
    before = files(manifest)
    assert len(before) == 2

    write(manifest, split="val")
    os.utime(manifest, ns=(1, 1))
    assert chosen_rows(manifest, COLUMNS, TRAINING).num_rows == 0
    assert len(files(manifest)) == 1
    assert files(manifest)[0] not in before


def test_a_folder_that_cannot_be_written_is_read_all_the_same(
    manifest: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object) -> None:
        raise OSError("No space left on device")

    monkeypatch.setattr(mapped, "write_rows", full)
    assert chosen_rows(manifest, COLUMNS, TRAINING).num_rows == 26
    assert files(manifest) == []


def test_what_fails_half_way_leaves_nothing(manifest: Path) -> None:
    def rows() -> object:
        yield SCHEMA.empty_table()
        raise OSError("No space left on device")

    with pytest.raises(OSError, match="No space"):
        mapped.write_rows(manifest.with_name("rows_a_b.arrow"), rows())  # type: ignore[arg-type]
    assert [path.name for path in manifest.parent.iterdir()] == [manifest.name]


def test_a_small_manifest_needs_no_file(tmp_path: Path) -> None:
    manifest = write(tmp_path / "manifest.parquet")
    assert chosen_rows(manifest, COLUMNS, TRAINING).num_rows == 26
    assert files(manifest) == []
