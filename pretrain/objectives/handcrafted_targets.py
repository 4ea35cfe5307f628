"""What stands out at each patch, in plain figures: targets that a young network can learn.

Pixels of a mammogram are mostly noise and what the whole breast has in common. MaskFeat (Wei et al.
2022) asks for histograms of gradients instead; here it is blobs, bright and dark, of several sizes
(differences of Gaussians, Lowe 2004), since that is what masses and calcifications are.
"""

from __future__ import annotations

import math
from itertools import pairwise

import torch
import torch.nn.functional as F
from torch import Tensor

from pretrain.objectives.centering import widen

SIZES = (1.0, 1.6, 2.5, 4.0, 6.4)  # standard deviations in pixels; neighbours make one band
SMALLEST_SPREAD = 1e-3  # in input units
# mean and spread of a patch; strongest bright and dark blob and mean strength of each band
MEASURES = 2 + 3 * (len(SIZES) - 1)


@torch.no_grad()
def patch_measures(images: Tensor, patch: int) -> Tensor:
    """Measure every patch of images [B, 1, H, W]; float32 or wider [B, N, MEASURES].

    Args:
        images: whose sides are multiples of `patch`.
        patch: side in pixels.
    """
    wide = widen(images)
    mean = F.avg_pool2d(wide, patch)
    variance = (F.avg_pool2d(wide.square(), patch) - mean.square()).clamp_min(SMALLEST_SPREAD**2)
    found = [mean, 0.5 * variance.log()]
    smooth = [blurred(wide, size) for size in SIZES]
    for fine, coarse in pairwise(smooth):
        band = fine - coarse
        strength = F.avg_pool2d(band.abs(), patch)
        found += [F.max_pool2d(band, patch), F.max_pool2d(-band, patch), strength]
    return torch.cat(found, dim=1).flatten(2).transpose(1, 2)


def blurred(images: Tensor, size: float) -> Tensor:
    """Blur images [B, 1, H, W] by a Gaussian of `size` pixels, edges counting as more of the same.

    The Gaussian is cut off at three standard deviations.
    """
    reach = math.ceil(3 * size)
    away = torch.arange(-reach, reach + 1, dtype=images.dtype, device=images.device)
    weights = (-0.5 * (away / size).square()).exp()
    weights = weights / weights.sum()
    padded = F.pad(images, (reach, reach, reach, reach), mode="replicate")
    across = F.conv2d(padded, weights.view(1, 1, 1, -1))
    return F.conv2d(across, weights.view(1, 1, -1, 1))
