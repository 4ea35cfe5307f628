"""`--plan` of both stages adds up memory, steps and hours, and begins no run."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from pretrain import stage1, stage2
from pretrain.stage_plan import tensors
from tests.pretrain.archives import TINY, write_archive
from tests.pretrain.test_stage2 import TINY as TINY_STUDENT
from tests.pretrain.test_stage2 import teacher  # noqa: F401 (a fixture)
from tests.pretrain.tiny import random_batch


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_archive(tmp_path_factory.mktemp("prepared") / "data")


def test_of_a_teacher(tmp_path: Path, data: Path, capsys: pytest.CaptureFixture[str]) -> None:
    config = tmp_path / "tiny.yaml"
    config.write_text(TINY)
    out = tmp_path / "run"
    words = ["--config", str(config), "--data", str(data), "--run.output", str(out)]
    assert stage1.main([*words, "--plan", "--workers", "2"]) == 0
    text = capsys.readouterr().out
    for line in (
        "host memory", "1.00 GB  2 workers", "5 parts on their way", "one part, at its peak",
        "device memory", "in 1 part;", "hours, from a few steps taken here on cpu",
    ):  # fmt: skip
        assert line in text
    assert text.endswith("no run was begun\n")
    assert not out.exists()


def test_of_a_student(
    tmp_path: Path,
    data: Path,
    teacher: Path,  # noqa: F811
    capsys: pytest.CaptureFixture[str],
) -> None:
    config = tmp_path / "tiny.yaml"
    config.write_text(TINY_STUDENT)
    out = tmp_path / "run"
    words = ["--config", str(config), "--data", str(data), "--run.output", str(out), "--plan"]
    parts = ["--optim.gradient_accumulation_steps", "2"]
    assert stage2.main([*words, "--teacher", str(teacher), *parts]) == 0
    assert "stage 2: 6 steps of 4 images in 2 parts;" in capsys.readouterr().out
    assert stage2.main(words) == 2
    assert "teacher: a plan needs a teacher" in capsys.readouterr().err
    assert not out.exists()


def test_all_tensors_of_a_batch_are_counted() -> None:
    batch = random_batch()
    hidden = batch.hidden
    told = (batch.overview, batch.detail, hidden.masks, hidden.places, hidden.weights, batch.index)
    assert {id(one) for one in tensors(batch)} == {id(one) for one in told}
    assert all(isinstance(one, torch.Tensor) for one in tensors(batch))
