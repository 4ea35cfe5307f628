"""Putting a vision-language model together, and one folder for all of it."""

from __future__ import annotations

from pathlib import Path
from typing import Any, cast

import torch
from torch import nn
from transformers import GenerationConfig, PreTrainedModel, PreTrainedTokenizerBase

from versamammo.model.encoder import VersaMammoModel
from versamammo.model.foreign import load_encoder
from versamammo.model.weights import opening
from vlm.fingerprints import encoder_hash
from vlm.language import Language, load_language, prepare_tokenizer
from vlm.language_parts import check_parts, head_of, layers_of, text_config_of
from vlm.model import VersaMammoForImageTextToText, build_projector
from vlm.processor import VersaMammoVlmProcessor
from vlm.projector import ProjectorSettings
from vlm.vlm_configuration import VersaMammoVlmConfig


def assemble(
    encoder: VersaMammoModel | str | Path,
    language: Language | tuple[PreTrainedModel, PreTrainedTokenizerBase] | str | Path,
    projector: ProjectorSettings | None = None,
    dtype: torch.dtype = torch.float32,
) -> tuple[VersaMammoForImageTextToText, VersaMammoVlmProcessor]:
    """Join an encoder and a language model by a new projector, in eval mode.

    Args:
        encoder: ours, or the name or folder of any vision model that `load_encoder` opens.
        language: a causal language model with its tokenizer, or a vision-language model of which
            the language part is taken, or their name or folder, or `package:NAME`; weights that
            lie in one of these are referred to and not saved again.
        projector: how many visual tokens an image becomes, and how; by default
            pixel-shuffled two by two.
        dtype: of a language model that is opened here.

    Raises:
        InputError: a part cannot be opened, or the language model is more than words in, layers,
            and one linear layer out.
    """
    projector = projector or ProjectorSettings()
    eyes = encoder if isinstance(encoder, VersaMammoModel) else load_encoder(encoder)
    opened = Language(*language) if isinstance(language, tuple) else load_language(language, dtype)
    causal, tokenizer, source = opened
    image_token = prepare_tokenizer(tokenizer)
    check_parts(causal)
    if len(tokenizer) > cast(Any, causal.get_input_embeddings()).num_embeddings:
        causal.resize_token_embeddings(len(tokenizer))
    head, text = head_of(causal), text_config_of(causal)
    config = VersaMammoVlmConfig(
        vision_config=eyes.config,
        text_config=text,
        projector=projector.to_dict(),
        image_token_id=image_token,
        head_bias=head.bias is not None,
        encoder_name="" if isinstance(encoder, VersaMammoModel) else str(encoder),
        encoder_hash=encoder_hash(eyes),
        language_name="" if source is None else str(source),
        language={} if source is None else source.to_dict(),
    )
    model = _join(config, eyes, causal, head)
    processor = VersaMammoVlmProcessor(
        eyes.image_processor,
        tokenizer,
        stride=eyes.stride,
        projector=projector.to_dict(),
        longest=getattr(text, "max_position_embeddings", 4096),
    )
    model.generation_config = _how_to_generate(causal, processor)
    model.eval()  # type: ignore[no-untyped-call]
    return model, processor


def save(
    model: VersaMammoForImageTextToText, processor: VersaMammoVlmProcessor, folder: Path | str
) -> None:
    """Write everything into one folder: weights, adapter, processor, template and card."""
    model.save_pretrained(folder)
    processor.save_pretrained(folder)


def load(
    source: Path | str, **options: Any
) -> tuple[VersaMammoForImageTextToText, VersaMammoVlmProcessor]:
    """Open what `save` wrote."""
    model = VersaMammoForImageTextToText.from_pretrained(source, **options)
    with opening(source):
        return model, VersaMammoVlmProcessor.from_pretrained(source)


def _join(
    config: VersaMammoVlmConfig, eyes: VersaMammoModel, causal: PreTrainedModel, head: nn.Linear
) -> VersaMammoForImageTextToText:
    # a skeleton without storage: the parts bring theirs
    with torch.device("meta"):
        model = VersaMammoForImageTextToText(config)
    base = model.model
    base.vision_tower = eyes
    base.language_model = layers_of(causal)
    # peft asks the layers, transformers tells the whole
    base.language_model.is_loaded_in_4bit = getattr(causal, "is_loaded_in_4bit", False)
    base.projector = build_projector(config, eyes).to(head.weight.device)
    model.lm_head = head
    return model


def _how_to_generate(
    causal: PreTrainedModel, processor: VersaMammoVlmProcessor
) -> GenerationConfig:
    """Answer greedily, stop where the template ends a turn, never write an image token."""
    tokenizer = processor.tokenizer
    own = causal.generation_config
    given = own.eos_token_id if own is not None else None
    ends = set(given if isinstance(given, list) else [given])
    ends |= {tokenizer.eos_token_id, *tokenizer(processor.answer_end)["input_ids"][-1:]}
    return GenerationConfig(
        do_sample=False,
        eos_token_id=sorted(end for end in ends if end is not None),
        pad_token_id=tokenizer.pad_token_id,
        suppress_tokens=[processor.image_token_id],
    )
