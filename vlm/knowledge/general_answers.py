"""Answers to general questions about mammography, read from the YAML files beside this module.

A glossary explains terms; these answer what is asked of no single term, such as why two views are
taken or whether a mammogram can miss cancer. Each file is a list of `name`, `question` (as somebody
asks it) and `text` (two to four sentences).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import yaml

from versamammo.errors import InputError

FOLDER = Path(__file__).parent / "general_answers"
SHORTEST, LONGEST = 80, 520  # characters of an answer
_FIELDS = {"name", "question", "text"}


@dataclass(frozen=True)
class GeneralAnswer:
    """What is generally known of one question.

    Attributes:
        name: of the examples that ask for it.
        question: as somebody asks it.
        text: two to four sentences, about no picture.
        part: name of the file that it stands in.
    """

    name: str
    question: str
    text: str
    part: str


@cache
def general_answers() -> Mapping[str, GeneralAnswer]:
    """Return all answers by name."""
    return read_answers(FOLDER)


def read_answers(folder: Path) -> Mapping[str, GeneralAnswer]:
    """Return the answers of all YAML files of a folder, by name.

    Raises:
        InputError: an entry lacks a field or has another, is too short or long, or stands twice.
    """
    answers: dict[str, GeneralAnswer] = {}
    for file in sorted(folder.glob("*.yaml")):
        for entry in yaml.safe_load(file.read_text(encoding="utf-8")):
            name = str(entry.get("name", ""))
            if set(entry) != _FIELDS:
                message = f"has {', '.join(sorted(entry))}; expected name, question and text"
                raise InputError(message, file=file, field=name, reason="bad-knowledge")
            if name in answers:
                message = "stands twice; expected each name once"
                raise InputError(message, file=file, field=name, reason="bad-knowledge")
            if not SHORTEST <= len(entry["text"]) <= LONGEST:
                message = f"has {len(entry['text'])} characters; expected {SHORTEST} to {LONGEST}"
                raise InputError(message, file=file, field=name, reason="bad-knowledge")
            answers[name] = GeneralAnswer(**entry, part=file.stem)
    return answers
