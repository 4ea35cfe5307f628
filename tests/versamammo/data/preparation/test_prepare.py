"""Whole preparations of small archives, in this process unless the story is about processes."""

from __future__ import annotations

import errno
import json
import os
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.versamammo.data.preparation.preparing import (
    contents,
    counts,
    quarantine,
    settings,
    table,
)
from versamammo.data.cache import read_levels
from versamammo.data.manifest import read_manifest
from versamammo.data.preparation import progress, worker
from versamammo.data.preparation.output_folder import claimed
from versamammo.data.preparation.prepare import parser, prepare, run
from versamammo.data.preparation.prepare_settings import Settings
from versamammo.errors import InputError
from versamammo.phantoms.phantom_settings import PhantomSettings
from versamammo.phantoms.phantom_writing import write_phantoms

Write = Callable[..., Path]


def test_an_archive_becomes_a_manifest_and_a_cache(
    archive: Path, tmp_path: Path, here: None, capsys: pytest.CaptureFixture[str]
) -> None:
    (archive / "notes.txt").write_text("not a picture")
    assert prepare(settings(archive, tmp_path / "out")) == 0
    rows = read_manifest(tmp_path / "out").to_pylist()
    assert [row["path"] for row in rows] == [f"p{n}/{side}.dcm" for n in range(3) for side in "LR"]
    for row in rows:
        levels = read_levels(tmp_path / "out" / row["cache_path"])
        assert list(levels.shape) == row["crop"]["content_size"]
        assert row["laterality"] == row["path"][3]
        assert row["provenance"]["laterality"] == "ImageLaterality"
        assert row["chest_wall"] == "left"
        assert row["mirrored"] is (row["laterality"] == "R")
    assert counts(tmp_path / "out") == {
        "found": 7, "prepared": 6, "quarantined": 0, "duplicates": 0, "not_images": 1
    }  # fmt: skip
    assert quarantine(tmp_path / "out")["notes.txt"]["reason"] == "not-an-image"
    said = capsys.readouterr().out
    assert "prepared" in said
    assert "not for diagnosis" in said


