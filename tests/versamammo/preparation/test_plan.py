from __future__ import annotations

from pathlib import Path

import pytest

from versamammo.preparation.plan import SAMPLE, Plan, spread
from versamammo.preparation.settings import Settings
from versamammo.prepare import prepare
from versamammo.sources.contract import ImageRecord


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


def test_the_sample_is_spread_over_the_listing() -> None:
    records = [ImageRecord(f"{n:04d}") for n in range(1000)]
    chosen = spread(records)
    assert len(chosen) == SAMPLE
    assert chosen[0].path == "0000"
    assert int(chosen[-1].path) > 950
    assert spread([]) == []
