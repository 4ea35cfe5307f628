"""What an encoder's own heads say of pictures, as lines of a record above a question.

The chat's record is made of such lines, in the same words (`vlm.option_words`). They
follow from the pixels alone, so that a blank picture has its own.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

import torch

from versamammo.errors import InputError
from versamammo.model.encoder import HeadInputs, VersaMammoModel
from versamammo.model.heads import Heads
from versamammo.vocabulary import BY_NAME, FINDING_WORDS, Topic
from versamammo.vqa import Kind
from vlm.option_words import chosen, option_words, yes_or_no
from vlm.prompts import PromptImage

Weights = Mapping[str, float]  # of each option, 0..1


@torch.no_grad()
def evidence_lines(
    encoder: VersaMammoModel, pictures: Sequence[PromptImage], name: str
) -> tuple[str, ...]:
    """Return what the heads say of a topic; nothing if none of them knows it.

    Of several pictures a finding has the probability of the most suspicious one, and any other
    topic the mean of all.

    Raises:
        InputError: the encoder has no heads (`no-heads`).
    """
    if encoder.heads is None:
        message = "has no heads, so that there is no evidence to show; stage 2 trains them"
        raise InputError(message, field="evidence", reason="no-heads")
    topic = BY_NAME.get(name)
    if topic is None:
        return ()
    pixels = torch.stack([one.pixels for one in pictures]).to(encoder.device)
    inputs = encoder.head_inputs(pixels)
    found = _findings(encoder.heads, inputs)
    if topic.kind is not Kind.MULTIPLE:
        found = {kind: share for kind, share in found.items() if kind == name}
    if found:
        return tuple(_line(BY_NAME[kind], yes_or_no(share)) for kind, share in found.items())
    told = encoder.heads.attributes.in_words(inputs.whole)
    if topic.head not in told[0]:
        return ()
    weights = {
        topic.option_of(value): math.fsum(one[topic.head][value] for one in told) / len(told)
        for value in told[0][topic.head]
    }
    return (_line(topic, weights, len(pictures)),)


def _findings(heads: Heads, inputs: HeadInputs) -> dict[str, float]:
    """Return how probable each kind of finding is in the most suspicious picture."""
    if inputs.heat is None or heads.findings is None:
        return {}
    warmest = inputs.heat.amax(dim=(0, 2, 3)).sigmoid().tolist()
    kinds = zip(heads.findings.kinds, warmest, strict=True)
    return {FINDING_WORDS[kind]: share for kind, share in kinds}


def _line(topic: Topic, weights: Weights, pictures: int = 1) -> str:
    mean = f" (mean of {pictures} pictures)" if pictures > 1 else ""
    return f"{topic.title}: {option_words(topic, weights, chosen(topic, weights))}{mean}."
