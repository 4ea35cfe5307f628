"""Stage 2 killed with SIGKILL goes on to the bits it would have reached undisturbed."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.numpy import load_file

from tests.journeys.test_stage1_killed import ROOT, STEPS, assert_same, finish, kill_at
from tests.pretrain.archives import write_archive
from tests.pretrain.test_stage2 import TINY
from versamammo.input.contract import InputContract
from versamammo.model.configuration import VersaMammoConfig
from versamammo.model.encoder import VersaMammoModel
from versamammo.training.run import lines_of


@pytest.fixture
def teacher(tmp_path: Path) -> Path:
    torch.manual_seed(0)
    config = VersaMammoConfig(
        backbone="vit_small_patch14_reg4_dinov2",
        backbone_args={"img_size": [84, 56], "depth": 2, "embed_dim": 16, "num_heads": 2},
        contract=InputContract(size=(84, 56), mean=0.5, std=0.25).to_dict(),
    )
    VersaMammoModel(config).save_pretrained(tmp_path / "teacher")
    return tmp_path / "teacher"


def start(
    out: Path, data: Path, teacher: Path, processes: int, *more: str
) -> subprocess.Popen[str]:
    launch = [sys.executable, "-m", "accelerate.commands.launch"]
    script = ["--num_processes", str(processes), str(ROOT / "pretrain/stage2.py")]
    config = out.parent / "tiny.yaml"
    config.write_text(TINY)
    options = ["--config", str(config), "--data", str(data), "--run.output", str(out)]
    options += ["--teacher", str(teacher), "--optim.max_steps", str(STEPS)]
    return subprocess.Popen(
        [*launch, *script, *options, *more],
        cwd=ROOT, env={**os.environ, "OMP_NUM_THREADS": "1", "TQDM_MININTERVAL": "0"},
        text=True, start_new_session=True, bufsize=0,
        stdout=subprocess.DEVNULL, stderr=subprocess.PIPE,
    )  # fmt: skip


@pytest.mark.slow
@pytest.mark.parametrize("processes", [1, 2])
def test_a_killed_run_goes_on_bit_for_bit(tmp_path: Path, teacher: Path, processes: int) -> None:
    data = write_archive(tmp_path / "data")
    finish(start(tmp_path / "undisturbed", data, teacher, processes))

    killed = tmp_path / "killed"
    for step in (1, 5, 8):
        kill_at(start(killed, data, teacher, processes), step)
    finish(start(killed, data, teacher, processes))

    assert_same(tmp_path / "undisturbed", killed)
    best = [load_file(tmp_path / run / "encoder/model.safetensors") for run in (
        "undisturbed", "killed",
    )]  # fmt: skip
    for key, value in best[0].items():
        np.testing.assert_array_equal(value, best[1][key], err_msg=key)


@pytest.mark.slow
def test_two_processes_have_the_losses_of_one(tmp_path: Path, teacher: Path) -> None:
    data = write_archive(tmp_path / "data")
    logs = []
    for processes in (1, 2):
        out = tmp_path / f"by {processes}"
        finish(start(out, data, teacher, processes))
        logs.append([line for line in lines_of(out / "metrics.jsonl") if "loss" in line])

    assert len(logs[0]) == STEPS // 2
    for one, two in zip(*logs, strict=True):
        assert one.keys() == two.keys()
        for name in (name for name in one if name.startswith("loss")):
            assert one[name] == pytest.approx(two[name], abs=1e-4), name
