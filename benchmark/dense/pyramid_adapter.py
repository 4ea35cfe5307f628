"""Maps at strides 4, 8, 16 and 32 from any encoder, so that all get the same heads.

A CNN has such maps. A ViT has the same grid four times, at other depths: each is narrowed by a
trained 1 x 1 convolution and resampled to its stride.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch.nn.functional as F
from torch import Tensor, nn

STRIDES = (4, 8, 16, 32)


class PyramidAdapter(nn.Module):
    """Turns an encoder's maps into four, [B, C, H / stride, W / stride].

    Attributes:
        channels: C of the four.
    """

    def __init__(self, channels: Sequence[int], strides: Sequence[int], width: int) -> None:
        super().__init__()
        self.even = tuple(strides) == STRIDES
        self.strides = tuple(strides)
        self.chosen = [place * len(strides) // len(STRIDES) for place in range(len(STRIDES))]
        self.narrow = nn.ModuleList(
            nn.Identity() if self.even else nn.Conv2d(channels[i], width, 1) for i in self.chosen
        )
        self.channels = list(channels) if self.even else [width] * len(STRIDES)

    def forward(self, maps: Sequence[Tensor], size: tuple[int, int]) -> list[Tensor]:
        """Bring maps of an input of size (H, W) to the four strides."""
        if self.even:
            return list(maps)
        narrow = [part(maps[i]) for i, part in zip(self.chosen, self.narrow, strict=True)]
        return [
            resample(one, self.strides[i], target, (size[0] // target, size[1] // target))
            for one, i, target in zip(narrow, self.chosen, STRIDES, strict=True)
        ]


def resample(maps: Tensor, stride: int, target: int, size: tuple[int, int]) -> Tensor:
    """Bring maps [B, C, h, w] from one stride to another, each cell staying where it is.

    Args:
        maps: cell (i, j) covers pixels [i * stride, (i + 1) * stride) of the input.
        stride: of the maps.
        target: stride of the result.
        size: (h, w) of the result; what the maps do not cover repeats their edge.
    """
    if stride != target:
        # by the exact ratio, not that of whole sizes: patches of 14 pixels do not fill cells of 32
        ratio = stride / target
        maps = F.interpolate(
            maps,
            scale_factor=ratio,
            mode="bilinear",
            antialias=ratio < 1,
            recompute_scale_factor=False,
        )
    h, w = maps.shape[-2:]
    if h < size[0] or w < size[1]:
        maps = F.pad(maps, (0, max(0, size[1] - w), 0, max(0, size[0] - h)), mode="replicate")
    return maps[..., : size[0], : size[1]]
