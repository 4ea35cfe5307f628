"""A training run's state on disk: safetensors and JSON, nothing that has to be unpickled.

`accelerate.save_state` pickles the optimiser and the random numbers. Here random numbers and
schedules follow from the seed and the step, so that weights, the optimiser's running means and
the step are all there is to keep.
"""

from __future__ import annotations

import json
import re
import shutil
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from safetensors import SafetensorError
from safetensors.torch import load_file, save_file
from torch import Tensor, nn
from torch.distributed.tensor import DTensor, distribute_tensor
from torch.optim import Optimizer

from versamammo.errors import InputError
from versamammo.files import parse_json, whole_folder
from versamammo.model.weights import check_fit

MODEL, OPTIMIZER = "model.safetensors", "optimizer.safetensors"
STATE, CONFIG = "state.json", "config.yaml"
DAMAGED = "damaged-checkpoint"


def checkpoints_in(folder: Path) -> list[Path]:
    """Return the finished checkpoints of a run, the oldest first."""
    named = (path for path in folder.glob("step_*") if re.fullmatch(r"step_\d+", path.name))
    return sorted(path for path in named if (path / STATE).is_file())


def step_of(checkpoint: Path) -> int:
    """Return the number of steps done when a checkpoint was written.

    Raises:
        InputError: the checkpoint is damaged.
    """
    try:
        return int(parse_json((checkpoint / STATE).read_text())["step"])
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise _damaged(checkpoint / STATE, error) from error


def save_checkpoint(
    folder: Path,
    step: int,
    model: nn.Module,
    optimizer: Optimizer,
    *,
    settings: str,
    save_total_limit: int,
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
        save_total_limit: how many checkpoints are left.
        writes: whether this process does.
    """
    weights = {name: _whole(value) for name, value in model.state_dict().items()}
    means = optimizer_tensors(model, optimizer)
    if not writes:
        return
    with whole_folder(folder / f"step_{step:08d}") as made:
        save_file(weights, made / MODEL, {"format": "pt"})
        save_file(means, made / OPTIMIZER, {"format": "pt"})
        (made / CONFIG).write_text(settings)
        (made / STATE).write_text(json.dumps({"step": step}))
    for old in checkpoints_in(folder)[:-save_total_limit]:
        shutil.rmtree(old)


def restore_newest(
    folder: Path, model: nn.Module, optimizer: Optimizer, say: Callable[[str], None]
) -> int:
    """Fill model and optimiser from the newest checkpoint that can be read.

    Args:
        folder: of the run's checkpoints.
        model: to be filled.
        optimizer: of the same parameters.
        say: told of each checkpoint that is damaged and passed over.

    Returns:
        The steps done; 0 if there is no checkpoint.

    Raises:
        InputError: a checkpoint is of another network, or all of them are damaged.
    """
    found = checkpoints_in(folder)
    for checkpoint in reversed(found):
        try:
            return restore_checkpoint(checkpoint, model, optimizer)
        except InputError as error:
            if error.reason != DAMAGED or checkpoint == found[0]:
                raise
            say(f"{error}; going on from the one before")
    return 0


def restore_checkpoint(checkpoint: Path, model: nn.Module, optimizer: Optimizer) -> int:
    """Fill model and optimiser from a checkpoint; returns the number of steps done.

    Raises:
        InputError: the checkpoint is of another network, or damaged; then neither has changed.
    """
    done = step_of(checkpoint)
    weights, means = _tensors_of(checkpoint / MODEL), _tensors_of(checkpoint / OPTIMIZER)
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
    fill_optimizer(means, model, optimizer, checkpoint / OPTIMIZER)
    return done


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
    """Fill an optimiser with the state that `optimizer_tensors` named.

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


def _tensors_of(file: Path) -> dict[str, Tensor]:
    try:
        return load_file(file)
    except (SafetensorError, OSError) as error:
        raise _damaged(file, error) from error


def _damaged(file: Path, error: Exception) -> InputError:
    message = f"is damaged ({error}); delete the folder {file.parent.name}, or bring back a copy"
    return InputError(message, file=file, reason=DAMAGED)


def _whole(value: Tensor) -> Tensor:
    whole = value.full_tensor() if isinstance(value, DTensor) else value
    return whole.detach().cpu().contiguous()


def _laid_out(value: Tensor, owner: Tensor) -> Tensor:
    """Put a whole tensor where its owner lies, divided as the owner is."""
    if isinstance(owner, DTensor):
        return distribute_tensor(value.to(owner.device), owner.device_mesh, owner.placements)
    return value.to(owner.device)
