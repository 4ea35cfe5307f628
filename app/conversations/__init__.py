"""Conversations to learn from: random records of evidence, questions about them, written answers."""
