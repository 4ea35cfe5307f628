"""The language part of any model that writes words: its layers, its last linear layer, its config.

A causal language model is one as it is. Of a vision-language model, such as Qwen2.5-VL, Gemma 3 or
SmolVLM, the language part is taken, and its vision tower and connector are left.
"""

from __future__ import annotations

import copy
from pathlib import Path
from typing import Any, cast

import torch
from torch import Tensor, nn
from transformers import (
    AutoConfig,
    AutoModelForCausalLM,
    AutoModelForImageTextToText,
    PreTrainedConfig,
    PreTrainedModel,
)

from versamammo.errors import InputError
from versamammo.model.weights import opening

OURS = "versamammo_vlm"  # the model type of what this package writes
_KNOWN_LAYERS = {"full_attention", "sliding_attention"}


def open_writer(folder: Path, **options: Any) -> PreTrainedModel:
    """Open a folder's causal language model, or its vision-language model, from safetensors.

    Args:
        folder: of transformers.
        options: for `from_pretrained`.

    Raises:
        InputError: it cannot be opened, or is a model of ours.
    """
    kind = auto_class(folder)
    with opening(folder):
        opened = kind.from_pretrained(folder, use_safetensors=True, **options)
    return cast(PreTrainedModel, opened)


def auto_class(folder: Path) -> Any:
    """Return the class of transformers that opens a folder with its last layer.

    Raises:
        InputError: its config cannot be read, or it is a model of ours.
    """
    with opening(folder):
        config = AutoConfig.from_pretrained(folder)
    if config.model_type == OURS:
        message = "is a VersaMammo model; name the language model that it was made from"
        raise InputError(message, file=folder, field="language", reason="unknown-language")
    return AutoModelForImageTextToText if _has_images(config) else AutoModelForCausalLM


def _has_images(config: PreTrainedConfig) -> bool:
    return getattr(config, "vision_config", None) is not None


def layers_of(writer: PreTrainedModel) -> PreTrainedModel:
    """Return the layers that turn embeddings into hidden states, without the last linear layer."""
    decoder = cast(Any, writer).get_decoder() if _has_images(writer.config) else writer
    return cast(PreTrainedModel, decoder.base_model)


def head_of(writer: PreTrainedModel) -> nn.Linear:
    """Return the last layer, from hidden states to words."""
    return cast(nn.Linear, writer.get_output_embeddings())


def is_tied(writer: PreTrainedModel) -> bool:
    """Return whether the last layer's weights are those of the embeddings."""
    return head_of(writer).weight is cast(Any, writer.get_input_embeddings()).weight


def text_config_of(writer: PreTrainedModel) -> PreTrainedConfig:
    """Return the config of the language part, which also says whether its last layer is tied.

    How its weights were quantised in memory is no part of it.
    """
    config: PreTrainedConfig = copy.deepcopy(writer.config.get_text_config(decoder=True))
    config.tie_word_embeddings = is_tied(writer)
    vars(config).pop("quantization_config", None)
    return config


@torch.no_grad()
def check_parts(writer: PreTrainedModel) -> None:
    """Make sure that layers and last layer are all that turns words into answers.

    Raises:
        InputError: the model does more, or has layers that cannot keep packed conversations apart.
    """
    config = writer.config.get_text_config(decoder=True)
    foreign = set(getattr(config, "layer_types", None) or ()) - _KNOWN_LAYERS
    if foreign:
        message = (
            f"{type(writer).__name__} has layers of {', '.join(sorted(foreign))}, which cannot "
            f"keep conversations of one row apart; expected {' or '.join(sorted(_KNOWN_LAYERS))}"
        )
        raise InputError(message, field="language", reason="unknown-language")
    words = torch.arange(4, device=writer.device).unsqueeze(0)
    writer.eval()
    head = writer.get_output_embeddings()
    alike = isinstance(head, nn.Linear) and not getattr(config, "is_encoder_decoder", False)
    if alike:
        whole: Tensor = writer(input_ids=words).logits
        alike = torch.equal(whole, head_of(writer)(layers_of(writer)(input_ids=words)[0]))
    if not alike:
        message = (
            f"{type(writer).__name__} does more than words in, layers and one linear layer out; "
            "its answers would change"
        )
        raise InputError(message, field="language", reason="unknown-language")
