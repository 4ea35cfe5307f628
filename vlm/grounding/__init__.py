"""Compares an answer that a language model wrote with the record that it was to be written from."""

from vlm.grounding.checker import completed, disagreements, hedged

__all__ = ["completed", "disagreements", "hedged"]
