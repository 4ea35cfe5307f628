"""How questions are put and answers are worded: ours, with the marks of the published prompt."""

from __future__ import annotations

import string
from collections.abc import Sequence

from versamammo.errors import InputError
from versamammo.vqa import Item, Kind

INSTRUCTIONS = {
    Kind.SINGLE: "Answer with one of the options and nothing else.",
    Kind.MULTIPLE: "Answer with all options that hold, separated by commas, and nothing else.",
    Kind.YES_NO: "Answer with yes or no and nothing else.",
}


def closed_prompt(kind: Kind, question: str, options: Sequence[str]) -> str:
    """Put a closed question; the marks let anyone read off which letter stood for what."""
    if len(options) > len(string.ascii_uppercase):
        message = f"{len(options)} options; letters suffice for {len(string.ascii_uppercase)}"
        raise InputError(message, field="options", reason="bad-options")
    letters = zip(string.ascii_uppercase, options, strict=False)
    listed = ", ".join(f"{letter}: {option}" for letter, option in letters)
    return f"{INSTRUCTIONS[kind]} ### Question: {question} ### Options: {listed}. ### Answer:"


def prompt_of(item: Item, options: Sequence[str] | None = None) -> str:
    """Put an item's question, its options in another order if one is given."""
    return closed_prompt(item.kind, item.question, item.options if options is None else options)


def answer_of(options: Sequence[str]) -> str:
    """Write the chosen options as an answer."""
    return ", ".join(options)


# openers and sentences for answers that are not chosen from a list
OPEN = {
    "View": ("This is a {} view.", "The projection is {}."),
    "Laterality": ("It is the {} breast.", "The {} breast is shown."),
    "ACR": ("The composition is ACR {}.", "ACR {}."),
    "Bi-Rads": ("The assessment is {}.", "{}."),
    "Background tissue": ("The tissue is {}.",),
    "Pathology": ("The breast is {}.", "It is {}."),
    "Masking potential": ("The masking potential is {}.",),
    "Abnormality": ("There is: {}.", "Found: {}."),
}


def sentence(topic: str, answer: Sequence[str], turn: int) -> str:
    """Answer an open question in a sentence; `turn` chooses among the ways of saying it."""
    forms = OPEN.get(topic, ("{}.",))
    words = answer_of(answer)
    if topic == "ACR":
        words = words.removeprefix("Level ")
    elif topic in ("Laterality", "Pathology", "Background tissue", "Abnormality"):
        words = words.lower()
    return forms[turn % len(forms)].format(words)
