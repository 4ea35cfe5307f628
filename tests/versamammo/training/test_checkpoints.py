from __future__ import annotations

from pathlib import Path

import pytest
import torch
from torch import nn

from versamammo.errors import InputError
from versamammo.training.checkpoints import (
    checkpoints_in,
    restore_checkpoint,
    restore_newest,
    save_checkpoint,
)


def small(width: int = 3) -> tuple[nn.Module, torch.optim.Optimizer]:
    torch.manual_seed(0)
    model = nn.Sequential(nn.Linear(2, width), nn.BatchNorm1d(width), nn.Linear(width, 1))
    groups = [{"params": list(model[0].parameters())}, {"params": list(model[2].parameters())}]
    return model, torch.optim.AdamW(groups, lr=0.1)


def learn(model: nn.Module, optimizer: torch.optim.Optimizer, steps: int) -> None:
    inputs = torch.randn(8, 2, generator=torch.Generator().manual_seed(1))
    for _ in range(steps):
        optimizer.zero_grad()
        model(inputs).square().mean().backward()
        optimizer.step()


def test_a_restored_model_learns_on_as_if_nothing_had_happened(tmp_path: Path) -> None:
    model, optimizer = small()
    learn(model, optimizer, 3)
    save_checkpoint(tmp_path, 3, model, optimizer, settings="a: 1\n", save_total_limit=2)
    learn(model, optimizer, 2)

    fresh, its_optimizer = small()
    step = restore_checkpoint(tmp_path / "step_00000003", fresh, its_optimizer)
    learn(fresh, its_optimizer, 2)

    assert step == 3
    for name, value in model.state_dict().items():
        assert torch.equal(value, fresh.state_dict()[name]), name


def test_old_and_unfinished_checkpoints_do_not_count(tmp_path: Path) -> None:
    model, optimizer = small()
    (tmp_path / "step_00000009.part").mkdir()
    for step in (2, 4, 6):
        save_checkpoint(tmp_path, step, model, optimizer, settings="", save_total_limit=2)

    assert [path.name for path in checkpoints_in(tmp_path)] == ["step_00000004", "step_00000006"]


def test_nothing_is_pickled(tmp_path: Path) -> None:
    model, optimizer = small()
    learn(model, optimizer, 1)
    save_checkpoint(tmp_path, 1, model, optimizer, settings="", save_total_limit=1)

    kinds = {path.suffix for path in (tmp_path / "step_00000001").iterdir()}
    assert kinds == {".safetensors", ".json", ".yaml"}


def test_another_network_is_refused(tmp_path: Path) -> None:
    model, optimizer = small()
    save_checkpoint(tmp_path, 1, model, optimizer, settings="", save_total_limit=1)

    with pytest.raises(InputError, match="do not fit"):
        restore_checkpoint(tmp_path / "step_00000001", *small(width=4))


def three_checkpoints(folder: Path) -> nn.Module:
    model, optimizer = small()
    for step in (2, 4, 6):
        learn(model, optimizer, 2)
        save_checkpoint(folder, step, model, optimizer, settings="", save_total_limit=3)
    return model


@pytest.mark.parametrize("file", ["model.safetensors", "optimizer.safetensors", "state.json"])
@pytest.mark.parametrize("kept", [0, 9, -5])
def test_a_torn_checkpoint_is_passed_over(tmp_path: Path, file: str, kept: int) -> None:
    three_checkpoints(tmp_path)
    torn = tmp_path / "step_00000006" / file
    torn.write_bytes(torn.read_bytes()[:kept])
    said: list[str] = []

    fresh, its_optimizer = small()
    step = restore_newest(tmp_path, fresh, its_optimizer, said.append)

    assert step == 4
    assert len(said) == 1
    assert said[0].startswith(f"{file}: is damaged")
    assert "delete the folder step_00000006" in said[0]
    expected, other = small()
    restore_checkpoint(tmp_path / "step_00000004", expected, other)
    for name, value in expected.state_dict().items():
        assert torch.equal(value, fresh.state_dict()[name]), name
    assert restore_newest(tmp_path / "none", *small(), said.append) == 0


def test_a_run_whose_checkpoints_are_all_torn_does_not_begin_again(tmp_path: Path) -> None:
    three_checkpoints(tmp_path)
    for folder in checkpoints_in(tmp_path):
        (folder / "model.safetensors").write_bytes(b"")

    with pytest.raises(InputError, match=r"model\.safetensors: is damaged .* step_00000002"):
        restore_newest(tmp_path, *small(), lambda _: None)


def test_a_checkpoint_that_cannot_be_written_leaves_the_last(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    three_checkpoints(tmp_path)
    monkeypatch.setattr("versamammo.training.checkpoints.save_file", _full)

    with pytest.raises(OSError, match="No space"):
        save_checkpoint(tmp_path, 8, *small(), settings="", save_total_limit=1)

    names = sorted(path.name for path in tmp_path.iterdir())
    assert names == ["step_00000002", "step_00000004", "step_00000006"]


def _full(*_: object) -> None:
    raise OSError(28, "No space left on device")
