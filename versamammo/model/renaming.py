"""What transformers calls a network and its weights, said in timm's words.

Only plain variants are said: one whose config asks for what timm's network does not do is refused.
Layer norm epsilons are timm's 1e-6; the 1e-12 in the configs of ViT and ConvNeXt came with the
conversion to transformers, the authors trained with 1e-6.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from versamammo.errors import InputError

Names = tuple[tuple[str, str], ...]  # pattern and replacement, applied in order

_VIT: Names = (
    (r"^embeddings\.patch_embeddings\.(projection\.)?", "patch_embed.proj."),
    (r"^embeddings\.position_embeddings$", "pos_embed"),
    (r"^embeddings\.cls_token$", "cls_token"),
    (r"^embeddings\.register_tokens$", "reg_token"),
    (r"^(encoder\.)?layer\.", "blocks."),
    (r"\.attention\.(attention\.)?(?:query|q_proj)\.", ".attn.q."),
    (r"\.attention\.(attention\.)?(?:key|k_proj)\.", ".attn.k."),
    (r"\.attention\.(attention\.)?(?:value|v_proj)\.", ".attn.v."),
    (r"\.attention\.(output\.dense|o_proj)\.", ".attn.proj."),
    (r"\.layer_scale([12])\.lambda1$", r".ls\1.gamma"),
    (r"\.layernorm_before\.", ".norm1."),
    (r"\.layernorm_after\.", ".norm2."),
    (r"\.intermediate\.dense\.", ".mlp.fc1."),
    (r"\.output\.dense\.", ".mlp.fc2."),
    (r"^layernorm\.", "norm."),
)
_DINOV3: Names = (
    *_VIT,
    (r"\.ls([12])\.gamma$", r".gamma_\1"),
    (r"\.attn\.([qv])\.bias$", r".attn.\1_bias"),
    (r"\.mlp\.up_proj\.", ".mlp.fc1."),
    (r"\.mlp\.down_proj\.", ".mlp.fc2."),
)
_CONVNEXT: Names = (
    (r"^embeddings\.patch_embeddings\.", "stem.0."),
    (r"^embeddings\.layernorm\.", "stem.1."),
    (r"^encoder\.stages\.(\d+)\.downsampling_layer\.", r"stages.\1.downsample."),
    (r"^encoder\.stages\.(\d+)\.layers\.", r"stages.\1.blocks."),
    (r"\.dwconv\.", ".conv_dw."),
    (r"\.layernorm\.", ".norm."),
    (r"\.pwconv([12])\.", r".mlp.fc\1."),
    (r"\.layer_scale_parameter$", ".gamma"),
    (r"\.grn\.", ".mlp.grn."),
    (r"^layernorm\.", "head.norm."),
)
# Parts of training or of a classifier that an encoder does without.
_LEFT_OUT = re.compile(r"^(embeddings\.mask_token$|pooler\.dense\.|classifier\.)")


@dataclass(frozen=True)
class Dialect:
    """How one model type of transformers is said in timm.

    Attributes:
        backbone: timm's network, whose size the arguments then change.
        arguments: timm's arguments out of config.json.
        names: of the weights.
        plain: what config.json must say, where it says anything.
    """

    backbone: str
    arguments: Callable[[Mapping[str, Any]], dict[str, Any]]
    names: Names
    plain: Mapping[str, Any]


def _vit_arguments(config: Mapping[str, Any]) -> dict[str, Any]:
    width = config["hidden_size"]
    inner = config.get("intermediate_size")
    return {
        "img_size": config["image_size"],
        "patch_size": config["patch_size"],
        "embed_dim": width,
        "depth": config["num_hidden_layers"],
        "num_heads": config["num_attention_heads"],
        "mlp_ratio": config["mlp_ratio"] if inner is None else inner / width,
    }


def _registered_arguments(config: Mapping[str, Any]) -> dict[str, Any]:
    return {**_vit_arguments(config), "reg_tokens": config["num_register_tokens"]}


def _dinov3_arguments(config: Mapping[str, Any]) -> dict[str, Any]:
    registers = config["num_register_tokens"]
    return {
        **_vit_arguments(config),
        "num_reg_tokens": registers,
        "rope_temperature": config["rope_theta"],
        "global_pool": "token",
    }


def _convnext_arguments(config: Mapping[str, Any]) -> dict[str, Any]:
    return {"depths": config["depths"], "dims": config["hidden_sizes"]}


_PLAIN_VIT = {"hidden_act": "gelu", "qkv_bias": True, "use_swiglu_ffn": False}
_PLAIN_DINOV3 = {
    "hidden_act": "gelu",
    "use_gated_mlp": False,
    "query_bias": True,
    "key_bias": False,
    "value_bias": True,
}
_PLAIN_CONVNEXT = {"hidden_act": "gelu", "patch_size": 4}

DIALECTS: Mapping[str, Dialect] = {
    "vit": Dialect("vit_base_patch16_224", _vit_arguments, _VIT, _PLAIN_VIT),
    "dinov2": Dialect("vit_small_patch14_dinov2", _vit_arguments, _VIT, _PLAIN_VIT),
    "dinov2_with_registers": Dialect(
        "vit_small_patch14_reg4_dinov2", _registered_arguments, _VIT, _PLAIN_VIT
    ),
    "dinov3_vit": Dialect(
        "vit_small_patch16_dinov3_qkvb", _dinov3_arguments, _DINOV3, _PLAIN_DINOV3
    ),
    "convnext": Dialect("convnext_tiny", _convnext_arguments, _CONVNEXT, _PLAIN_CONVNEXT),
    "convnextv2": Dialect("convnextv2_tiny", _convnext_arguments, _CONVNEXT, _PLAIN_CONVNEXT),
}


def dialect_of(config: Mapping[str, Any]) -> Dialect:
    """Find how a config.json of transformers is said in timm.

    Raises:
        InputError: its model type is not known here, or is no plain variant.
    """
    kind = str(config.get("model_type"))
    if kind not in DIALECTS:
        message = f"{kind!r} is not known here; expected one of {', '.join(sorted(DIALECTS))}"
        raise InputError(message, field="model_type", reason="unknown-backbone")
    for field, plain in DIALECTS[kind].plain.items():
        if config.get(field, plain) != plain:
            message = f"{config[field]!r}, but timm's {DIALECTS[kind].backbone} has {plain!r}"
            raise InputError(message, field=field, reason="unknown-backbone")
    return DIALECTS[kind]


def translate(
    tensors: Mapping[str, Tensor], kind: str
) -> tuple[dict[str, Tensor], tuple[str, ...]]:
    """Rename weights of transformers, and tell which were left out.

    Args:
        tensors: as transformers names them, with or without the prefix of a classifier's encoder.
        kind: the model type.
    """
    prefix = f"{kind.removesuffix('_vit')}."
    bare = {name.removeprefix(prefix): tensor for name, tensor in tensors.items()}
    left_out = tuple(sorted(name for name in bare if _LEFT_OUT.match(name)))
    said = {
        _said(name, DIALECTS[kind].names): tensor
        for name, tensor in bare.items()
        if name not in left_out
    }
    if "reg_token" in said and "pos_embed" in said:
        _place_class_token(said)
    return _join_attention(_flatten_norms(said)), left_out


def _said(name: str, names: Names) -> str:
    for pattern, replacement in names:
        name = re.sub(pattern, replacement, name)
    return name


def _place_class_token(tensors: dict[str, Tensor]) -> None:
    """Add its position to the class token itself: timm gives prefix tokens no position then."""
    position = tensors["pos_embed"]
    tensors["cls_token"] = tensors["cls_token"] + position[:, :1]
    tensors["pos_embed"] = position[:, 1:]


def _flatten_norms(tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Take the empty axes off the response norms of ConvNeXt V2."""
    return {k: v.flatten() if ".mlp.grn." in k else v for k, v in tensors.items()}


def _join_attention(tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Lay query, key and value on top of each other, as timm multiplies them in one go."""
    joined = {}
    for name, tensor in tensors.items():
        part = re.fullmatch(r"(.*\.attn)\.([qkv])\.(weight|bias)", name)
        if part is None:
            joined[name] = tensor
        elif part[2] == "q":
            parts = [tensors[f"{part[1]}.{letter}.{part[3]}"] for letter in "qkv"]
            joined[f"{part[1]}.qkv.{part[3]}"] = torch.cat(parts)
    return joined
