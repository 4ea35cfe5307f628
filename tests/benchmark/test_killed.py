"""Longer stories: a run that is killed by force, and a rehearsal from nothing."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from benchmark.dry_run import STAMP, Rehearsal, rehearse
from benchmark.report import write_report
from tests.benchmark.made_up_archives import density_rows, small_encoder, write_archive

ROOT = Path(__file__).resolve().parents[2]
TASKS = ("cls.vindr.density", "cls.vindr.birads", "ret.vindr.density", "ret.vindr.birads")
TOLD = ("run.json", "scores.csv", "samples.jsonl", "figures.json", "task.json", "done.json")


def told(out: Path) -> dict[str, bytes]:
    return {
        str(path.relative_to(out)): path.read_bytes()
        for path in sorted(out.rglob("*"))
        if path.name in TOLD
    }


@pytest.mark.slow
def test_kill_9_and_the_same_command_end_with_the_same_bytes(tmp_path: Path) -> None:
    rows = density_rows()
    for record in rows:
        record["birads"] += 1.0
    write_archive(tmp_path / "data" / "vindr-mammo", rows)
    encoder, out = small_encoder(tmp_path / "small"), tmp_path / "run"
    command = [
        sys.executable, "-m", "app.cli", "bench", "run", "--encoder", str(encoder),
        "--data", str(tmp_path / "data"), "--out", str(out), "--resamples", "50",
        "--tasks", *TASKS,
    ]  # fmt: skip
    subprocess.run(command, cwd=ROOT, check=True, capture_output=True)
    whole = told(out)
    shutil.rmtree(out)

    running = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.DEVNULL)
    while not (out / "small" / TASKS[0] / "done.json").is_file() and running.poll() is None:
        time.sleep(0.01)
    os.kill(running.pid, signal.SIGKILL)
    running.wait()
    assert not (out / "scores.csv").is_file(), "it was killed too late to tell anything"
    subprocess.run(command, cwd=ROOT, check=True, capture_output=True)

    assert told(out) == whole
    assert len(whole) == 2 + 4 * len(TASKS)


@pytest.mark.slow
def test_a_rehearsal_needs_nothing_and_says_what_it_is(tmp_path: Path) -> None:
    tasks = ("cls.vindr.density", "det.inbreast.mass", "seg.cddcesm.lesion", "ret.pool.birads",
             "cls.dmid-finding.pathology", "ext.transfer.vindr-to-lamis.density")  # fmt: skip

    _, found = rehearse(Rehearsal(tmp_path, tasks=tasks, exams=12, steps=4, resamples=20))

    assert {one.task.id for one in found if one.complete} == set(tasks)
    assert STAMP in (tmp_path / "run" / "run.json").read_text()
    page = write_report(tmp_path / "run", pair_resamples=100).read_text()
    assert "REHEARSAL ON PHANTOMS" in page
