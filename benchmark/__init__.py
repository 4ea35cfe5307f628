"""Scoring an encoder or a vision-language model on declared tasks."""
