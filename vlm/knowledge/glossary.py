"""The glossary: terms of mammography in plain words, read from the YAML files beside this module.

Each file is a list of `term`, `also` (other names), `text` (one to three sentences) and `related`
(terms of other entries); `also` and `related` are separated by semicolons.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import yaml

from versamammo.errors import InputError

FOLDER = Path(__file__).parent / "glossary"
SHORTEST, LONGEST = 40, 360  # characters of an explanation
_FIELDS = ("term", "also", "text", "related")


@dataclass(frozen=True)
class GlossaryTerm:
    """One term of the glossary.

    Attributes:
        term: as the field calls it.
        also: other names and abbreviations.
        text: what it is, in one to three plain sentences.
        related: terms of other entries.
        part: name of the file that it stands in.
    """

    term: str
    also: tuple[str, ...]
    text: str
    related: tuple[str, ...]
    part: str

    @property
    def names(self) -> tuple[str, ...]:
        """Return the term and its other names."""
        return (self.term, *self.also)


@cache
def glossary() -> tuple[GlossaryTerm, ...]:
    """Return all entries of the package's own glossary."""
    return read_glossary(FOLDER)


def read_glossary(folder: Path) -> tuple[GlossaryTerm, ...]:
    """Return the entries of all YAML files of a folder.

    Raises:
        InputError: an entry is not as this module's first lines say, two entries share a name, or
            a related term has no entry.
    """
    placed = [(file, entry) for file in sorted(folder.glob("*.yaml")) for entry in _entries(file)]
    if not placed:
        message = "holds no entries; expected YAML files of them"
        raise InputError(message, file=folder, reason="empty-glossary")
    owner: dict[str, str] = {}
    for file, entry in placed:
        for name in entry.names:
            other = owner.setdefault(_key(name), entry.term)
            if other != entry.term:
                message = f"is a name of “{other}” too; expected each name once"
                raise InputError(message, file=file, field=name, reason="bad-glossary")
    terms = {entry.term for _, entry in placed}
    for file, entry in placed:
        if missing := sorted(set(entry.related) - terms):
            message = f"{', '.join(missing)}: no entry has this term"
            raise InputError(message, file=file, field=entry.term, reason="bad-glossary")
    return tuple(entry for _, entry in placed)


def _key(name: str) -> str:
    return name.casefold().replace("-", " ")


def _entries(file: Path) -> Iterator[GlossaryTerm]:
    try:
        listed = yaml.safe_load(file.read_text(encoding="utf-8"))
    except (OSError, ValueError, yaml.YAMLError) as error:
        raise InputError(f"cannot be read: {error}", file=file, reason="bad-glossary") from error
    if not isinstance(listed, list):
        raise InputError("expected a list of entries", file=file, reason="bad-glossary")
    for number, one in enumerate(listed, start=1):
        whole = isinstance(one, dict) and set(one) == set(_FIELDS)
        if not whole or not all(isinstance(one[name], str) and one[name] for name in _FIELDS):
            message = f"entry {number}: expected {', '.join(_FIELDS)} as texts"
            raise InputError(message, file=file, reason="bad-glossary")
        text = " ".join(one["text"].split())
        if not SHORTEST <= len(text) <= LONGEST:
            message = f"text has {len(text)} characters; expected {SHORTEST} to {LONGEST}"
            raise InputError(message, file=file, field=one["term"], reason="bad-glossary")
        also, related = _listed(one["also"]), _listed(one["related"])
        yield GlossaryTerm(one["term"], also, text, related, file.stem)


def _listed(words: str) -> tuple[str, ...]:
    return tuple(name.strip() for name in words.split(";"))
