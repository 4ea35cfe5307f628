from __future__ import annotations

from pathlib import Path

import cv2
import pytest

from tests.pretrain.archives import half_disc
from versamammo.data.preparation.plan import SAMPLE, Plan, spread
from versamammo.data.preparation.prepare import prepare
from versamammo.data.preparation.prepare_settings import Settings
from versamammo.data.sources.source_contract import ImageRecord


def test_a_plan_writes_nothing_and_names_disk_and_hours(
    phantoms: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "out"
    assert prepare(Settings(str(phantoms), out, plan=True, workers=2)) == 0
    said = capsys.readouterr().out
    assert not out.exists()
    assert "sampled 8, refused 0" in said
    assert "hours on 2 cores" in said


def test_hours_follow_from_images_seconds_and_cores() -> None:
    plan = Plan(7200, 32, 0, seconds=0.5, cached_bytes=2e6, source_bytes=1e7)
    assert plan.hours(2) == 0.5
    assert "72.00 GB" in plan.as_text(2)
    assert "14.40 GB" in plan.as_text(2)


def test_a_part_of_an_archive_tells_what_all_of_it_would_cost(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    root = tmp_path / "csaw"
    for part in ("train", "test"):
        folder = root / "images" / "preprocessed" / part
        folder.mkdir(parents=True)
        cv2.imwrite(str(folder / f"{part}_1.png"), half_disc(1) // 256)
        (root / "labels").mkdir(exist_ok=True)
        table = root / "labels" / f"CSAW-M_{part}.csv"
        table.write_text(f"Filename;Label\n{part}_1.png;3\n")

    assert prepare(Settings("csaw-m", tmp_path / "out", root=root, plan=True)) == 0

    said = capsys.readouterr().out
    assert "images               2   (sampled 2, refused 0)" in said
    assert "all of CSAW-M, 11 GB to download, by this sample:" in said
    assert "images          10,020" in said


def test_the_sample_is_spread_over_the_listing() -> None:
    records = [ImageRecord(f"{n:04d}") for n in range(1000)]
    chosen = spread(records)
    assert len(chosen) == SAMPLE
    assert chosen[0].path == "0000"
    assert int(chosen[-1].path) > 950
    assert spread([]) == []
