"""Fixed texts told in other words: of the program, what is generally known, and what terms mean.

Each file of `retold/` maps names, of `program_facts.yaml`, of a general answer or of a glossary
entry, to two retellings that keep to the words of the text; those of terms keep their order too.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from pathlib import Path

import yaml

FOLDER = Path(__file__).parent / "retold"
OF_THE_PROGRAM = FOLDER / "program.yaml"
OF_ANSWERS, OF_TERMS = "general_answers", "glossary"  # folders, named as those of the texts


@cache
def retold_facts() -> Mapping[str, tuple[str, ...]]:
    """Return the retellings of what the program says of itself, by the fact's name."""
    return _read(OF_THE_PROGRAM)


@cache
def retold_terms() -> Mapping[str, tuple[str, ...]]:
    """Return the retellings of glossary entries, by the entry's term."""
    return _together(OF_TERMS)


@cache
def retold_answers() -> Mapping[str, tuple[str, ...]]:
    """Return the retellings of general answers, by the answer's name."""
    return _together(OF_ANSWERS)


def _together(folder: str) -> dict[str, tuple[str, ...]]:
    files = sorted((FOLDER / folder).glob("*.yaml"))
    return {name: texts for file in files for name, texts in _read(file).items()}


def _read(file: Path) -> dict[str, tuple[str, ...]]:
    told = yaml.safe_load(file.read_text(encoding="utf-8"))
    return {
        str(name): tuple(" ".join(text.split()) for text in some) for name, some in told.items()
    }
