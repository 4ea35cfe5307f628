"""Heads that answer for every place of an image: boxes and masks of findings."""
