"""Talking about a mammogram: encoder, projector and language model."""
