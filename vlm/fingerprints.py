"""Short names for weights, so that an adapter finds the parts it was trained with."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable

import torch
from torch import Tensor, nn

from versamammo.model.encoder import VersaMammoModel


def encoder_hash(encoder: VersaMammoModel) -> str:
    """Name an encoder by its network, its input contract and every weight.

    Weights are compared as bfloat16, so that an encoder keeps its name when it is loaded in
    another precision.
    """
    config = encoder.config
    words = json.dumps([config.backbone, config.backbone_args, config.contract], sort_keys=True)
    return _digest(words, sorted(encoder.state_dict().items()))


def language_hash(language: nn.Module, config_text: str) -> str:
    """Name a language model by its architecture and its norms' weights.

    Norms are trained with everything else, so they tell two models of one family apart; they are
    small, and neither LoRA nor quantisation touches them.
    """
    norms = [(name, p) for name, p in language.named_parameters() if p.ndim == 1 and "norm" in name]
    return _digest(config_text, [(n, p) for n, p in sorted(norms) if "lora" not in n])


def _digest(words: str, tensors: Iterable[tuple[str, Tensor]]) -> str:
    digest = hashlib.sha256(words.encode())
    for name, tensor in tensors:
        plain = tensor.detach().cpu()
        if plain.is_floating_point():
            plain = plain.to(torch.bfloat16)
        digest.update(f"{name} {list(plain.shape)}".encode())
        digest.update(plain.contiguous().view(-1).view(torch.uint8).numpy().tobytes())
    return digest.hexdigest()
