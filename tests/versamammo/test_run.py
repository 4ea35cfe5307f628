from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest
import torch
from torch import nn

from tests.pretrain.archives import write_archive
from versamammo.checkpoints import CONFIG
from versamammo.dataset import Archive
from versamammo.errors import InputError
from versamammo.run import ORIGIN, Run, RunSettings, lines_of, opened


@dataclass(frozen=True)
class Settings:
    """A run's settings."""

    run: RunSettings = field(default_factory=RunSettings)
    rate: float = 0.1


def open_run(folder: Path, rate: float = 0.1) -> Run:
    settings = RunSettings(output=folder, track=(), threads=torch.get_num_threads())
    return Run(settings, Settings(settings, rate))


def claimed(folder: Path, data: Path, rate: float = 0.1) -> Run:
    run = open_run(folder, rate)
    run.claim(Archive.open(data, ["train"]), run.resume(*weights()))
    return run


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_archive(tmp_path_factory.mktemp("prepared") / "data")


def weights() -> tuple[nn.Module, torch.optim.Optimizer]:
    torch.manual_seed(0)
    model = nn.Linear(2, 1)
    return model, torch.optim.AdamW(model.parameters())


def test_the_log_forgets_what_came_after_the_checkpoint(tmp_path: Path, data: Path) -> None:
    run = claimed(tmp_path, data)
    model, optimizer = weights()
    run.log(1, {"loss": 3.0}, {"speed": 7.0})
    run.save(1, model, optimizer)
    run.log(2, {"loss": 2.0}, {"speed": 8.0})
    with (tmp_path / "metrics.jsonl").open("a") as log:
        log.write('{"step": 3, "lo')

    again = claimed(tmp_path, data)
    assert again.resume(*weights()) == 1
    assert again.history() == [{"step": 1, "loss": 3.0}]
    assert lines_of(tmp_path / "speed.jsonl") == [{"step": 1, "speed": 7.0}]


def test_a_folder_is_not_used_for_two_different_runs(tmp_path: Path, data: Path) -> None:
    claimed(tmp_path, data)

    with pytest.raises(InputError, match=r"other settings \(rate: 0.1, not 0.2\)"):
        open_run(tmp_path, rate=0.2)


def test_a_start_that_never_claims_its_folder_writes_nothing(tmp_path: Path, data: Path) -> None:
    run = open_run(tmp_path / "run")
    run.resume(*weights())

    assert not (tmp_path / "run").exists()
    assert claimed(tmp_path / "run", data, rate=0.2).claimed


def test_settings_alone_are_what_a_start_left_that_failed(tmp_path: Path, data: Path) -> None:
    claimed(tmp_path, data)
    (tmp_path / ORIGIN).unlink()

    claimed(tmp_path, data, rate=0.2)
    assert "rate: 0.2" in (tmp_path / CONFIG).read_text()


def test_a_run_does_not_go_on_with_other_images(tmp_path: Path, data: Path) -> None:
    run = claimed(tmp_path, data)
    run.claim(Archive.open(data, ["train"]), 0)

    with pytest.raises(InputError, match="the run began with images"):
        run.claim(Archive.open(data, ["test"]), 0)
    assert run.origin()["data"] == Archive.open(data, ["train"]).digest


def test_batches_are_made_once_and_in_order() -> None:
    made: list[int] = []

    def batches() -> Iterator[int]:
        for number in range(3):
            made.append(number)
            yield number

    ready = opened(batches())
    assert made == [0]
    assert list(ready) == made == [0, 1, 2]
    assert list(opened(iter(()))) == []


def test_random_numbers_follow_from_the_step(tmp_path: Path) -> None:
    run = open_run(tmp_path)

    def drawn(step: int, part: int) -> float:
        run.seed(step, part)
        return float(torch.rand(()))

    assert drawn(4, 0) == drawn(4, 0)
    assert len({drawn(4, 0), drawn(4, 1), drawn(5, 0)}) == 3


def test_checkpoints_come_with_readings() -> None:
    with pytest.raises(ValueError, match="multiple of log_every"):
        RunSettings(log_every=10, checkpoint_every=25)


def test_a_tracker_that_is_not_installed_is_named() -> None:
    if __import__("importlib.util").util.find_spec("wandb"):
        pytest.skip("wandb is installed here")
    with pytest.raises(InputError, match="wandb: is not installed"):
        RunSettings(track=("wandb",))
