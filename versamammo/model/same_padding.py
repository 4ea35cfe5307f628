"""TensorFlow's padding for images whose sides a network's stride divides, where it is constant.

A strided convolution of timm's `tf_` networks works out its padding from each image's size. For
sides of any length that is a nest of cases, in which torch's exporter loses itself for minutes;
an encoder pads images to a multiple of its stride before the network sees them, and then every
strided convolution meets sides that its own stride divides.
"""

from __future__ import annotations

import copy

import torch.nn.functional as F
from timm.layers.conv2d_same import Conv2dSame
from torch import Tensor, nn


class PaddedConv(nn.Module):
    """A convolution as `Conv2dSame`, for sides [H, W] that its stride divides."""

    def __init__(self, conv: Conv2dSame) -> None:
        super().__init__()
        self.conv = conv
        spans = zip(conv.kernel_size, conv.stride, conv.dilation, strict=True)
        totals = [
            max(0, (kernel - 1) * dilation + 1 - stride) for kernel, stride, dilation in spans
        ]
        above, left = (total // 2 for total in totals)
        self.padding = (left, totals[1] - left, above, totals[0] - above)

    def forward(self, x: Tensor) -> Tensor:
        """Pad and convolve [B, C, H, W]."""
        conv = self.conv
        return F.conv2d(
            F.pad(x, self.padding),
            conv.weight,
            conv.bias,
            conv.stride,
            0,
            conv.dilation,
            conv.groups,
        )


def with_constant_padding(network: nn.Module) -> nn.Module:
    """Return a network with constant padding; itself if it has nothing else."""
    if not any(isinstance(part, Conv2dSame) for part in network.modules()):
        return network
    made = copy.deepcopy(network)
    for part in list(made.modules()):
        for name, child in part.named_children():
            if isinstance(child, Conv2dSame):
                setattr(part, name, PaddedConv(child))
    return made
