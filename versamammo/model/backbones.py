"""timm's networks, made to hand over the same `Features` whether they think in tokens or in maps.

- ViT, EVA and DINOv3 think in tokens: patches are their tokens after the last norm, and they pool
  as they were made to, by class token, average or attention.
- EfficientNet and ResNet think in maps: patches are the last map, pooled is its average.
- ConvNeXt norms after pooling; its patches get the same norm, as in DINOv3's ConvNeXt.
"""

from __future__ import annotations

import inspect
import math
from collections.abc import Mapping, Sequence
from enum import StrEnum
from typing import Any, Protocol, cast

import timm
import torch
import torch.nn.functional as F
from timm.layers.classifier import NormMlpClassifierHead
from timm.models import is_model, model_entrypoint
from torch import Tensor, nn

from versamammo.errors import InputError
from versamammo.model.features import Features, Level
from versamammo.model.memory_efficient_layers import make_lean


class Family(StrEnum):
    """How a network thinks."""

    TOKENS = "tokens"
    MAPS = "maps"


# By the module of timm that defines the network.
FAMILIES = {
    "vision_transformer": Family.TOKENS,
    "eva": Family.TOKENS,
    "efficientnet": Family.MAPS,
    "convnext": Family.MAPS,
    "resnet": Family.MAPS,
}

PYRAMID_LEVELS = 4
FINEST_STRIDE = 4  # a map at stride 2 costs most of the memory and no detector here reads it


class Backbone(Protocol):
    """What is used of a timm network."""

    num_features: int
    feature_info: Sequence[Mapping[str, Any]]
    forward_intermediates: Any
    forward_head: Any
    set_grad_checkpointing: Any


def family_of(name: str) -> Family:
    """Return how a timm network thinks.

    Raises:
        InputError: timm has no such network, or it is of a family that is not known here.
    """
    if not is_model(name):
        message = f"timm {timm.__version__} has no network {name!r}"
        raise InputError(message, field="backbone", reason="unknown-backbone")
    module = model_entrypoint(name).__module__.rpartition(".")[2]
    if module not in FAMILIES:
        message = f"{name} is of timm's family {module}; expected one of {', '.join(FAMILIES)}"
        raise InputError(message, field="backbone", reason="unknown-backbone")
    return FAMILIES[module]


def build_backbone(name: str, arguments: Mapping[str, Any]) -> nn.Module:
    """Build a one-channel network without classifier and with random weights.

    Args:
        name: timm's name.
        arguments: more arguments for timm, such as `drop_path_rate` or, for a ViT, `img_size`,
            the (H, W) that its position embeddings are made for; other sizes are interpolated.

    Raises:
        InputError: timm has no such network, or it does not take these arguments.
    """
    _check_arguments(arguments)
    settings: dict[str, Any] = {"in_chans": 1, "num_classes": 0, **arguments}
    if family_of(name) is Family.TOKENS:
        settings["dynamic_img_size"] = True
    try:
        network = timm.create_model(name, pretrained=False, **settings)
    except (AssertionError, RuntimeError, TypeError, ValueError) as error:
        message = f"timm cannot build {name} with {dict(arguments)}: {error}"
        raise InputError(message, field="backbone_args", reason="bad-backbone") from error
    make_lean(network)
    return network


def _check_arguments(arguments: Mapping[str, Any]) -> None:
    """Refuse what would make timm open a file or fetch weights, and what no network takes."""
    own = set(inspect.signature(timm.create_model).parameters) - {"kwargs"}
    reserved = {*own, "in_chans", "num_classes"}
    for name, value in arguments.items():
        if name in reserved or name.startswith(("pretrained", "hf_hub")):
            message = f"{name} is not offered: a network is built from its name and shape alone"
            raise InputError(message, field="backbone_args", reason="bad-backbone")
        parts = value if isinstance(value, list | tuple) else [value]
        if not all(isinstance(part, bool | int | float | str | None) for part in parts):
            message = f"{name} is {value!r}; expected a number, a word, or a list of them"
            raise InputError(message, field="backbone_args", reason="bad-backbone")


