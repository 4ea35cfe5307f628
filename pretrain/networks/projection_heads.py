"""What stands between the encoder and the losses, and is thrown away after training."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from timm.models.vision_transformer import Block
from torch import Tensor, nn

from pretrain.networks.distributed import mean_together

SMALLEST_VARIANCE = 1e-5  # as in torch's BatchNorm


def _start_small(module: nn.Module) -> None:
    if isinstance(module, nn.Linear):
        nn.init.trunc_normal_(module.weight, std=0.02)
        if module.bias is not None:
            nn.init.zeros_(module.bias)


def standardised(features: Tensor) -> Tensor:
    """Return each dimension of rows [B, D] mean 0 and variance 1 over the rows of all processes.

    What all images have in common is most of a young encoder's class token, in a network of a few
    narrow layers nine tenths of it. Cosines between such tokens are all near 1 whatever is in the
    picture, and the losses built on them have next to no gradient.
    """
    wide = features if features.dtype == torch.float64 else features.float()
    centered = wide - mean_together(wide)
    return centered / (mean_together(centered.square()) + SMALLEST_VARIANCE).sqrt()


class PrototypeHead(nn.Module):
    """Score features against prototypes: a small MLP, then cosines (DINO, Caron et al. 2021).

    The last layer is weight-normalised with its gain held at one, so every score lies in -1..1
    and a prototype cannot win by growing.

    Args:
        width: D of the features.
        prototypes: K.
        hidden: width of the two hidden layers.
        bottleneck: width in which the cosine is taken.
    """

    def __init__(
        self, width: int, prototypes: int, hidden: int = 2048, bottleneck: int = 256
    ) -> None:
        super().__init__()
        self.mlp = nn.Sequential(
            nn.Linear(width, hidden),
            nn.GELU(),
            nn.Linear(hidden, hidden),
            nn.GELU(),
            nn.Linear(hidden, bottleneck),
        )
        self.mlp.apply(_start_small)
        self.prototypes = nn.Parameter(torch.empty(prototypes, bottleneck))
        # directions spread evenly; the length only sets how fast they turn
        nn.init.normal_(self.prototypes, std=bottleneck**-0.5)

    def forward(self, features: Tensor) -> Tensor:
        """Turn features [..., D] into scores [..., K]."""
        direction = F.normalize(self.mlp(features), dim=-1)
        return F.linear(direction, F.normalize(self.prototypes, dim=-1))


class ProjectionHead(nn.Module):
    """Map features to the space where views of one image are compared (SimCLR).

    What goes in and what comes out is standardised over the whole batch, where SimCLR has batch
    norm: its statistics, taken on each machine alone, would differ between machines and leak
    which images share one.

    Args:
        width: D of the features.
        hidden: width of the hidden layer.
        out: width of the projections.
        standardise: False leaves features and projections as they are.
    """

    def __init__(
        self, width: int, hidden: int = 2048, out: int = 256, *, standardise: bool = True
    ) -> None:
        super().__init__()
        self.standardise = standardise
        self.mlp = nn.Sequential(
            nn.Linear(width, hidden), nn.LayerNorm(hidden), nn.GELU(), nn.Linear(hidden, out)
        )

    def forward(self, features: Tensor) -> Tensor:
        """Turn features [B, D] into projections [B, out], not yet of length one."""
        if not self.standardise:
            plain: Tensor = self.mlp(features)
            return plain
        return standardised(self.mlp(standardised(features)))


class PixelDecoder(nn.Module):
    """Redraw masked patches from what the encoder made of the visible ones.

    Light on purpose (SimMIM, Xie et al. 2022): what the decoder could work out by itself, the
    encoder would not learn.

    Args:
        width: D of the encoder.
        pixels: P, pixels of a patch.
        hidden: decoder width.
        depth: transformer blocks; 0 leaves a linear map.
        heads: attention heads of each block.
    """

    def __init__(
        self, width: int, pixels: int, hidden: int = 256, depth: int = 1, heads: int = 4
    ) -> None:
        super().__init__()
        self.enter = nn.Linear(width, hidden)
        self.blocks = nn.Sequential(*(Block(hidden, heads, qkv_bias=True) for _ in range(depth)))
        self.norm = nn.LayerNorm(hidden)
        self.draw = nn.Linear(hidden, pixels)

    def forward(self, patches: Tensor, masked: Tensor) -> Tensor:
        """Turn patch tokens [B, N, D] into pixels [M, P] of the masked ones.

        Args:
            patches: the encoder's output, mask tokens included.
            masked: places [M] of the masked patches in the flattened [B * N].
        """
        tokens = self.blocks(self.enter(patches))  # [B, N, hidden]
        drawn: Tensor = self.draw(self.norm(tokens.flatten(0, 1)[masked]))
        return drawn
