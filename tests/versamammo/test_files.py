from __future__ import annotations

import errno
import os
from contextlib import suppress
from pathlib import Path

import pytest

from versamammo.files import plain_cell, settle, sweep_partial, whole_folder, write_atomically


def test_bytes_are_put_in_place_and_nothing_else_remains(tmp_path: Path) -> None:
    assert write_atomically(tmp_path / "a", b"one")
    assert write_atomically(tmp_path / "a", b"two")
    assert (tmp_path / "a").read_bytes() == b"two"
    assert [path.name for path in tmp_path.iterdir()] == ["a"]


def test_folders_that_are_missing_are_made(tmp_path: Path) -> None:
    assert write_atomically(tmp_path / "runs" / "today" / "a.bin", b"new")
    assert (tmp_path / "runs" / "today" / "a.bin").read_bytes() == b"new"


def test_equal_bytes_are_not_written_again(tmp_path: Path) -> None:
    write_atomically(tmp_path / "a", b"one")
    before = (tmp_path / "a").stat().st_mtime_ns
    assert not write_atomically(tmp_path / "a", b"one")
    assert (tmp_path / "a").stat().st_mtime_ns == before


def test_a_full_disk_leaves_the_old_bytes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write_atomically(tmp_path / "a", b"old")

    def full(handle: int) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(OSError, match="No space left"):
        write_atomically(tmp_path / "a", b"new")
    assert {path.name: path.read_bytes() for path in tmp_path.iterdir()} == {"a": b"old"}


def test_only_half_written_files_are_swept(tmp_path: Path) -> None:
    (tmp_path / "deep").mkdir()
    for name in ("keep.tif", "keep.part", ".hidden", ".a.tif.1f.part", "deep/.b.tif.2e.part"):
        (tmp_path / name).touch()
    assert sweep_partial(tmp_path) == 2
    left = {path.name for path in tmp_path.rglob("*") if path.is_file()}
    assert left == {"keep.tif", "keep.part", ".hidden"}


@pytest.mark.parametrize(
    ("given", "written"),
    [
        ("=1+1", "'=1+1"), ("@SUM(A1)", "'@SUM(A1)"), ("-cmd", "'-cmd"), ("+x", "'+x"),
        ("\t=1", "'\t=1"), ("-1.5", "-1.5"), ("+2e-3", "+2e-3"), ("a=b", "a=b"), (-1.5, -1.5),
    ],
)  # fmt: skip
def test_no_cell_is_a_formula(given: object, written: object) -> None:
    assert plain_cell(given) == written


def model_in(folder: Path, text: str) -> None:
    with whole_folder(folder) as made:
        (made / "config.json").write_text(text)


def test_a_folder_takes_its_place_whole(tmp_path: Path) -> None:
    model_in(tmp_path / "deep" / "encoder", "one")
    (tmp_path / "deep" / "encoder" / "more").write_text("of the first")
    model_in(tmp_path / "deep" / "encoder", "two")

    assert [path.name for path in (tmp_path / "deep").iterdir()] == ["encoder"]
    found = {path.name: path.read_text() for path in (tmp_path / "deep" / "encoder").iterdir()}
    assert found == {"config.json": "two"}


def test_a_folder_that_cannot_be_filled_leaves_the_old_one(tmp_path: Path) -> None:
    model_in(tmp_path / "encoder", "one")

    with suppress(OSError), whole_folder(tmp_path / "encoder") as made:
        (made / "config.json").write_text("half")
        raise OSError(errno.ENOSPC, "full")

    assert [path.name for path in tmp_path.iterdir()] == ["encoder"]
    assert (tmp_path / "encoder" / "config.json").read_text() == "one"


def test_a_kill_between_two_renamings_loses_nothing(tmp_path: Path) -> None:
    model_in(tmp_path / "encoder", "one")
    (tmp_path / "encoder").rename(tmp_path / "encoder.old")  # as a killed process leaves it

    settle(tmp_path / "encoder")
    assert (tmp_path / "encoder" / "config.json").read_text() == "one"

    (tmp_path / "encoder.old").mkdir()
    settle(tmp_path / "encoder")
    assert [path.name for path in tmp_path.iterdir()] == ["encoder"]
