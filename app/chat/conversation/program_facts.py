"""What the program says of itself when one thing is asked for, read from `program_facts.yaml`."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib.resources import files

import yaml

from versamammo.vocabulary import BY_NAME

FILE = "program_facts.yaml"


@dataclass(frozen=True)
class ProgramFact:
    """One thing that is asked about the program.

    Attributes:
        name: of the examples that ask for it.
        title: what a question was taken to ask for.
        text: what is said, unless the loaded model says it of itself.
        topics: whose lines of the record follow.
        boxes: whether the marked places follow, to the pixel.
        speaker: whether it follows who words the answers.
    """

    name: str
    title: str
    text: str
    topics: tuple[str, ...] = ()
    boxes: bool = False
    speaker: bool = False


@cache
def program_facts() -> Mapping[str, ProgramFact]:
    """Return what can be told, by name."""
    listed = yaml.safe_load((files(__package__) / FILE).read_text(encoding="utf-8"))
    made = [ProgramFact(**{**one, "topics": tuple(one.get("topics", ()))}) for one in listed]
    unknown = [topic for one in made for topic in one.topics if topic not in BY_NAME]
    assert not unknown, f"{FILE}: no topic {unknown[0]!r}"
    return {one.name: one for one in made}
