"""Scoring answers to questions about mammograms, whoever's model gave them."""
