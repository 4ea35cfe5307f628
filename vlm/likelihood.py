"""How likely the model finds each option as an answer."""

from __future__ import annotations

import math
from collections.abc import Sequence

import torch
import torch.nn.functional as F
from torch import Tensor
from torch.nn.utils.rnn import pad_sequence

from vlm.labelled_tokens import IGNORED
from vlm.model import VersaMammoForImageTextToText
from vlm.processor import VersaMammoVlmProcessor
from vlm.prompts import Question

LEAST_LOG = math.log(1e-12)  # one hopeless question must not decide the temperature


@torch.inference_mode()
def option_scores(
    model: VersaMammoForImageTextToText,
    processor: VersaMammoVlmProcessor,
    question: Question,
    options: Sequence[str],
) -> Tensor:
    """Return the log-likelihood [K] of each option as the whole answer, its end included."""
    batch = processor.encode([question] * len(options), list(options)).to(model.device)
    labels = batch.pop("labels")[:, 1:]
    logits = model(**batch).logits[:, :-1].float()
    learned = labels != IGNORED
    each = F.cross_entropy(
        logits.transpose(1, 2), labels, ignore_index=IGNORED, reduction="none"
    )  # [K, T - 1]
    scores: Tensor = -(each * learned).sum(1)
    return scores


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
