"""Compares an answer that a language model wrote with the record that it was to be written from."""

from vlm.grounding.checker import disagreements

__all__ = ["disagreements"]
