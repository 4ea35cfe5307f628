"""Weights already on this machine, in timm's, Meta's or Hugging Face's names, for timm's ViT.

Nothing is downloaded and nothing is unpickled: safetensors only.
"""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from torch import Tensor

from versamammo.model.configuration import VersaMammoConfig
from versamammo.model.renaming import translate
from versamammo.model.weights import read_config, read_tensors

OURS = "backbone."


def local_weights(source: Path) -> dict[str, Tensor]:
    """Read the tensors of a safetensors file, or of a folder, under names that timm reads.

    Raises:
        InputError: there is no such file, it holds more than tensors, or its model is not known.
    """
    tensors = read_tensors(source)
    kind = _kind_of(source, tensors)
    if kind == VersaMammoConfig.model_type:
        return {
            name.removeprefix(OURS): tensor
            for name, tensor in tensors.items()
            if name.startswith(OURS)
        }
    return dict(tensors) if kind is None else translate(tensors, kind)[0]


def _kind_of(source: Path, names: Iterable[str]) -> str | None:
    """Return transformers' word for the model, or None for timm's and Meta's own names."""
    described = source / "config.json"
    if described.is_file():
        kind: str | None = read_config(described).get("model_type")
        return kind
    if not any("patch_embeddings.projection" in name for name in names):
        return None
    registers = any("register_tokens" in name for name in names)
    return "dinov2_with_registers" if registers else "dinov2"
