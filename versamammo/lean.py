"""Parts of an EfficientNet that keep less for the gradient, and give the same numbers.

Left to itself torch keeps three maps for each convolution: what it gave, the same after batch
norm, and after the activation. The second follows from the first by one multiplication and one
addition per value, so it is computed again instead, which saves a third of the memory and a copy.
The gradient of squeeze-and-excitation is kept in the order of memory of the maps: torch spreads
the mean's gradient in the other order, and adding the two is slow.

Only training asks for gradients; in evaluation and in exported graphs these are timm's parts.
"""

from __future__ import annotations

from typing import Any, cast

import torch
import torch.nn.functional as F
from timm.layers.norm_act import BatchNormAct2d
from timm.models._efficientnet_blocks import SqueezeExcite
from torch import Tensor, nn
from torch.autograd.function import once_differentiable

from versamammo.depthwise import LeanDepthwise, is_wide_depthwise

Grads = tuple[Tensor | None, ...]


class _NormedSiLU(torch.autograd.Function):
    """SiLU(batch norm(x)) by the batch's own moments; keeps x alone."""

    @staticmethod
    def forward(
        ctx: Any, x: Tensor, weight: Tensor, bias: Tensor,
        mean: Tensor, variance: Tensor, momentum: float, eps: float,
    ) -> Tensor:  # fmt: skip
        normed, own_mean, own_scale = torch.native_batch_norm(
            x, weight, bias, mean, variance, True, momentum, eps
        )
        ctx.save_for_backward(x, weight, bias, own_mean, own_scale)
        ctx.eps = eps
        return F.silu(normed, inplace=True)

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, gradient: Tensor) -> Grads:
        x, weight, bias, mean, scale = ctx.saved_tensors
        variance = scale.pow(-2) - ctx.eps
        normed = torch.native_batch_norm(
            x, weight, bias, mean, variance, False, 0.0, ctx.eps
        )[0]  # fmt: skip
        # written over the norm's output, which nobody needs any more
        torch.ops.aten.silu_backward.grad_input(gradient, normed, grad_input=normed)
        found = torch.ops.aten.native_batch_norm_backward(
            normed, x, weight, None, None, mean, scale, True, ctx.eps, ctx.needs_input_grad[:3]
        )
        return *found, None, None, None, None


class LeanNorm(BatchNormAct2d):
    """Batch norm and SiLU in one; the norm's output is not kept."""

    def forward(self, x: Tensor) -> Tensor:
        """Norm and activate maps [B, C, H, W]."""
        if not (self.training and torch.is_grad_enabled() and self.momentum is not None):
            return cast(Tensor, super().forward(x))  # type: ignore[no-untyped-call]
        cast(Tensor, self.num_batches_tracked).add_(1)
        return cast(
            Tensor,
            _NormedSiLU.apply(
                x, self.weight, self.bias, self.running_mean, self.running_var,
                self.momentum, self.eps,
            ),
        )  # fmt: skip


class _Squeeze(torch.autograd.Function):
    """Maps as they are, and their means; both gradients are added in the maps' order of memory."""

    @staticmethod
    def forward(ctx: Any, x: Tensor) -> tuple[Tensor, Tensor]:
        ctx.cells = x.shape[-2] * x.shape[-1]
        return x.view_as(x), x.mean((2, 3), keepdim=True)

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, maps: Tensor, means: Tensor) -> Tensor:
        return torch.add(maps, means, alpha=1 / ctx.cells)


class LeanSqueeze(SqueezeExcite):
    """Squeeze-and-excitation whose gradient stays in the maps' order of memory."""

    def forward(self, x: Tensor) -> Tensor:
        """Weigh the channels of maps [B, C, H, W]."""
        if not (self.training and torch.is_grad_enabled()):
            return cast(Tensor, super().forward(x))  # type: ignore[no-untyped-call]
        maps, means = _Squeeze.apply(x)
        return cast(Tensor, maps * self.gate(self.conv_expand(self.act1(self.conv_reduce(means)))))


def make_lean(network: nn.Module) -> None:
    """Let the parts of a network that can keep less do so; its weights and their names stay."""
    for module in network.modules():
        if type(module) is SqueezeExcite:
            module.__class__ = LeanSqueeze
        elif type(module) is BatchNormAct2d and _is_plain(module):
            module.__class__ = LeanNorm
        elif is_wide_depthwise(module):
            module.__class__ = LeanDepthwise


def _is_plain(norm: BatchNormAct2d) -> bool:
    """Say whether a norm is what `LeanNorm` computes."""
    return (
        isinstance(norm.act, nn.SiLU)
        and isinstance(norm.drop, nn.Identity)
        and norm.affine
        and norm.track_running_stats
    )
