"""How questions are put: one function for lessons, calibration, benchmark and the door.

The marks are those of the published prompt, the words are ours.
"""

from __future__ import annotations

import string
from collections.abc import Sequence

from versamammo.errors import InputError
from versamammo.vocabulary import Topic
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


def topic_prompt(
    topic: Topic, pictures: int = 1, options: Sequence[str] | None = None, wording: int = 0
) -> str:
    """Return the prompt that asks a topic about one or several pictures.

    Args:
        topic: what is asked.
        pictures: how many are shown.
        options: in the order shown; the topic's own by default.
        wording: which of the topic's wordings.
    """
    return closed_prompt(
        topic.kind, asked(topic, pictures, wording), topic.options if options is None else options
    )


def asked(topic: Topic, pictures: int, wording: int) -> str:
    """Return one of a topic's wordings, in the plural for several pictures."""
    words = topic.wordings[wording]
    if pictures == 1:
        return words
    for one, several in (("this image", "these images"), ("this mammogram", "these mammograms")):
        words = words.replace(one, several)
    return words.replace("Does these", "Do these")


def prompt_of(item: Item, options: Sequence[str] | None = None) -> str:
    """Put an item's question, its options in another order if one is given."""
    return closed_prompt(item.kind, item.question, item.options if options is None else options)


def answer_of(options: Sequence[str]) -> str:
    """Write the chosen options as an answer."""
    return ", ".join(options)
