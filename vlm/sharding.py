"""Weights divided among processes while they learn: FSDP2, on CPUs and GPUs alike.

accelerate has an FSDP of its own for GPUs and leaves it out, without a word, on CPUs. Here torch's
`fully_shard` is called, so that what the tests run on two CPU processes is what a GPU runs.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from copy import deepcopy

import torch
import torch.distributed as dist
from torch import Tensor
from torch.distributed.device_mesh import init_device_mesh
from torch.distributed.fsdp import FSDPModule, fully_shard
from torch.distributed.tensor import DTensor

from versamammo.errors import InputError
from vlm.learner import Learner
from vlm.model import VersaMammoForImageTextToText


def check_launch(shard: bool, processes: int) -> None:
    """Make sure that the processes were started in a way that fits the setting.

    Raises:
        InputError: accelerate was told to shard, or one process is to share with none.
    """
    if os.environ.get("ACCELERATE_USE_FSDP", "false").lower() == "true":
        message = (
            "accelerate's own FSDP is not used here; start without --use_fsdp, and --shard true"
        )
        raise InputError(message, field="shard", reason="bad-option")
    if shard and processes < 2:
        message = "one process has nobody to share with; expected `--num_processes` of 2 or more"
        raise InputError(message, field="shard", reason="bad-option")


def sharded_copy(learner: Learner, device: torch.device) -> Learner:
    """Return a copy of a learner whose weights are divided among all processes.

    `fully_shard` changes a model for good; the one that is handed in stays whole, on the CPU, and
    gets what was learned by `take_back`. A frozen encoder is small and stays whole everywhere.
    """
    model = learner.vlm.model
    memory, model.memory = model.memory, None  # shared, not copied
    copy = deepcopy(learner)
    model.memory = copy.vlm.model.memory = memory
    mesh = init_device_mesh(device.type, (dist.get_world_size(),))
    language, tower = copy.vlm.model.language_model, copy.vlm.model.vision_tower
    kinds = set(language._no_split_modules or ())
    for layer in list(language.modules()):
        if type(layer).__name__ in kinds:
            fully_shard(layer, mesh=mesh)
    whole = {p for p in tower.to(device).parameters() if not p.requires_grad}
    fully_shard(copy, mesh=mesh, ignored_params=whole)
    return copy


def take_back(learner: Learner, sharded: Learner) -> None:
    """Copy what a sharded copy has learned into the whole model; every process calls it."""
    state = {name: _whole(tensor) for name, tensor in sharded.state_dict().items()}
    learner.load_state_dict(state)


@contextmanager
def answering(learner: Learner) -> Iterator[VersaMammoForImageTextToText]:
    """Hand out the model of a learner to be asked; every process asks the same.

    Layers bring their weights together themselves; those that belong to no layer are together
    until the questions end.
    """
    if not isinstance(learner, FSDPModule):
        yield learner.vlm
        return
    learner.unshard()
    try:
        yield learner.vlm
    finally:
        learner.reshard()


def _whole(tensor: Tensor) -> Tensor:
    return tensor.full_tensor().cpu() if isinstance(tensor, DTensor) else tensor
