"""Probabilities of options in words, the same in the chat's record and before a language model."""

from __future__ import annotations

from collections.abc import Mapping

from versamammo.vocabulary import NO, YES, Topic
from versamammo.vqa import Kind

SHOWN = 0.1  # other options are named from here on
SURE_ENOUGH = 0.5  # of yes or no at even odds; below that neither is said
LIKELY = 0.4  # of one among more options


def figure(chance: float) -> str:
    """Write a probability with two digits; nothing is certain, and nothing impossible."""
    if chance > 0.99:
        return ">0.99"
    return "<0.01" if chance < 0.01 else f"{chance:.2f}"


def chosen(topic: Topic, weights: Mapping[str, float]) -> str | None:
    """Return the option that is said; None if none is likely enough."""
    best = max(weights, key=lambda option: weights[option])
    return best if weights[best] >= _least_of(topic) else None


def yes_or_no(yes: float) -> dict[str, float]:
    """Return the weights of a finding that is there with some probability."""
    return {YES: yes, NO: 1 - yes}


def _least_of(topic: Topic) -> float:
    """Return the probability from which an option of a topic is said."""
    return SURE_ENOUGH if topic.kind is Kind.YES_NO else LIKELY


def option_words(topic: Topic, weights: Mapping[str, float], said: str | None) -> str:
    """Return the option that is said, its probability and the other likely ones.

    Args:
        topic: whose options they are.
        weights: probability of each option, 0..1.
        said: the option that is said; None if none is likely enough.
    """
    if topic.kind is Kind.YES_NO:
        yes = weights[YES]
        if said is None:
            return f"not sure (yes {figure(yes)})"
        return f"yes ({figure(yes)})" if said == YES else f"no ({figure(1 - yes)})"
    ranked = sorted(weights.items(), key=lambda one: -one[1])
    listed = [
        f"{topic.plain(option)} {figure(chance)}" for option, chance in ranked if chance >= SHOWN
    ]
    if said is None:
        return f"not sure; {', '.join(listed)}"
    also = f"; also possible: {', '.join(listed[1:])}" if listed[1:] else ""
    return f"{topic.described(said)} ({figure(weights[said])}){also}"
