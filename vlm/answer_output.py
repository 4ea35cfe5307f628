"""What the model gives back: words' scores, and how far they are from the answer."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from torch import Tensor, nn
from transformers.utils.generic import ModelOutput


@dataclass
class AnswerOutput(ModelOutput):
    """What the model thinks comes next.

    Attributes:
        loss: mean cross entropy over the labels that are not -100.
        logits: [B, T, vocabulary].
        past_key_values: the cache for the next word.
    """

    loss: Tensor | None = None
    logits: Tensor | None = None
    past_key_values: Any = None
    hidden_states: Any = None
    attentions: Any = None


def answer_loss(logits: Tensor, labels: Tensor, words: Tensor | int | None = None) -> Tensor:
    """Mean cross entropy of logits [B, T, V] over labels [B, T] that are not -100.

    Word t is predicted from the words before it. With `words`, the sum is divided by that number
    instead, so that several batches make one step that weighs every answer word alike.
    """
    ahead = logits[:, :-1].flatten(0, 1).float()
    due = labels[:, 1:].flatten()
    total = nn.functional.cross_entropy(ahead, due, ignore_index=-100, reduction="sum")
    # a batch without answer words has a loss of zero, not of nan
    count = (due != -100).sum().clamp(min=1) if words is None else words
    return total / count
