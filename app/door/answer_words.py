"""Reads the page's own words back: which option an answer names, and how sure it is of yes."""

from __future__ import annotations

import re
from dataclasses import dataclass

from versamammo.vocabulary import NO, YES, Topic
from versamammo.vqa import Kind

_FIGURE = r"\(([<>]?)(\d\.\d\d)\)"


@dataclass(frozen=True)
class Said:
    """What an answer says: an option, or None for anything else; the probability of yes."""

    value: str | None
    yes: float | None = None


def said_of(text: str, topic: Topic, picture: str = "") -> Said:
    """Return what an answer says of a topic, of one picture if its name is given."""
    if topic.kind is Kind.YES_NO:
        return _yes_no(text, f"{picture} " if picture else "")
    for option in topic.options:
        if re.search(rf"^{re.escape(f'{topic.title}: {topic.described(option)} (')}", text, re.M):
            return Said(option)
    return Said(None)


def _yes_no(text: str, before: str) -> Said:
    found = re.search(rf"{re.escape(before)}(yes|no) {_FIGURE}", text)
    if found:
        chance = _number(found[2], found[3])
        return Said(YES, chance) if found[1] == "yes" else Said(NO, 1 - chance)
    unsure = re.search(rf"{re.escape(before)}not sure \(yes ([<>]?)(\d\.\d\d)\)", text)
    return Said(None, _number(unsure[1], unsure[2]) if unsure else None)


def _number(sign: str, digits: str) -> float:
    # >0.99 and <0.01 rank beyond the figures that are written out
    return float(digits) + {">": 0.005, "<": -0.005, "": 0.0}[sign]
