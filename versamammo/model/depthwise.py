"""Depthwise convolutions whose weights' gradient does not take most of a step on a CPU.

oneDNN has a fast kernel for that gradient where the weights are three wide; five or seven wide it
took ten times as long as the convolution itself, a tenth of a step of EfficientNet-B5. The columns
of a kernel are independent of each other there, so that they are computed three at a time.
"""

from __future__ import annotations

from typing import Any, cast

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.autograd.function import once_differentiable

FAST = 3  # columns


class _Depthwise(torch.autograd.Function):
    """A depthwise convolution [B, C, H, W], without bias or dilation."""

    @staticmethod
    def forward(
        ctx: Any, x: Tensor, weight: Tensor, stride: tuple[int, int], padding: tuple[int, int]
    ) -> Tensor:
        ctx.save_for_backward(x, weight)
        ctx.stride, ctx.padding = stride, padding
        return F.conv2d(x, weight, None, stride, padding, 1, len(weight))

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor | None, ...]:
        x, kept = ctx.saved_tensors
        above, beside = ctx.padding
        own = x.dtype
        # under autocast the convolution was done in half precision, and some CPUs mix no kinds
        x, weight = x.to(gradient.dtype), kept.to(gradient.dtype)
        to_x = to_weight = None
        if ctx.needs_input_grad[0]:
            to_x = _gradients(gradient, x, weight, ctx.stride, ctx.padding)[0].to(own)
        if ctx.needs_input_grad[1]:
            to_weight = torch.empty_like(kept)
            wide = weight.shape[-1] - FAST
            # the last three may overlap those before: then a column is written twice, the same
            for left in {*range(0, wide, FAST), wide}:
                columns = slice(left, left + FAST)
                seen = F.pad(x, (beside - left, beside - wide + left))  # below 0 it cuts off
                to_weight[..., columns] = _gradients(
                    gradient, seen, weight[..., columns], ctx.stride, (above, 0), to_input=False
                )[1]
        return to_x, to_weight, None, None


class LeanDepthwise(nn.Conv2d):
    """A depthwise convolution wider than `FAST`; on a CPU its gradient is computed in columns."""

    def forward(self, x: Tensor) -> Tensor:
        """Convolve maps [B, C, H, W]."""
        if not (self.training and torch.is_grad_enabled() and x.device.type == "cpu"):
            return super().forward(x)
        found = cast(Tensor, _Depthwise.apply(x, self.weight, self.stride, self.padding))
        return found if self.bias is None else found + self.bias[:, None, None]


def is_wide_depthwise(module: nn.Module) -> bool:
    """Return whether a module is a convolution that `LeanDepthwise` computes."""
    return (
        type(module) is nn.Conv2d
        and module.groups == module.in_channels == module.out_channels > 1
        and module.kernel_size[1] > FAST
        and module.dilation == (1, 1)
        and module.padding_mode == "zeros"
        and not isinstance(module.padding, str)
    )


def _gradients(
    gradient: Tensor, x: Tensor, weight: Tensor, stride: tuple[int, int],
    padding: tuple[int, int], *, to_input: bool = True,
) -> tuple[Tensor, Tensor]:  # fmt: skip
    """Return torch's gradient of the input or, second, of the weight; the other is None."""
    wanted = [to_input, not to_input, False]
    found = torch.ops.aten.convolution_backward(
        gradient, x, weight, None, stride, padding, (1, 1), False, (0, 0), len(weight), wanted
    )
    return found[0], found[1]
