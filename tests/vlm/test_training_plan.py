"""`--plan` adds up memory, steps and hours, and begins no run."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from tests.vlm.archives import write_archive
from tests.vlm.tiny_training import tiny_training
from versamammo.data.bounded_cache import GIGABYTE
from versamammo.errors import InputError
from versamammo.phantoms.default_phantoms import PhantomArchive, data_to_plan
from versamammo.training.resource_plan import PhasePlan, Plan, total
from vlm.train import main


def test_a_plan_prints_what_is_expected_and_begins_no_run(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    archive = write_archive(tmp_path / "prepared", patients=3)
    tiny_training(tmp_path, archive)
    before = sorted(tmp_path.rglob("*"))
    assert main(["--config", str(tmp_path / "settings.yaml"), "--plan", "--workers", "2"]) == 0
    text = capsys.readouterr().out
    for line in (
        "host memory", "device memory", "1.00 GB  2 workers", "6 parts on their way",
        "words: 2 steps of 4 conversations", "adapter: 4 steps of 4 conversations",
        "hours, from a few steps taken here", "no run was begun",
    ):  # fmt: skip
        assert line in text
    assert sorted(tmp_path.rglob("*")) == before


def test_hours_are_those_of_all_steps() -> None:
    phases = (PhasePlan("a", 1800, "x", 1.0), PhasePlan("b", 900, "x", 6.0))
    plan = Plan((("one", 2 * GIGABYTE), ("other", GIGABYTE)), (), phases, "cpu")
    assert plan.hours == 2
    assert total(plan.host) == 3 * GIGABYTE
    assert "3.00 GB  together" in plan.text()


PEAK = """
import torch
from versamammo.training.resource_plan import measured
cpu = torch.device("cpu")
print(measured(lambda: None, cpu)[1])
print(measured(lambda: [torch.ones(50_000_000).sum() for _ in range(2)], cpu)[1])
"""


def test_what_work_needs_at_its_peak_is_measured() -> None:
    # in a process of its own: here others' memory is given back at any time
    run = subprocess.run([sys.executable, "-c", PEAK], capture_output=True, text=True, check=True)
    nothing, needed = map(int, run.stdout.split())
    assert nothing < 20e6
    assert 190e6 < needed < 260e6


def test_a_plan_makes_no_phantoms(tmp_path: Path) -> None:
    settings = PhantomArchive(folder=tmp_path / "phantoms")
    with pytest.raises(InputError, match="a plan needs a prepared folder"):
        data_to_plan(None, settings)
    assert data_to_plan(("one",), settings) == ("one",)
    assert not (tmp_path / "phantoms").exists()
