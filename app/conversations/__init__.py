"""Conversations to learn from: random records of evidence, questions, written answers."""
