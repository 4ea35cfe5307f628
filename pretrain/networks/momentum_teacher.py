"""The teacher: a running mean of the student (Tarvainen and Valpola 2017)."""

from __future__ import annotations

import copy
from typing import TypeVar

import torch
from torch import Tensor, nn

Network = TypeVar("Network", bound=nn.Module)


def teacher_of(student: Network) -> Network:
    """Copy a student into a teacher that is never trained and always in evaluation mode."""
    teacher = copy.deepcopy(student).requires_grad_(False)
    return teacher.eval()


@torch.no_grad()
def follow(teacher: nn.Module, student: nn.Module, momentum: float) -> None:
    """Move the teacher towards the student: t = momentum * t + (1 - momentum) * s, in place.

    One fused call for all parameters; buffers are copied. Sharded parameters (FSDP2) are moved
    shard by shard, which is exact since both are divided alike.

    Raises:
        ValueError: if the two do not have the same parameters.
    """
    theirs, ours = dict(teacher.named_parameters()), dict(student.named_parameters())
    if theirs.keys() != ours.keys():
        raise ValueError(f"teacher and student differ in {sorted(theirs.keys() ^ ours.keys())}")
    targets = [_shard(value) for value in theirs.values()]
    sources = [
        _shard(ours[name]).to(target.dtype) for name, target in zip(theirs, targets, strict=True)
    ]
    torch._foreach_lerp_(targets, sources, 1 - momentum)
    own_buffers = dict(student.named_buffers())
    for name, buffer in teacher.named_buffers():
        buffer.copy_(own_buffers[name])


def _shard(value: Tensor) -> Tensor:
    local = getattr(value, "_local_tensor", value)
    return local.detach()
