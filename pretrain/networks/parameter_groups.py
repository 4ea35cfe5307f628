"""Which parameters learn how fast and which decay."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from timm.optim import (  # type: ignore[attr-defined]  # public, but not in their __all__
    param_groups_layer_decay,
    param_groups_weight_decay,
)
from torch import nn

from pretrain.networks.vit import Vit

ParameterGroup = dict[str, Any]  # what torch's optimisers take


def backbone_groups(
    vit: Vit, layer_decay: float = 1.0, patch_embed_scale: float = 0.2
) -> list[ParameterGroup]:
    """Group an encoder's parameters: earlier layers learn slower, the patch embedding slower still.

    Args:
        vit: whose backbone and mask token are trained.
        layer_decay: each layer learns this factor slower than the one after it.
        patch_embed_scale: further factor for the patch embedding (DINOv2 uses 0.2).
    """
    backbone = vit.backbone
    # 1.0 only marks what decays; the schedule gives the amount
    groups = param_groups_layer_decay(
        backbone,
        weight_decay=1.0,
        no_weight_decay_list=backbone.no_weight_decay(),
        layer_decay=layer_decay,
    )
    stem = {id(parameter) for parameter in backbone.patch_embed.parameters()}
    divided = [part for group in groups for part in _divide(group, stem, patch_embed_scale)]
    mask = {"params": [vit.mask_token], "lr_scale": 1.0, "decays": False}
    return [*divided, mask]


def _divide(group: ParameterGroup, slow: set[int], scale: float) -> list[ParameterGroup]:
    decays, rate = bool(group["weight_decay"]), group["lr_scale"]
    parts = [
        ([p for p in group["params"] if id(p) not in slow], rate),
        ([p for p in group["params"] if id(p) in slow], rate * scale),
    ]
    return [{"params": some, "lr_scale": r, "decays": decays} for some, r in parts if some]


def head_groups(heads: Iterable[nn.Module]) -> list[ParameterGroup]:
    """Group the parameters of heads, which all learn at the full rate."""
    return [
        {"params": group["params"], "lr_scale": 1.0, "decays": bool(group["weight_decay"])}
        for head in heads
        for group in param_groups_weight_decay(head, weight_decay=1.0)
    ]
