"""The whole of stage 1 on a handful of half discs, in this process."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import load_file
from transformers import AutoModel

from pretrain import export, stage1
from tests.pretrain.archives import SIZE, TINY, Levels, half_disc, write_archive
from versamammo.training.run import Run, lines_of

Train = Callable[..., int]


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_archive(tmp_path_factory.mktemp("prepared") / "data")


@pytest.fixture
def train(tmp_path: Path, data: Path) -> Train:
    (tmp_path / "tiny.yaml").write_text(TINY)

    def start(*options: str, out: str = "run", data: Path = data) -> int:
        config = ["--config", str(tmp_path / "tiny.yaml"), "--data", str(data)]
        return stage1.main([*config, "--run.output", str(tmp_path / out), *options])

    return start


def pictures(make: Callable[[int], Levels]) -> dict[str, list[Levels]]:
    return {"train": [make(i) for i in range(16)], "test": [half_disc(i) for i in range(12)]}


@pytest.mark.parametrize("objective", ["dinov2", "contrastive_mim"])
def test_a_run_leaves_log_picture_checkpoint_and_an_encoder(
    train: Train, tmp_path: Path, objective: str
) -> None:
    options = ["--objective", objective, "--run.track", "[tensorboard]"]
    if objective == "contrastive_mim":
        options += ["--views.detail.number", "0", "--masks.fraction", "1.0"]
    assert train(*options, "--picture_epochs", "1") == 0

    log = lines_of(tmp_path / "run/metrics.jsonl")
    assert [line["step"] for line in log] == [0, 2, 4, 6]
    assert {"probe/density", "probe/lesion", "probe/laterality"} <= log[0].keys()
    assert {"loss", "features/std", "features/rank", "gradient_norm"} <= log[1].keys()
    speed = lines_of(tmp_path / "run/speed.jsonl")[-1]
    assert speed["speed/images_per_second"] > 0
    assert 0 < speed["speed/waiting_for_data"] < 1
    assert {path.name for path in (tmp_path / "run/pictures").iterdir()} == {
        "step_00000004.png",
        "step_00000006.png",
    }
    assert list((tmp_path / "run/board").iterdir())

    assert export.main([str(tmp_path / "run"), str(tmp_path / "encoder")]) == 0
    encoder = AutoModel.from_pretrained(tmp_path / "encoder")
    features = encoder.encode(torch.zeros(1, 1, 84, 56))
    assert features.pooled.shape == (1, 16)
    assert features.patches.shape == (1, 24, 16)


def test_a_stopped_run_reaches_the_same_bits(
    train: Train, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert train(out="undisturbed") == 0
    saved = Run.save

    def save_and_stop(self: Run, step: int, *state: object) -> None:
        saved(self, step, *state)  # type: ignore[arg-type]
        if step == 4:
            raise KeyboardInterrupt

    monkeypatch.setattr(Run, "save", save_and_stop)
    assert train(out="stopped") == 130
    monkeypatch.undo()
    assert train(out="stopped") == 0

    one, other = tmp_path / "undisturbed", tmp_path / "stopped"
    assert (one / "metrics.jsonl").read_bytes() == (other / "metrics.jsonl").read_bytes()
    for name in ("model.safetensors", "optimizer.safetensors"):
        first, second = (
            load_file(run / "checkpoints/step_00000006" / name) for run in (one, other)
        )
        assert all(torch.equal(first[key], second[key]) for key in first)


def test_a_finished_run_has_nothing_left_to_do(train: Train, tmp_path: Path) -> None:
    assert train() == 0
    log = (tmp_path / "run/metrics.jsonl").read_bytes()
    assert train() == 0
    assert (tmp_path / "run/metrics.jsonl").read_bytes() == log


def test_a_step_in_parts_takes_as_many_steps(train: Train, tmp_path: Path) -> None:
    assert train("--optim.gradient_accumulation_steps", "2") == 0

    log = lines_of(tmp_path / "run/metrics.jsonl")
    assert [line["step"] for line in log if "loss" in line] == [2, 4, 6]


@pytest.mark.parametrize(
    ("make", "said"),
    [
        (lambda i: np.full(SIZE, 1000 * i + 9000, np.uint16), "images sampled are constant"),
        (lambda i: half_disc(5), "images sampled are identical"),
        (lambda i: half_disc(i) // 50, "no tissue"),
    ],
)
def test_an_archive_without_content_is_refused(
    train: Train,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    make: Callable[[int], Levels],
    said: str,
) -> None:
    poor = write_archive(tmp_path / "poor", pictures(make))

    assert train(data=poor) == 2
    assert said in capsys.readouterr().err


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (["--optim.batch_size", "1"], "got a batch of one"),
        (["--optim.batch_size", "32"], "16 images, fewer than one step's 32"),
        (["--optim.batch_size", "3"], "no multiple of masks.images_per_group"),
    ],
)
def test_a_batch_that_cannot_be_learnt_from_is_refused(
    train: Train, capsys: pytest.CaptureFixture[str], options: list[str], said: str
) -> None:
    assert train(*options) == 2
    assert said in capsys.readouterr().err


def test_a_collapsed_run_stops_and_says_why(
    train: Train, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    # a spread that no encoder has: every reading counts as collapsed
    options = ["--collapse.lowest_std", "9", "--collapse.grace_steps", "0"]

    assert train(*options, "--collapse.patience", "2") == 1
    assert "The encoder has collapsed" in capsys.readouterr().err
    assert lines_of(tmp_path / "run/metrics.jsonl")[-1]["step"] == 4


@pytest.mark.parametrize(
    "wrong",
    [
        ["--data", "nowhere"],
        ["--optim.batch_size", "32"],
        ["--optim.batch_size", "6", "--optim.gradient_accumulation_steps", "4"],
        ["--probes.splits", "[val]"],
    ],
    ids=["no data", "too few images", "bad parts", "nobody held out"],
)
def test_a_start_that_fails_leaves_the_folder_to_the_corrected_one(
    train: Train, tmp_path: Path, wrong: list[str]
) -> None:
    short = ["--optim.max_steps", "2", "--probes.every", "2"]
    assert train(*short, "--run.seed", "9", *wrong) == 2
    assert not (tmp_path / "run").exists()
    assert train(*short) == 0