def test_a_second_run_does_nothing_and_says_so(
    archive: Path, tmp_path: Path, here: None, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "out"
    prepare(settings(archive, out))
    before = {path: path.stat().st_mtime_ns for path in out.rglob("*") if path.is_file()}
    capsys.readouterr()
    assert prepare(settings(archive, out)) == 0
    assert "nothing to do: all 6 files were done before" in capsys.readouterr().out
    after = {path: path.stat().st_mtime_ns for path in out.rglob("*") if path.is_file()}
    assert after == before


def test_workers_order_and_engine_leave_no_trace(archive: Path, tmp_path: Path) -> None:
    for workers in (1, 2):
        prepare(settings(archive, tmp_path / str(workers), workers=workers))
    assert contents(tmp_path / "1") == contents(tmp_path / "2")
    assert len(contents(tmp_path / "1")) == 6 + 3


def test_a_touched_file_is_known_by_its_bytes(
    archive: Path, tmp_path: Path, here: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    prepare(settings(archive, tmp_path / "out"))
    os.utime(archive / "p0" / "L.dcm", ns=(1, 1))
    monkeypatch.setattr(worker, "look", None)  # would fail if anything were read again
    prepare(settings(archive, tmp_path / "out"))
    assert counts(tmp_path / "out")["prepared"] == 6


def test_only_what_changed_is_done_again(archive: Path, tmp_path: Path, here: None) -> None:
    out = tmp_path / "out"
    prepare(settings(archive, out))
    shutil.copy(archive / "p0" / "R.dcm", archive / "p1" / "R.dcm")
    lost = next(row for row in read_manifest(out).to_pylist() if row["path"] == "p1/L.dcm")
    (out / lost["cache_path"]).unlink()
    prepare(settings(archive, out))
    assert json.loads((out / "runs.jsonl").read_text().splitlines()[-1])["files"] == 2
    assert counts(out) == {
        "found": 6, "prepared": 5, "quarantined": 0, "duplicates": 1, "not_images": 0
    }  # fmt: skip


def test_after_a_power_cut_pictures_are_looked_at_before_they_are_believed(
    archive: Path, tmp_path: Path, here: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    out = tmp_path / "out"
    with monkeypatch.context() as cut:
        cut.setattr(progress, "this_boot", lambda: "the boot before")
        cut.setattr(
            "versamammo.data.preparation.prepare.assemble", None
        )  # the run ends before the manifest
        with pytest.raises(TypeError):
            prepare(settings(archive, out))
    damaged, *_ = sorted((out / "cache").rglob("*.tif"))
    damaged.write_bytes(bytes(damaged.stat().st_size))
    assert prepare(settings(archive, out)) == 0
    assert json.loads((out / "runs.jsonl").read_text())["files"] == 1
    assert prepare(settings(archive, tmp_path / "other")) == 0
    assert contents(out) == contents(tmp_path / "other")


def test_other_settings_are_other_work(archive: Path, tmp_path: Path, here: None) -> None:
    out = tmp_path / "out"
    prepare(settings(archive, out))
    prepare(settings(archive, out, size=(32, 24)))
    assert all(max(row["crop"]["content_size"]) <= 32 for row in read_manifest(out).to_pylist())


def test_broken_files_are_named_and_the_rest_goes_on(
    archive: Path, tmp_path: Path, here: None, capsys: pytest.CaptureFixture[str]
) -> None:
    whole = (archive / "p0" / "L.dcm").read_bytes()
    (archive / "cut.dcm").write_bytes(whole[: len(whole) // 2])
    (archive / "flat.png").write_bytes(b"\x89PNG\r\n\x1a\n" + bytes(40))
    (archive / "fake.dcm").write_bytes(b"GIF89a" + bytes(400))
    assert prepare(settings(archive, tmp_path / "out")) == 0
    found = quarantine(tmp_path / "out")
    assert found["cut.dcm"]["reason"] == "truncated"
    assert found["cut.dcm"]["field"] == "PixelData"
    assert "flat.png" in found
    assert found["fake.dcm"]["reason"] == "not-an-image"
    assert counts(tmp_path / "out")["prepared"] == 6
    assert "cut.dcm: PixelData:" in capsys.readouterr().err


def test_a_limit_takes_the_first_files(archive: Path, tmp_path: Path, here: None) -> None:
    prepare(settings(archive, tmp_path / "out", limit=2))
    found = [row["path"] for row in read_manifest(tmp_path / "out").to_pylist()]
    assert found == ["p0/L.dcm", "p0/R.dcm"]


def test_a_file_that_takes_too_long_is_given_up(archive: Path, tmp_path: Path) -> None:
    assert prepare(settings(archive, tmp_path / "out", seconds_per_file=1e-4, limit=2)) == 2
    assert {row["reason"] for row in quarantine(tmp_path / "out").values()} == {"timed-out"}
    assert prepare(settings(archive, tmp_path / "out", limit=2)) == 0
    assert counts(tmp_path / "out")["prepared"] == 2


def test_a_full_disk_stops_the_run_and_leaves_nothing_half_written(
    archive: Path, tmp_path: Path, here: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    out, written = tmp_path / "out", []
    write = worker.write_levels

    def fill(path: Path, levels: Any) -> None:
        if len(written) == 3:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(path))
        written.append(path)
        write(path, levels)

    monkeypatch.setattr(worker, "write_levels", fill)
    with pytest.raises(OSError, match="No space left"):
        prepare(settings(archive, out))
    assert not (out / "manifest.parquet").exists()
    assert not list(out.rglob(".*.part"))
    monkeypatch.setattr(worker, "write_levels", write)
    assert prepare(settings(archive, out)) == 0
    assert json.loads((out / "runs.jsonl").read_text())["files"] == 3


def test_an_error_of_ours_is_told_apart_and_tried_again(
    archive: Path, tmp_path: Path, here: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    find = worker.find_breast_in
    monkeypatch.setattr(worker, "find_breast_in", lambda samples, size: 1 / 0)
    assert prepare(settings(archive, tmp_path / "out", limit=1)) == 1
    assert quarantine(tmp_path / "out")["p0/L.dcm"]["reason"] == "internal-error"
    assert "ZeroDivisionError" in (tmp_path / "out" / "runs.jsonl").read_text()
    monkeypatch.setattr(worker, "find_breast_in", find)
    assert prepare(settings(archive, tmp_path / "out", limit=1)) == 0


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"source": "nowhere"}, "missing-folder"),
        ({"source": "phantom"}, "missing-option"),
        ({"source": "{}/p0/L.dcm"}, "not-a-source"),
        ({"source": "{}/empty"}, "empty-folder"),
        ({"out": "{}/out"}, "out-in-source"),
        ({"out": "{}/.."}, "source-in-out"),
        ({"out": "{}/../labels.csv"}, "bad-output"),
        ({"source": "{}/../labels.csv", "labels": "{}/../labels.csv"}, "conflicting-options"),
        ({"root": "{}/p0"}, "conflicting-options"),
        ({"workers": 0}, "bad-option"),
        ({"shares": (0.5, 0.1, 0.1)}, "bad-shares"),
    ],
)
def test_a_request_that_makes_no_sense_is_refused_before_any_work(
    archive: Path, tmp_path: Path, here: None, change: dict[str, Any], reason: str
) -> None:
    table(archive, "file,density\np0/L.dcm,A\n")
    (archive / "empty").mkdir()
    asked = {"source": str(archive), "out": str(tmp_path / "out")} | {
        name: value.format(archive) if isinstance(value, str) else value
        for name, value in change.items()
    }
    paths = {name: Path(asked[name]) for name in ("out", "labels", "root") if name in asked}
    with pytest.raises(InputError) as caught:
        prepare(Settings(**asked | paths))
    assert caught.value.reason == reason
    assert not (tmp_path / "out" / "manifest.parquet").exists()


def test_one_folder_holds_one_source(archive: Path, tmp_path: Path, here: None) -> None:
    out = tmp_path / "out"
    prepare(settings(archive / "p0", out))
    with pytest.raises(InputError, match="made of p0") as caught:
        prepare(settings(archive / "p1", out))
    assert caught.value.reason == "other-source"
    (archive / "p0").rename(archive / "moved")
    assert prepare(settings(archive / "moved", out)) == 0
    assert json.loads((out / "runs.jsonl").read_text())["files"] == 2  # not done again


def test_two_runs_do_not_write_to_one_folder(archive: Path, tmp_path: Path, here: None) -> None:
    with claimed(tmp_path / "out"), pytest.raises(InputError) as caught:
        prepare(settings(archive, tmp_path / "out"))
    assert caught.value.reason == "in-use"


def test_the_command_line_reaches_every_setting(archive: Path, tmp_path: Path, here: None) -> None:
    words = [str(archive), "--out", str(tmp_path / "out"), "--size", "32,24", "--limit", "2",
             "--shares", "0.5,0.25,0.25", "--name", "mine", "--seed", "3"]  # fmt: skip
    assert run(parser().parse_args(words)) == 0
    kept = str(tmp_path / "out" / "config.json")
    before = contents(tmp_path / "out")
    again = parser().parse_args(["--config", kept, "--out", str(tmp_path / "two")])
    assert run(again) == 0
    assert contents(tmp_path / "two") == before


@pytest.mark.parametrize("words", [["--size", "12x"], ["--shares", "1"], ["--columns", "density"]])
def test_an_option_that_cannot_be_read_is_named(
    archive: Path, tmp_path: Path, words: list[str]
) -> None:
    with pytest.raises(InputError, match=words[0]):
        run(parser().parse_args([str(archive), "--out", str(tmp_path / "out"), *words]))


def test_phantoms_keep_their_name(tmp_path: Path, here: None) -> None:
    source = tmp_path / "phantoms"
    write_phantoms(source, PhantomSettings(exams=1, seed=2, height=160))
    with pytest.raises(InputError) as caught:
        prepare(settings(source, tmp_path / "out", name="real"))
    assert caught.value.reason == "phantom-renamed"
    assert prepare(settings(source, tmp_path / "out", name="my phantoms")) == 0
    rows = read_manifest(tmp_path / "out").to_pylist()
    assert {row["source"] for row in rows} == {"my phantoms"}
    assert {row["provenance"]["density"] for row in rows} == {"labels.csv: density"}


@pytest.mark.slow
def test_ray_gives_the_same_bytes(archive: Path, tmp_path: Path) -> None:
    pytest.importorskip("ray", reason="ray is not installed (extra `cluster`)")
    for engine in ("local", "ray"):
        prepare(settings(archive, tmp_path / engine, engine=engine, workers=2))
    assert contents(tmp_path / "ray") == contents(tmp_path / "local")
