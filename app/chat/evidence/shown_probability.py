"""Probabilities in figures that do not claim more than a model can know."""

from __future__ import annotations


def figure(chance: float) -> str:
    """Write a probability with two digits; nothing is certain, and nothing impossible."""
    if chance > 0.99:
        return ">0.99"
    return "<0.01" if chance < 0.01 else f"{chance:.2f}"
