"""Fixed texts told in other words: what the program says of itself, and what is generally known.

Each file of `retold/` maps names, of `program_facts.yaml` or of a general answer, to two retellings
that keep to the words of the text.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from pathlib import Path

import yaml

FOLDER = Path(__file__).parent / "retold"
OF_THE_PROGRAM = "program"  # the file whose names are those of program facts


@cache
def retold_facts() -> Mapping[str, tuple[str, ...]]:
    """Return the retellings of what the program says of itself, by the fact's name."""
    return _read(OF_THE_PROGRAM)


@cache
def retold_answers() -> Mapping[str, tuple[str, ...]]:
    """Return the retellings of general answers, by the answer's name."""
    parts = sorted(file.stem for file in FOLDER.glob("*.yaml") if file.stem != OF_THE_PROGRAM)
    return {name: texts for part in parts for name, texts in _read(part).items()}


def _read(part: str) -> dict[str, tuple[str, ...]]:
    told = yaml.safe_load((FOLDER / f"{part}.yaml").read_text(encoding="utf-8"))
    return {
        str(name): tuple(" ".join(text.split()) for text in some) for name, some in told.items()
    }
