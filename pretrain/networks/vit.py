"""timm's ViT for one-channel, rectangular mammograms, with hidden patches and cheap drop path."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import timm
import torch
from timm.models.vision_transformer import Block, VisionTransformer
from torch import Tensor, nn
from torch.utils.checkpoint import checkpoint

from pretrain.networks.starting_weights import local_weights
from versamammo.errors import InputError


@dataclass(frozen=True)
class VitSettings:
    """Which ViT, and how it is trained.

    Attributes:
        name: a timm model; `vit_base_patch14_dinov2` is the published teacher, its `_reg4_`
            variants add registers, `vit_small_...` and `vit_large_...` change the size.
        image_size: (H, W) of a global crop, each a multiple of the patch.
        weights: local safetensors, or a folder with them, in timm's, Meta's or Hugging Face's
            names, or an encoder of ours; None starts from scratch.
        weights_size: (H, W) the weights were trained at; needed where that was not square and
            differs from `image_size`, since positions are stored as a plain list.
        drop_path: share of the batch that skips each residual branch, the same in every layer.
        recompute: forget activations and compute them again when needed, to save memory.
        shape: further arguments of timm's model, such as `depth` and `embed_dim`.
    """

    name: str = "vit_small_patch14_reg4_dinov2"
    image_size: tuple[int, int] = (336, 224)
    weights: Path | None = None
    weights_size: tuple[int, int] | None = None
    drop_path: float = 0.0
    recompute: bool = False
    shape: Mapping[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if not 0 <= self.drop_path < 1:
            raise ValueError(f"drop_path needs to be in [0, 1), got {self.drop_path}")


@dataclass(frozen=True)
class Tokens:
    """What the encoder makes of a batch of crops of one size.

    Attributes:
        cls: [B, D], one per crop.
        patches: [B, N, D] with N = h * w, row by row.
        grid: (h, w).
    """

    cls: Tensor
    patches: Tensor
    grid: tuple[int, int]


class RowDropBlock(Block):
    """A timm block whose stochastic depth leaves rows of the batch out instead of zeroing them.

    With rate r each residual branch is computed for round((1 - r) * B) random rows and scaled by
    B over that number: the expectation is that of ordinary stochastic depth, the cost falls by r
    (Oquab et al. 2024, DINOv2, section 5). State dicts are those of timm's block.
    """

    def __init__(
        self, dim: int, num_heads: int, *, drop_path: float = 0.0, **settings: Any
    ) -> None:
        super().__init__(dim, num_heads, drop_path=0.0, **settings)
        self.skip_rate = drop_path

    def forward(self, x: Tensor) -> Tensor:  # type: ignore[override]
        """Refine tokens [B, T, D]."""
        x = self._add(x, lambda rows: self.ls1(self.attn(self.norm1(rows))))
        return self._add(x, lambda rows: self.ls2(self.mlp(self.norm2(rows))))

    def _add(self, x: Tensor, branch: Callable[[Tensor], Tensor]) -> Tensor:
        if not self.training or self.skip_rate == 0:
            return x + branch(x)
        rows = len(x)
        keep = max(1, round(rows * (1 - self.skip_rate)))
        kept = torch.randperm(rows, device=x.device)[:keep]
        return x.index_add(0, kept, branch(x[kept]).to(x.dtype), alpha=rows / keep)


class Vit(nn.Module):
    """A timm ViT that can hide patches behind a learnt mask token.

    Attributes:
        backbone: the timm model, the only part that is exported.
        width: D.
        patch: side of a patch in pixels.
    """

    def __init__(self, backbone: VisionTransformer, *, recompute: bool = False) -> None:
        super().__init__()
        self.backbone = backbone
        self.recompute = recompute
        self.width: int = backbone.embed_dim
        self.patch: int = backbone.patch_embed.patch_size[0]
        self.mask_token = nn.Parameter(torch.zeros(self.width))
        nn.init.normal_(self.mask_token, std=0.02)

    def grid_of(self, images: Tensor) -> tuple[int, int]:
        """Return the patch grid (h, w) of images [B, 1, H, W].

        Raises:
            ValueError: if a side is no multiple of the patch.
        """
        height, width = images.shape[-2:]
        if height % self.patch or width % self.patch:
            raise ValueError(
                f"a {height}x{width} crop does not divide into {self.patch}-px patches"
            )
        return height // self.patch, width // self.patch

    def forward(self, images: Tensor, masks: Tensor | None = None) -> Tokens:
        """Encode crops of one size in one pass.

        Args:
            images: [B, 1, H, W].
            masks: bool [B, h, w], True where the patch is hidden; None hides nothing.
        """
        grid = self.grid_of(images)
        x = self.backbone.patch_embed(images)  # [B, h, w, D]
        if masks is not None:
            x = torch.where(masks[..., None], self.mask_token.to(x.dtype), x)
        x = self.backbone.norm_pre(self.backbone._pos_embed(x))  # [B, prefix + N, D]
        for block in self.backbone.blocks:
            if self.recompute and self.training:
                x = checkpoint(block, x, use_reentrant=False)
            else:
                x = block(x)
        x = self.backbone.norm(x)
        return Tokens(x[:, 0], x[:, self.backbone.num_prefix_tokens :], grid)


def build_vit(settings: VitSettings) -> Vit:
    """Build the encoder that a config describes, from scratch or from local weights.

    Raises:
        InputError: if timm has no such ViT, or the weights do not fit it.
    """
    try:
        backbone = timm.create_model(
            settings.name,
            pretrained=settings.weights is not None,
            pretrained_cfg_overlay=_source(settings),
            in_chans=1,
            num_classes=0,
            img_size=settings.image_size,
            dynamic_img_size=True,
            block_fn=RowDropBlock,
            **settings.shape,
        )
    except (RuntimeError, TypeError) as error:
        raise InputError(
            f"{settings.name} cannot be built as a one-channel ViT: {error}{_hint(settings)}",
            file=settings.weights,
            reason="bad-model",
        ) from error
    if not isinstance(backbone, VisionTransformer) or not backbone.has_class_token:
        message = f"{settings.name} is not a ViT with a class token, which both objectives need"
        raise InputError(message, reason="bad-model")
    for block in backbone.modules():
        if isinstance(block, RowDropBlock):
            block.skip_rate = settings.drop_path
    return Vit(backbone, recompute=settings.recompute)


def _source(settings: VitSettings) -> dict[str, Any] | None:
    """Hand local weights to timm, which adapts channels, patch size and position grid."""
    if settings.weights is None:
        return None
    tensors = local_weights(settings.weights)
    source: dict[str, Any] = {"state_dict": tensors}
    stem = tensors.get("patch_embed.proj.weight")
    if settings.weights_size is not None and stem is not None:
        source["input_size"] = (stem.shape[1], *settings.weights_size)
    return source


def _hint(settings: VitSettings) -> str:
    if settings.weights is None:
        return ""
    return (
        "; the weights may be of another variant (registers, width, depth), or of rectangular "
        "images, whose size `weights_size` has to say"
    )
