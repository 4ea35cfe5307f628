"""How likely the model finds each option as an answer."""

from __future__ import annotations

import math
from collections.abc import Sequence
from copy import deepcopy
from typing import cast

import torch
import torch.nn.functional as F
from torch import Tensor
from torch.nn.utils.rnn import pad_sequence
from transformers import DynamicCache

from vlm.labelled_tokens import IGNORED
from vlm.model import VersaMammoForImageTextToText
from vlm.prefix_memory import PrefixMemory
from vlm.processor import VersaMammoVlmProcessor
from vlm.prompts import Question

LEAST_LOG = math.log(1e-12)  # one hopeless question must not decide the temperature


@torch.inference_mode()
def option_scores(
    model: VersaMammoForImageTextToText,
    processor: VersaMammoVlmProcessor,
    question: Question,
    options: Sequence[str],
    prefixes: PrefixMemory | None = None,
) -> Tensor:
    """Return the log-likelihood [K] of each option as the whole answer, its end included.

    The question is read once for all options, and with `prefixes` its pictures once for all
    questions about them.
    """
    prefixes = prefixes or PrefixMemory()
    batch = processor.encode([question]).to(model.device)
    asked = batch["input_ids"]
    answers = [_words(processor, question, option) for option in options]
    begun = prefixes.begin(batch, processor.image_token_id)
    cache = begun["past_key_values"]
    begun["input_ids"] = asked[:, cache.get_seq_length() :]
    first = model(**begun, logits_to_keep=1).logits
    prefixes.keep(batch, asked[0], cache)
    told = [torch.tensor(answer, device=model.device) for answer in answers]
    words = pad_sequence(told, batch_first=True, padding_value=IGNORED)  # [K, L]
    rest = _after(model, deepcopy(cache), words[:, :-1], batch["attention_mask"])
    logits = torch.cat([first.expand(len(options), -1, -1), rest], 1).float()
    each = F.cross_entropy(
        logits.transpose(1, 2), words, ignore_index=IGNORED, reduction="none"
    )  # [K, L]
    scores: Tensor = -each.sum(1)
    return scores


def _words(processor: VersaMammoVlmProcessor, question: Question, option: str) -> list[int]:
    """Return the tokens of an answer with its end, as training learns them."""
    text, _ = processor.pieces(question, option)[-1]
    return cast(list[int], processor.tokenizer(text, add_special_tokens=False)["input_ids"])


def _after(
    model: VersaMammoForImageTextToText, cache: DynamicCache, words: Tensor, mask: Tensor
) -> Tensor:
    """Return logits [K, L, V] of the beginnings of answers, K of them after one question."""
    cache.batch_repeat_interleave(len(words))
    there = words != IGNORED  # what is not there follows what is, and changes nothing before it
    whole = torch.cat([mask.expand(len(words), -1), there.long()], 1)
    logits: Tensor = model(
        input_ids=words.masked_fill(~there, 0), attention_mask=whole, past_key_values=cache
    ).logits
    return logits


def probabilities(scores: Tensor, temperature: float = 1.0) -> Tensor:
    """Turn scores [K] into probabilities; a temperature above 1 is less sure."""
    return (scores / temperature).softmax(0)


def fit_temperature(scores: Sequence[Tensor], truths: Sequence[int]) -> float:
    """Find the temperature under which the right options are likeliest (arXiv 1706.04599)."""
    candidates = torch.logspace(-1, 1, 81)
    rows = pad_sequence([one.double() for one in scores], batch_first=True, padding_value=-math.inf)
    right = torch.tensor(truths)[:, None]
    losses = [
        -(rows / t).log_softmax(1).gather(1, right).clamp(min=LEAST_LOG).mean() for t in candidates
    ]
    return float(candidates[int(torch.stack(losses).argmin())])
