from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest
import torch
from torch import nn

from tests.pretrain.archives import write_archive
from versamammo.data.dataset import Archive
from versamammo.errors import InputError
from versamammo.training.checkpoints import CONFIG
from versamammo.training.run import ORIGIN, Run, RunSettings, lines_of, opened, sole_run


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


def test_a_run_of_an_earlier_version_is_refused_by_the_new_names_of_its_keys(
    tmp_path: Path, data: Path
) -> None:
    claimed(tmp_path, data)
    kept = tmp_path / CONFIG
    kept.write_text(kept.read_text().replace("save_total_limit:", "keep:"))

    with pytest.raises(InputError) as caught:
        open_run(tmp_path)
    assert str(caught.value) == f"{CONFIG}: run.keep is now run.save_total_limit"


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


def test_one_run_at_a_time_is_at_work_in_a_folder(tmp_path: Path) -> None:
    with sole_run(tmp_path / "run"):
        with (
            pytest.raises(InputError, match=r"run: run\.output: another run is writing"),
            sole_run(tmp_path / "run"),
        ):
            pytest.fail("two runs in one folder")
        with sole_run(tmp_path / "another"):
            (tmp_path / "another" / "log").write_text("kept")
    with sole_run(tmp_path / "run"):
        pass

    assert not (tmp_path / "run").exists()
    assert (tmp_path / "another" / "log").read_text() == "kept"


@pytest.mark.parametrize("torn", [b"", b'{"data": "ab', b"[]", b'{"data": "ab"}', b"\xff"])
def test_a_torn_record_of_the_data_is_named(tmp_path: Path, data: Path, torn: bytes) -> None:
    claimed(tmp_path, data)
    (tmp_path / ORIGIN).write_bytes(torn)

    with pytest.raises(InputError, match=r"origin\.json: is damaged .*delete the folder"):
        claimed(tmp_path, data)


@pytest.mark.parametrize("torn", [b"", b"run: {out", b"just text", b"\xff"])
def test_torn_settings_are_written_again_once_deleted(
    tmp_path: Path, data: Path, torn: bytes
) -> None:
    run = claimed(tmp_path, data)
    run.save(1, *weights())
    (tmp_path / CONFIG).write_bytes(torn)

    with pytest.raises(InputError, match=r"config\.yaml: is damaged .*delete this file, and"):
        open_run(tmp_path)

    (tmp_path / CONFIG).unlink()
    assert claimed(tmp_path, data).resume(*weights()) == 1
    assert "rate: 0.1" in (tmp_path / CONFIG).read_text()


def test_a_torn_line_within_the_log_is_numbered(tmp_path: Path) -> None:
    log = tmp_path / "metrics.jsonl"
    log.write_text('{"step": 1}\n{"st\n{"step": 3}\n{"st')

    with pytest.raises(InputError, match=r"metrics\.jsonl: line 2 is damaged"):
        lines_of(log)


def test_what_a_killed_run_left_half_written_is_swept(tmp_path: Path, data: Path) -> None:
    run = claimed(tmp_path, data)
    run.save(1, *weights())
    (tmp_path / "checkpoints" / "step_00000002.part").mkdir()
    (tmp_path / "encoder.part").mkdir()
    (tmp_path / "encoder.part" / "model.safetensors").write_text("half")
    (tmp_path / ".config.yaml.0a0b.part").write_text("half")

    claimed(tmp_path, data)

    assert not list(tmp_path.rglob("*.part"))
    assert (tmp_path / "checkpoints" / "step_00000001" / "state.json").is_file()
