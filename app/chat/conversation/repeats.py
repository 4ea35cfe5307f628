"""Lines that stood in an answer before are not read a second time."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace

from app.chat.conversation.sayings import IN_GENERAL
from app.chat.conversation.verdict_words import AS_BEFORE, AS_SAID, WHY_NOT
from app.chat.evidence.contracts import ChatTurn, StreamedAnswer
from versamammo.vocabulary import NOT_JUDGED

LOOKED_BACK = 3  # turns
LONG = 200  # characters of a text that is not told a second time


def first_sentence(text: str) -> str:
    """Return the first sentence of a text; a colon ends one, too."""
    return re.split(r"(?<=[.:]) (?=[A-Z])", text)[0]


def without_repeats(made: StreamedAnswer, history: Sequence[ChatTurn]) -> StreamedAnswer:
    """Return an answer in which what is not judged is listed once in a conversation, with why.

    An answer that holds nothing else is left as it is.
    """
    said = {
        line
        for turn in history[-LOOKED_BACK:]
        for line in (*turn.answer.text.splitlines(), *turn.answer.facts)
    }
    lines = made.text.splitlines()
    if len(lines) == 1 and len(lines[0]) > LONG and lines[0] in said and ". " in lines[0]:
        told = first_sentence(lines[0].removeprefix(IN_GENERAL))
        return replace(made, text=f"{AS_SAID}{told}")
    again = [line for line in lines if line in said and line.startswith((NOT_JUDGED, WHY_NOT))]
    rest = [line for line in lines if line not in again]
    if not again or not rest:
        return made
    listed = any(line.startswith(NOT_JUDGED) for line in again)
    return replace(made, text="\n".join([*rest, *([AS_BEFORE] if listed else [])]))
