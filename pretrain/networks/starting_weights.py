"""Weights already on this machine, in timm's, Meta's or Hugging Face's names, for timm's ViT.

Nothing is downloaded and nothing is unpickled: safetensors, and tensors of known packages.
"""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Any

from torch import Tensor, nn

from pretrain.networks.open_weights import named, one_channel
from versamammo.data.licence_filter import check_lineage
from versamammo.model.configuration import VersaMammoConfig
from versamammo.model.renaming import translate
from versamammo.model.weights import fill, read_config, read_tensors
from versamammo.training.origin import NOTHING, Inherited

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


def start_from(network: nn.Module, source: Path) -> None:
    """Fill a network with weights of this machine, or of a package named by `package:NAME`.

    Raises:
        InputError: the weights cannot be read, or are another network's.
    """
    package = named(source)
    tensors = local_weights(source) if package is None else one_channel(package, network)
    fill(network, tensors, source)


def inherited_from(source: Path | None, field: str, shareable: bool) -> Inherited:
    """Return what starting weights were made from; those of known packages saw no mammogram.

    Args:
        source: of the weights, if any.
        field: the setting that names them.
        shareable: whether what learns from them is to be shared.

    Raises:
        InputError: it is, and they were made from images whose terms keep them from it.
    """
    if source is None or named(source) is not None:
        return NOTHING
    training = training_of(source)
    if shareable:
        check_lineage(training, field)
    return Inherited.of(training, source.name)


def training_of(source: Path) -> dict[str, Any]:
    """Return the record of how our own weights came about; empty for those of others."""
    described = source / "config.json"
    return read_config(described).get("training") or {} if described.is_file() else {}


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
