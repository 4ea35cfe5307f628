"""A ViT and a batch small enough to run many times a second; nothing heavy is imported here."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import torch

from pretrain.networks.vit import Vit, VitSettings, build_vit
from pretrain.objectives.contrastive_mim import ContrastiveMimSettings
from pretrain.objectives.dinov2 import SelfDistillationSettings
from pretrain.views.batches import CropBatch
from pretrain.views.patch_masks import MaskSettings, gather_masks, masks_for

TinyVit = Callable[..., Vit]

DINOV2 = SelfDistillationSettings(prototypes=24, hidden=16, bottleneck=8, centering="softmax")
CONTRASTIVE = ContrastiveMimSettings(hidden=16, projection=8, decoder_width=16)


def build_tiny(name: str = "vit_small_patch14_reg4_dinov2", **changes: object) -> Vit:
    torch.manual_seed(0)
    shape = {"depth": 2, "embed_dim": 16, "num_heads": 2, "init_values": 1.0}
    settings = VitSettings(name=name, image_size=(56, 42), shape=shape)
    return build_vit(VitSettings(**{**vars(settings), **changes}))  # type: ignore[arg-type]


def random_batch(images: int = 4, details: int = 2, fraction: float = 0.5) -> CropBatch:
    """Two global crops of 4 x 3 patches per image, and local crops of 2 x 2."""
    generator = torch.Generator().manual_seed(5)
    masks = masks_for(
        range(images), MaskSettings(fraction, (0.3, 0.5)), (4, 3), crops=2, seed=0, epoch=0
    )
    return CropBatch(
        torch.randn(2 * images, 1, 56, 42, generator=generator),
        torch.randn(details * images, 1, 28, 28, generator=generator),
        gather_masks(np.swapaxes(masks, 0, 1).reshape(-1, 4, 3)),
        torch.arange(images),
    )
