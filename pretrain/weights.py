"""Weights already on this machine, in timm's, Meta's or Hugging Face's names, for timm's ViT.

Nothing is downloaded and nothing is unpickled: safetensors, or torch files of plain tensors.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path

import torch
from timm.models import load_state_dict
from torch import Tensor

from versamammo.errors import InputError

# Hugging Face's Dinov2 names, as saved before and since transformers 5, to Meta's, which timm reads
_RENAMED = (
    (r"^(dinov2|dinov2_with_registers)\.", ""),
    (r"^embeddings\.patch_embeddings\.projection\.", "patch_embed.proj."),
    (r"^embeddings\.position_embeddings$", "pos_embed"),
    (r"^embeddings\.", ""),
    (r"^layernorm\.", "norm."),
    (r"^encoder\.layer\.", "blocks."),
    (r"\.attention\.attention\.(query|key|value)\.", r".attn.\1."),
    (r"\.attention\.(q|k|v)_proj\.", r".attn.\1."),
    (r"\.attention\.(output\.dense|o_proj)\.", ".attn.proj."),
    (r"\.layer_scale([12])\.lambda1$", r".ls\1.gamma"),
)
_PARTS = (("query", "q"), ("key", "k"), ("value", "v"))


def local_weights(source: Path) -> dict[str, Tensor]:
    """Read the tensors of a file, or of the one weight file in a folder.

    Raises:
        InputError: if there is no such file, or it holds more than tensors.
    """
    file = source if source.is_file() else _only_weights_in(source)
    try:
        tensors: Mapping[str, Tensor] = load_state_dict(str(file), weights_only=True)
    except Exception as error:
        # every format fails in its own way: unpickling, headers, truncation
        message = f"cannot be read as plain tensors ({type(error).__name__}: {error})"
        raise InputError(message, file=file, reason="bad-weights") from error
    if any("patch_embeddings.projection" in name for name in tensors):
        return from_hugging_face(tensors)
    return dict(tensors)


def _only_weights_in(folder: Path) -> Path:
    if not folder.is_dir():
        raise InputError("no such file or folder", file=folder, reason="missing")
    for kind in ("*.safetensors", "*.bin", "*.pth", "*.pt"):
        found = sorted(folder.glob(kind))
        if len(found) == 1:
            return found[0]
        if found:
            message = f"holds {len(found)} weight files ({kind}); name the one to start from"
            raise InputError(message, file=folder, reason="bad-weights")
    raise InputError("holds no .safetensors, .bin, .pth or .pt", file=folder, reason="missing")


def from_hugging_face(tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Rename a Hugging Face Dinov2 (with or without registers) to Meta's names."""
    renamed = {_rename(name): value for name, value in tensors.items()}
    fused: dict[str, Tensor] = {}
    for name, value in renamed.items():
        part = re.match(r"(blocks\.\d+\.attn)\.(query|q)\.(weight|bias)$", name)
        if part:
            block, query, kind = part.groups()
            spelling = [pair[0] if query == "query" else pair[1] for pair in _PARTS]
            fused[f"{block}.qkv.{kind}"] = torch.cat(
                [renamed[f"{block}.{piece}.{kind}"] for piece in spelling]
            )
        elif not re.match(r"blocks\.\d+\.attn\.(key|value|k|v)\.", name):
            fused[name] = value
    return fused


def _rename(name: str) -> str:
    for pattern, replacement in _RENAMED:
        name = re.sub(pattern, replacement, name)
    return name
