"""Reads `about.json` beside a model: its name, what it learnt from and what it says of itself."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from app.chat.conversation.program_facts import FILE as FACTS_FILE
from app.chat.conversation.program_facts import program_facts
from versamammo.errors import InputError
from versamammo.files import parse_json

ABOUT = "about.json"
LONGEST = 300  # characters of one line
LONGEST_FACT = 600  # characters of what the model says of itself


def read_about(folder: Path) -> dict[str, Any]:
    """Read `about.json`, if there is one.

    Raises:
        InputError: it is not as described in `app.chat.models`.
    """
    file = folder / ABOUT
    if not file.is_file():
        return {}
    try:
        told = parse_json(file.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise InputError(f"cannot be read: {error}", file=file, reason="bad-about") from error
    kinds = {
        "name": str, "version": str, "data": str, "tried_on": str, "phantoms_only": bool,
        "no_normals": bool, "films_only": bool,
    }  # fmt: skip
    facts = told.get("facts", {}) if isinstance(told, dict) else {}
    good = isinstance(told, dict) and all(
        isinstance(value, kinds.get(key, ())) and (value is True or len(str(value)) <= LONGEST)
        for key, value in told.items()
        if key != "facts"
    )
    if not good or not _good_facts(facts):
        message = (
            f"expected {', '.join(kinds)} as short texts, the last three as true or false, and "
            f"facts as texts by the names of {FACTS_FILE}"
        )
        raise InputError(message, file=file, reason="bad-about")
    return dict(told)


def _good_facts(facts: object) -> bool:
    return isinstance(facts, dict) and all(
        name in program_facts() and isinstance(text, str) and len(text) <= LONGEST_FACT
        for name, text in facts.items()
    )
