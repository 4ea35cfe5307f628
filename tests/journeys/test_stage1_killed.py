"""Stage 1 killed with SIGKILL goes on to the bits it would have reached undisturbed."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from safetensors.numpy import load_file

from tests.pretrain.archives import TINY, write_archive
from versamammo.training.run import lines_of

ROOT = Path(__file__).resolve().parents[2]
STEPS = 12


def start(out: Path, data: Path, processes: int, *more: str) -> subprocess.Popen[str]:
    launch = [sys.executable, "-m", "accelerate.commands.launch"]
    script = ["--num_processes", str(processes), str(ROOT / "pretrain/stage1.py")]
    config = out.parent / "tiny.yaml"
    config.write_text(TINY)
    options = ["--config", str(config), "--data", str(data), "--run.output", str(out)]
    return subprocess.Popen(
        [*launch, *script, *options, "--optim.max_steps", str(STEPS), *more],
        cwd=ROOT, env={**os.environ, "OMP_NUM_THREADS": "1", "TQDM_MININTERVAL": "0"},
        text=True, start_new_session=True, bufsize=0,
        stdout=subprocess.DEVNULL, stderr=subprocess.PIPE,
    )  # fmt: skip


def finish(process: subprocess.Popen[str]) -> str:
    """Wait for a run; returns what it said."""
    said = process.communicate(timeout=300)[1]
    assert process.returncode == 0, said
    return said


def kill_at(process: subprocess.Popen[str], step: int) -> None:
    """Kill the run and all its processes as soon as its progress bar shows a step."""
    assert process.stderr is not None
    shown = ""
    while f" {step}/{STEPS} " not in shown:
        character = process.stderr.read(1)
        assert character, f"the run ended before step {step}: {shown[-2000:]}"
        shown += character
    os.killpg(process.pid, signal.SIGKILL)
    process.wait()
    process.stderr.close()


def assert_same(first: Path, second: Path) -> None:
    assert (first / "metrics.jsonl").read_bytes() == (second / "metrics.jsonl").read_bytes()
    last = f"checkpoints/step_{STEPS:08d}"
    for name in ("model.safetensors", "optimizer.safetensors"):
        one, other = load_file(first / last / name), load_file(second / last / name)
        assert one.keys() == other.keys()
        for key, value in one.items():
            np.testing.assert_array_equal(value, other[key], err_msg=key)


@pytest.mark.slow
@pytest.mark.parametrize("processes", [1, 2])
def test_a_killed_run_goes_on_bit_for_bit(tmp_path: Path, processes: int) -> None:
    data = write_archive(tmp_path / "data")
    finish(start(tmp_path / "undisturbed", data, processes))

    killed = tmp_path / "killed"
    for step in (1, 5, 8):
        kill_at(start(killed, data, processes), step)
    finish(start(killed, data, processes))

    assert_same(tmp_path / "undisturbed", killed)


@pytest.mark.slow
def test_two_processes_have_the_losses_of_one(tmp_path: Path) -> None:
    data = write_archive(tmp_path / "data")
    # which rows skip a branch is each process's own affair
    logs = []
    for processes in (1, 2):
        out = tmp_path / f"by {processes}"
        finish(start(out, data, processes, "--vit.drop_path", "0"))
        logs.append([line for line in lines_of(out / "metrics.jsonl") if "loss" in line])

    assert len(logs[0]) == STEPS // 2
    for one, two in zip(*logs, strict=True):
        assert one.keys() == two.keys()
        for name in (name for name in one if name.startswith("loss")):
            assert one[name] == pytest.approx(two[name], abs=1e-4), name
