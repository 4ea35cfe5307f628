"""Sums and rows over all processes, so that a loss is the same on two machines as on one.

Without torch.distributed every function is the identity. Each process reports the mean loss of
its own rows and the gradients are averaged over processes, as DDP does, so with equal local
batches both equal those of one process with the whole batch.
"""

from __future__ import annotations

from typing import Any

import torch
import torch.distributed as dist
from torch import Tensor


def world_size() -> int:
    """Count the processes that train together."""
    return dist.get_world_size() if dist.is_available() and dist.is_initialized() else 1


def rank() -> int:
    """Return this process's place among them, from 0."""
    return dist.get_rank() if dist.is_available() and dist.is_initialized() else 0


def sum_over_processes(value: Tensor) -> Tensor:
    """Add up a tensor over processes, in place and outside the gradient."""
    if world_size() > 1:
        dist.all_reduce(value)
    return value


def max_over_processes(value: Tensor) -> Tensor:
    """Take the largest of a tensor over processes, in place and outside the gradient."""
    if world_size() > 1:
        dist.all_reduce(value, op=dist.ReduceOp.MAX)
    return value


class _AllRows(torch.autograd.Function):
    """All-gather along rows whose gradient comes back to the process that owns the row."""

    @staticmethod
    def forward(ctx: Any, rows: Tensor) -> Tensor:
        ctx.own = rows.shape[0]
        parts = [torch.empty_like(rows) for _ in range(world_size())]
        dist.all_gather(parts, rows.contiguous())
        return torch.cat(parts)

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> Tensor:
        # torch.distributed.nn offers this too, but is deprecated since torch 2.14
        total = gradients[0].contiguous()
        dist.all_reduce(total)
        return total.narrow(0, rank() * ctx.own, ctx.own)


def all_rows(rows: Tensor) -> Tensor:
    """Stack the rows [B, D] of every process into [world * B, D], in order of rank.

    Gradients flow to the owner of each row. Every process must hold the same number of rows.
    """
    if world_size() == 1:
        return rows
    return _AllRows.apply(rows)  # type: ignore[no-any-return]


class _SumTogether(torch.autograd.Function):
    """A sum over processes whose gradient is the sum of what all of them made of it."""

    @staticmethod
    def forward(ctx: Any, value: Tensor) -> Tensor:
        total = value.clone()
        dist.all_reduce(total)
        return total

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> Tensor:
        total = gradients[0].clone()
        dist.all_reduce(total)
        return total


def mean_together(rows: Tensor) -> Tensor:
    """Average rows [B, ...] over this and all other processes, with gradients.

    Every process must hold the same number of rows.
    """
    mean = rows.mean(dim=0)
    if world_size() == 1:
        return mean
    total: Tensor = _SumTogether.apply(mean)
    return total / world_size()
