"""A U-Net decoder on an encoder's maps (Ronneberger et al. 2015), and a loss for tiny targets."""

from __future__ import annotations

from collections.abc import Sequence

import torch.nn.functional as F
from segmentation_models_pytorch.decoders.unet.decoder import UnetDecoder
from segmentation_models_pytorch.losses import DiceLoss, FocalLoss
from torch import Tensor, nn

from benchmark.dense.pyramid_adapter import PyramidAdapter

WIDTHS = (128, 64, 32, 16)  # channels at strides 16, 8, 4 and 2
EVENED = 128  # channels that a ViT's maps are narrowed to
RARE = -4.0  # log odds to start from: findings cover about a fiftieth of a breast's crop
LEAST_MARKED = 1e-3  # share of the pixels that a batch without findings is taken to have marked


class Decoder(nn.Module):
    """Log odds [B, 1, H, W] that a pixel belongs to a finding."""

    def __init__(self, channels: Sequence[int], strides: Sequence[int]) -> None:
        super().__init__()
        self.even = PyramidAdapter(channels, strides, EVENED)
        self.decoder = UnetDecoder((1, *self.even.channels), WIDTHS, n_blocks=len(WIDTHS))
        self.score = nn.Conv2d(WIDTHS[-1], 1, 3, padding=1)
        assert self.score.bias is not None
        nn.init.constant_(self.score.bias, RARE)

    def forward(self, maps: Sequence[Tensor], size: tuple[int, int]) -> Tensor:
        """Turn the encoder's maps of inputs of size (H, W) into log odds."""
        even = self.even(maps, size)
        # the decoder reads the size of its last step, stride 2, off a map it takes nothing else of
        finest = even[0].new_empty(len(even[0]), 0, size[0] // 2, size[1] // 2)
        decoded = self.decoder([finest, *even])
        shown: Tensor = F.interpolate(
            self.score(decoded), size=size, mode="bilinear", align_corners=False
        )
        return shown


class RareLoss(nn.Module):
    """Dice over the whole batch plus focal cross entropy (Lin et al. 2017) per marked pixel.

    Dice alone has no gradient on a batch without findings, and the plain cross entropy is at ease
    once it calls everything healthy: together a finding of a few pixels still counts.
    """

    def __init__(self) -> None:
        super().__init__()
        self.dice = DiceLoss("binary")
        self.focal = FocalLoss("binary", gamma=2.0, reduction="sum")

    def forward(self, log_odds: Tensor, truth: Tensor) -> Tensor:
        """Compare log odds with masks of 0 and 1, both [B, 1, H, W]; gives a scalar."""
        marked = truth.sum() + LEAST_MARKED * truth.numel()
        loss: Tensor = self.dice(log_odds, truth) + self.focal(log_odds, truth) / marked
        return loss
