"""Language models: any that transformers opens, or a tiny one made here, offline."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import torch
from tokenizers import AddedToken, Tokenizer
from tokenizers.decoders import ByteLevel as ByteDecoder
from tokenizers.models import BPE
from tokenizers.pre_tokenizers import ByteLevel, Digits
from tokenizers.pre_tokenizers import Sequence as InTurn
from tokenizers.trainers import BpeTrainer
from transformers import (
    AutoTokenizer,
    PreTrainedModel,
    PreTrainedTokenizerBase,
    PreTrainedTokenizerFast,
    Qwen3Config,
    Qwen3ForCausalLM,
)

from versamammo.model.weights import opening
from vlm.language_parts import open_writer
from vlm.language_source import LanguageModelSource, locate
from vlm.prompts import IMAGE_TOKEN

_PAD, _START, _END = "<|pad|>", "<|im_start|>", "<|im_end|>"

# for language models that come without one
CHAT_TEMPLATE = (
    "{% for message in messages %}"
    "<|im_start|>{{ message.role }}\n{{ message.content }}<|im_end|>\n"
    "{% endfor %}"
    "{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}"
)


@dataclass(frozen=True)
class TinyLanguage:
    """A language model that a laptop trains from nothing.

    Attributes:
        vocabulary: most entries of its byte-level vocabulary.
        width: D_llm.
        depth: layers.
        heads: of attention; half as many for keys and values.
        max_length: most words that it reads at once.
        seed: of its weights.
    """

    vocabulary: int = 1024
    width: int = 192
    depth: int = 4
    heads: int = 4
    max_length: int = 4096
    seed: int = 0


class Language(NamedTuple):
    """A causal language model and its tokenizer.

    Attributes:
        model: may be a vision-language model; its language part is used.
        source: where its weights can be found again; None if they are nowhere else.
    """

    model: PreTrainedModel
    tokenizer: PreTrainedTokenizerBase
    source: LanguageModelSource | None = None


def tiny_language(texts: Iterable[str], settings: TinyLanguage = TinyLanguage()) -> Language:
    """Make a tiny Qwen3 with random weights and a tokenizer learned from the given texts."""
    tokenizer = train_tokenizer(texts, settings.vocabulary)
    config = Qwen3Config(
        vocab_size=len(tokenizer),
        hidden_size=settings.width,
        intermediate_size=3 * settings.width,
        num_hidden_layers=settings.depth,
        num_attention_heads=settings.heads,
        num_key_value_heads=max(1, settings.heads // 2),
        head_dim=settings.width // settings.heads,
        max_position_embeddings=settings.max_length,
        # the usual 0.02 suits widths of a thousand: so narrow a model stays at a plateau with it
        initializer_range=settings.width**-0.5,
        tie_word_embeddings=True,
        pad_token_id=tokenizer.pad_token_id,
        eos_token_id=tokenizer.eos_token_id,
        bos_token_id=None,
    )
    # the caller's random numbers are none of our business
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(settings.seed)
        model = Qwen3ForCausalLM(config)
    return Language(model, tokenizer)


def train_tokenizer(texts: Iterable[str], vocabulary: int) -> PreTrainedTokenizerBase:
    """Learn byte pairs from texts; any other text still encodes, byte by byte.

    Digits stand alone, so that coordinates and BI-RADS categories are read digit by digit.
    """
    bytes_alone = Tokenizer(BPE())
    bytes_alone.pre_tokenizer = InTurn(
        [Digits(individual_digits=True), ByteLevel(add_prefix_space=False)]
    )
    bytes_alone.decoder = ByteDecoder()
    trainer = BpeTrainer(
        vocab_size=vocabulary,
        special_tokens=[_PAD, _START, _END, IMAGE_TOKEN],
        initial_alphabet=ByteLevel.alphabet(),
        show_progress=False,
    )
    bytes_alone.train_from_iterator(texts, trainer)
    return PreTrainedTokenizerFast(
        tokenizer_object=bytes_alone,
        pad_token=_PAD,
        eos_token=_END,
        extra_special_tokens=[_START, IMAGE_TOKEN],
        chat_template=CHAT_TEMPLATE,
        padding_side="left",
        clean_up_tokenization_spaces=False,
    )


def load_language(
    named: str | Path, dtype: torch.dtype = torch.float32, **options: Any
) -> Language:
    """Open a causal language model, or a vision-language model, and its tokenizer.

    Args:
        named: a folder, the name of a repository, or `package:NAME` of an installed package.
        dtype: of the weights in memory.
        options: for `from_pretrained` of transformers.

    Raises:
        InputError: there is none, or it holds no safetensors.
    """
    source, folder = locate(named)
    model = open_writer(folder, dtype=dtype, **options)
    with opening(named):
        return Language(model, AutoTokenizer.from_pretrained(folder), source)


def prepare_tokenizer(tokenizer: PreTrainedTokenizerBase) -> int:
    """Add the image token, padding on the left and a chat template to a tokenizer.

    Returns:
        The image token's number.
    """
    if IMAGE_TOKEN not in tokenizer.get_vocab():
        token = AddedToken(IMAGE_TOKEN, special=True, normalized=False)
        tokenizer.add_special_tokens(
            {"extra_special_tokens": [token]}, replace_extra_special_tokens=False
        )
    if tokenizer.chat_template is None:
        tokenizer.chat_template = CHAT_TEMPLATE
        _add_missing(tokenizer, (_START, _END))
    if tokenizer.pad_token_id is None:
        tokenizer.pad_token = tokenizer.eos_token
    tokenizer.padding_side = "left"
    number = tokenizer.convert_tokens_to_ids(IMAGE_TOKEN)
    assert isinstance(number, int)
    return number


def _add_missing(tokenizer: PreTrainedTokenizerBase, tokens: Sequence[str]) -> None:
    absent = [token for token in tokens if token not in tokenizer.get_vocab()]
    if absent:
        tokenizer.add_special_tokens(
            {"extra_special_tokens": absent}, replace_extra_special_tokens=False
        )
