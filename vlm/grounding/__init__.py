"""Compares an answer that a language model wrote with the record that it was to be written from."""

from vlm.grounding.checker import completed, disagreements, hedged
from vlm.grounding.statements import numbers_in
from vlm.grounding.word_order import out_of_order

__all__ = ["completed", "disagreements", "hedged", "numbers_in", "out_of_order"]
