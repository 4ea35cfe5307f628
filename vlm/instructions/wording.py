"""How questions are put: one function for lessons, calibration, benchmark and the door.

The marks are those of the published prompt, the words are ours.
"""

from __future__ import annotations

from collections.abc import Sequence

from versamammo.vocabulary import Topic
from versamammo.vqa.asking import closed_prompt


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


def answer_of(options: Sequence[str]) -> str:
    """Write the chosen options as an answer."""
    return ", ".join(options)
