"""Parts of an EfficientNet that keep less for the gradient, and give the same numbers.

Left to itself torch keeps three maps for each convolution: what it gave, the same after batch
norm, and after the activation. The first two follow from each other by one multiplication and one
addition per value, so one is kept, which saves a third of the memory and a copy.
The gradient of squeeze-and-excitation is kept in the order of memory of the maps: torch spreads
the mean's gradient in the other order, and adding the two is slow.

Only training asks for gradients; without, and in exported graphs, these are timm's parts.
"""

from __future__ import annotations

from typing import Any, cast

import torch
import torch.nn.functional as F
from timm.layers.norm_act import BatchNormAct2d
from timm.models._efficientnet_blocks import SqueezeExcite
from torch import Tensor, nn
from torch.autograd.function import once_differentiable

from versamammo.model.depthwise import LeanDepthwise, is_wide_depthwise

Grads = tuple[Tensor | None, ...]
# of a norm; below it too many digits are lost on the way from the norm's output back to its input
SMALLEST_WEIGHT = 1e-2


class _NormedSiLU(torch.autograd.Function):
    """SiLU(batch norm(x)), by the batch's own moments or by given ones; keeps one map.

    That is x, of which the norm's output is computed again; or, if it `inverts`, this output, of
    which x follows (Rota Bulo et al. 2018, arXiv 1712.02616), one pass over memory less.
    """

    @staticmethod
    def forward(
        ctx: Any, x: Tensor, weight: Tensor, bias: Tensor, mean: Tensor, variance: Tensor,
        momentum: float, eps: float, fixed: bool, inverts: bool,
    ) -> Tensor:  # fmt: skip
        normed, own_mean, own_scale = torch.native_batch_norm(
            x, weight, bias, mean, variance, not fixed, momentum, eps
        )
        if fixed:
            own_mean, own_scale = mean.clone(), (variance + eps).rsqrt()
        ctx.save_for_backward(normed if inverts else x, weight, bias, own_mean, own_scale)
        ctx.fixed, ctx.inverts = fixed, inverts
        return F.silu(normed, inplace=not inverts)

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, gradient: Tensor) -> Grads:
        kept, weight, bias, mean, scale = ctx.saved_tensors
        sign = None
        if ctx.inverts:
            gradient = torch.ops.aten.silu_backward(gradient, kept)
            # (kept - bias) / weight is (x - mean) * scale: a norm with these moments, the gradient
            # of which needs another factor; given moments are passed on without their sign
            size, sign = (weight.abs(), weight.sign()) if ctx.fixed else (weight, None)
            mean, scale, weight = bias, 1 / size, size * weight * scale
        else:
            normed = torch.native_batch_norm(
                kept, weight, bias, mean, scale.pow(-2), False, 0.0, 0.0
            )[0]  # fmt: skip
            # written over the norm's output, which nobody needs any more
            gradient = torch.ops.aten.silu_backward.grad_input(gradient, normed, grad_input=normed)
        to_x, to_weight, to_bias = torch.ops.aten.native_batch_norm_backward(
            gradient, kept, weight, mean, scale.pow(-2), mean, scale, not ctx.fixed, 0.0,
            ctx.needs_input_grad[:3],
        )  # fmt: skip
        if sign is not None and to_weight is not None:
            to_weight = to_weight * sign
        return to_x, to_weight, to_bias, *(None,) * 6


class LeanNorm(BatchNormAct2d):
    """Batch norm and SiLU in one; of three maps one is kept."""

    def forward(self, x: Tensor) -> Tensor:
        """Norm and activate maps [B, C, H, W]."""
        if not self._is_lean():
            return cast(Tensor, super().forward(x))  # type: ignore[no-untyped-call]
        if self.training:
            cast(Tensor, self.num_batches_tracked).add_(1)
        return cast(
            Tensor,
            _NormedSiLU.apply(
                x, self.weight, self.bias, self.running_mean, self.running_var, self.momentum,
                self.eps, not self.training, self._inverts(x),
            ),
        )  # fmt: skip

    def _is_lean(self) -> bool:
        if self.training:
            return torch.is_grad_enabled() and self.momentum is not None
        asked = torch.is_grad_enabled() and self.weight.requires_grad
        return asked and not torch.compiler.is_exporting()

    def _inverts(self, x: Tensor) -> bool:
        """Return whether x follows from its norm; to ask on a GPU would make it wait."""
        exact = x.device.type == "cpu" and x.dtype == self.weight.dtype
        return exact and bool(self.weight.detach().abs().min() >= SMALLEST_WEIGHT)


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
    """Return whether a norm is what `LeanNorm` computes."""
    return (
        isinstance(norm.act, nn.SiLU)
        and isinstance(norm.drop, nn.Identity)
        and norm.affine
        and norm.track_running_stats
    )