def pyramid_of(network: nn.Module, blocks: Sequence[int] | None = None) -> tuple[Level, ...]:
    """Choose the maps of the pyramid, fine to coarse.

    Args:
        network: what `build_backbone` made.
        blocks: for a ViT, the blocks to take, counted from 0; evenly spread if None. A CNN gives
            every stage of stride 4 and more.

    Raises:
        InputError: there is no such block, or blocks are named for a CNN.
    """
    stages = cast(Backbone, network).feature_info
    if not hasattr(network, "patch_embed"):
        if blocks is not None:
            message = "only a ViT has blocks to choose from; a CNN gives its stages"
            raise InputError(message, field="pyramid_blocks", reason="bad-pyramid")
        chosen = [i for i, stage in enumerate(stages) if stage["reduction"] >= FINEST_STRIDE]
    elif blocks is None:
        depth = len(stages)
        chosen = sorted({depth * k // PYRAMID_LEVELS - 1 for k in range(1, 5)} - {-1})
    else:
        chosen = list(blocks)
    if (
        not chosen
        or chosen != sorted(set(chosen))
        or not 0 <= chosen[0] <= chosen[-1] < len(stages)
    ):
        message = f"blocks {chosen} are not in rising order within 0..{len(stages) - 1}"
        raise InputError(message, field="pyramid_blocks", reason="bad-pyramid")
    return tuple(Level(stages[i]["num_chs"], stages[i]["reduction"], i) for i in chosen)


def stride_of(network: nn.Module) -> int:
    """Return the side of one patch in pixels: both sides of an image are padded to its multiple."""
    return int(cast(Backbone, network).feature_info[-1]["reduction"])


def pad_to_multiple(images: Tensor, stride: int, value: float) -> Tensor:
    """Fill [B, 1, H, W] up at the bottom and the right, so that coordinates stay as they are."""
    height, width = images.shape[-2:]
    below, right = -height % stride, -width % stride
    # an exported graph must hold for images that need padding and for those that do not
    if torch.compiler.is_exporting() or below or right:
        images = F.pad(images, (0, right, 0, below), value=value)
    return images


def look(network: nn.Module, images: Tensor, levels: Sequence[Level]) -> Features:
    """Let a network look at images [B, 1, H, W] whose sides are multiples of its stride."""
    if hasattr(network, "patch_embed"):
        return _look_in_tokens(network, images, levels)
    return _look_in_maps(network, images, levels)


def maps_of(network: nn.Module, images: Tensor, levels: Sequence[Level]) -> tuple[Tensor, ...]:
    """Return maps [B, C, h, w] as `look` does; a CNN computes nothing behind the last of them."""
    if hasattr(network, "patch_embed"):
        return _look_in_tokens(network, images, levels).pyramid
    found: list[Tensor] = cast(Any, network).forward_intermediates(
        channels_last(images), indices=[level.index for level in levels],
        stop_early=True, intermediates_only=True,
    )  # fmt: skip
    return tuple(found)


def _look_in_tokens(network: nn.Module, images: Tensor, levels: Sequence[Level]) -> Features:
    vit = cast(Any, network)
    tokens, pyramid = vit.forward_intermediates(
        images, indices=[level.index for level in levels], norm=True
    )  # [B, prefix + N, D], maps [B, D, h, w]
    height, width = images.shape[-2:]
    stride = stride_of(network)
    return Features(
        pooled=vit.forward_head(tokens, pre_logits=True),
        patches=tokens[:, vit.num_prefix_tokens :],
        grid=(height // stride, width // stride),
        pyramid=tuple(pyramid),
    )


def _look_in_maps(network: nn.Module, images: Tensor, levels: Sequence[Level]) -> Features:
    cnn = cast(Backbone, network)
    last, pyramid = cnn.forward_intermediates(
        channels_last(images), indices=[level.index for level in levels]
    )  # [B, D, h, w], maps [B, C, h, w]
    pooled = cnn.forward_head(last, pre_logits=True)
    head = getattr(network, "head", None)
    if isinstance(head, NormMlpClassifierHead):
        last = head.norm(last)
    height, width = last.shape[-2:]
    return Features(
        pooled=pooled,
        patches=last.flatten(2).transpose(1, 2),
        grid=(height, width),
        pyramid=tuple(pyramid),
    )


def settle(network: nn.Module) -> None:
    """Copy every weight to memory of its own, in the order that its network is fastest in.

    Weights read from a mapped file lie where the file has them. Off the usual boundaries matrix
    kernels take other paths, and equal weights would differ in the last bit of their answer.
    """
    for tensor in (*network.parameters(), *network.buffers()):
        tensor.data = tensor.data.clone()
    if not hasattr(network, "patch_embed"):
        network.to(memory_format=torch.channels_last)


def recompute_activations(network: nn.Module, enable: bool) -> None:
    """Forget what happens inside blocks and compute it again for the gradient, to save memory.

    A block that runs twice gathers its batch statistics twice. Momentum 1 - sqrt(1 - m) makes two
    such steps equal to one of m, so that training stays as it was.
    """
    if getattr(network, "grad_checkpointing", False) != enable:
        for name, module in network.named_modules():
            inside = name.startswith(("blocks.", "layer"))
            if inside and isinstance(module, nn.BatchNorm2d) and module.momentum is not None:
                kept = 1 - module.momentum
                module.momentum = 1 - (math.sqrt(kept) if enable else kept**2)
    cast(Backbone, network).set_grad_checkpointing(enable)


def channels_last(images: Tensor) -> Tensor:
    """Store one-channel images [B, 1, H, W] in the order in which CNNs are fastest.

    With one channel both orders are the same bytes, so `Tensor.contiguous` would leave strides
    that convolutions take for the slower order; a view lays the strides by hand.
    """
    return images.squeeze(1).unsqueeze(-1).movedim(-1, 1)
