"""A training run's state on disk: safetensors and JSON, nothing that has to be unpickled.

`accelerate.save_state` pickles the optimiser and the random numbers. Here random numbers and
schedules follow from the seed and the step, so that weights, the optimiser's running means and
the step are all there is to keep.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from safetensors.torch import load_file, save_file
from torch import Tensor, nn
from torch.distributed.tensor import DTensor, distribute_tensor
from torch.optim import Optimizer

from versamammo.errors import InputError
from versamammo.weights import check_fit

MODEL, OPTIMIZER = "model.safetensors", "optimizer.safetensors"
STATE, CONFIG = "state.json", "config.yaml"
PARTIAL = ".part"


def checkpoints_in(folder: Path) -> list[Path]:
    """List the finished checkpoints of a run, the oldest first."""
    return sorted(path for path in folder.glob("step_*") if (path / STATE).is_file())


def step_of(checkpoint: Path) -> int:
    """Give the number of steps done when a checkpoint was written."""
    return int(json.loads((checkpoint / STATE).read_text())["step"])


def save_checkpoint(
    folder: Path,
    step: int,
    model: nn.Module,
    optimizer: Optimizer,
    *,
    settings: str,
    keep: int,
    writes: bool = True,
) -> None:
    """Write the state after `step` steps, whole or not at all, and remove the oldest.

    Every process calls it, since sharded tensors are gathered; one of them writes.

    Args:
        folder: of the run's checkpoints.
        step: steps done.
        model: whose parameters and buffers are kept.
        optimizer: of the same parameters.
        settings: the resolved configuration, written beside the weights.
        keep: how many checkpoints are left.
        writes: whether this process does.
    """
    weights = {name: _whole(value) for name, value in model.state_dict().items()}
    means = optimizer_tensors(model, optimizer)
    if not writes:
        return
    partial = folder / f"step_{step:08d}{PARTIAL}"
    shutil.rmtree(partial, ignore_errors=True)
    partial.mkdir(parents=True)
    save_file(weights, partial / MODEL, {"format": "pt"})
    save_file(means, partial / OPTIMIZER, {"format": "pt"})
    (partial / CONFIG).write_text(settings)
    (partial / STATE).write_text(json.dumps({"step": step}))
    final = partial.with_suffix("")
    shutil.rmtree(final, ignore_errors=True)
    partial.rename(final)
    for old in checkpoints_in(folder)[:-keep]:
        shutil.rmtree(old)


def restore_checkpoint(checkpoint: Path, model: nn.Module, optimizer: Optimizer) -> int:
    """Fill model and optimiser from a checkpoint; returns the number of steps done.

    Raises:
        InputError: the checkpoint is of another network.
    """
    weights = load_file(checkpoint / MODEL)
    own = model.state_dict()
    check_fit(
        missing=own.keys() - weights.keys(),
        unexpected=weights.keys() - own.keys(),
        wrong_size=[
            (key, tuple(weights[key].shape), tuple(own[key].shape))
            for key in own.keys() & weights.keys()
            if weights[key].shape != own[key].shape
        ],
        source=checkpoint / MODEL,
    )
    model.load_state_dict({name: _laid_out(weights[name], own[name]) for name in own})
    fill_optimizer(load_file(checkpoint / OPTIMIZER), model, optimizer, checkpoint / OPTIMIZER)
    return step_of(checkpoint)


def optimizer_tensors(model: nn.Module, optimizer: Optimizer) -> dict[str, Tensor]:
    """Name the optimiser's state by parameter, as `vit.mask_token/exp_avg`."""
    names = {id(parameter): name for name, parameter in model.named_parameters()}
    return {
        f"{names[id(parameter)]}/{kind}": _whole(value)
        for parameter, state in optimizer.state.items()
        for kind, value in state.items()
    }


def fill_optimizer(
    tensors: Mapping[str, Tensor], model: nn.Module, optimizer: Optimizer, source: Path
) -> None:
    """Give an optimiser the state that `optimizer_tensors` named.

    Raises:
        InputError: a parameter is unknown.
    """
    parameters = dict(model.named_parameters())
    state: dict[Tensor, dict[str, Any]] = {}
    for key, value in tensors.items():
        name, _, kind = key.rpartition("/")
        if name not in parameters:
            message = f"there is no parameter {name} in this network"
            raise InputError(message, file=source, reason="weights-do-not-fit")
        owner = parameters[name]
        # AdamW's step counts are single numbers and stay on the CPU
        laid_out = _laid_out(value, owner) if value.shape == owner.shape else value
        state.setdefault(owner, {})[kind] = laid_out
    optimizer.state.clear()
    optimizer.state.update(state)


def _whole(value: Tensor) -> Tensor:
    whole = value.full_tensor() if isinstance(value, DTensor) else value
    return whole.detach().cpu().contiguous()


def _laid_out(value: Tensor, owner: Tensor) -> Tensor:
    """Put a whole tensor where its owner lies, divided as the owner is."""
    if isinstance(owner, DTensor):
        return distribute_tensor(value.to(owner.device), owner.device_mesh, owner.placements)
    return value.to(owner.device)
