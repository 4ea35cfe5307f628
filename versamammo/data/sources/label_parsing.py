"""Turns the words of archives into the numbers of `Labels`; a word it does not know is an error."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Mapping
from datetime import date
from typing import NoReturn

from versamammo.data.labels import BIRADS_EDITIONS, FINDINGS, SUBTYPES, UNKNOWN, Labels
from versamammo.errors import InputError
from versamammo.imaging.mammogram import Laterality, View

UNSAID = frozenset(
    {
        "",
        "-",
        "_",
        "?",
        "na",
        "n/a",
        "n.a.",
        "#n/a",
        "<na>",
        "nan",
        "nat",
        "none",
        "null",
        "unknown",
        "not available",
    }
)
TIME = r"(?:[T ]\d{1,2}:\d{2}.*|\.0)?"  # of day, or what pandas makes of a whole number
DATES = tuple(
    re.compile(pattern + TIME)
    for pattern in (
        r"(?P<y>\d{4})(?P<s>[-/.]?)(?P<m>\d{2})(?P=s)(?P<d>\d{2})",
        r"(?P<y>\d{4})[-/](?P<m>\d{1,2})[-/](?P<d>\d{1,2})",
        r"(?P<d>\d{1,2})\.(?P<m>\d{1,2})\.(?P<y>\d{4})",
    )
)
PRESENCE = {"1": 1, "yes": 1, "y": 1, "true": 1, "present": 1, "x": 1} | {
    "0": 0, "no": 0, "n": 0, "false": 0, "absent": 0
}  # fmt: skip
PATHOLOGY = {"normal": 0, "benign": 1, "benign without callback": 1, "malignant": 2}
TISSUE = {"f": 0, "fatty": 0, "g": 1, "fatty glandular": 1, "d": 2, "dense glandular": 2}
SIDES = {"l": Laterality.LEFT, "left": Laterality.LEFT} | {
    "r": Laterality.RIGHT, "right": Laterality.RIGHT
}  # fmt: skip
KINDS = {kind.replace("_", " "): kind for kind in FINDINGS} | {
    "calcifications": "calcification",
    "suspicious calcification": "calcification",
    "microcalcification": "calcification",
    "architectural distortion": "distortion",
    "focal asymmetry": "asymmetry",
    "global asymmetry": "asymmetry",
    "suspicious lymph node": "lymph_node",
}


def said(word: str) -> bool:
    """Return whether a cell says anything at all."""
    return word.strip().lower() not in UNSAID


def plain(word: str) -> str:
    """Lower case, single spaces for any run of blanks, hyphens and underscores."""
    return re.sub(r"[\s_-]+", " ", word.strip().lower())


def refuse(word: str, field: str, expected: str) -> NoReturn:
    """Stop at a word that has no agreed meaning."""
    raise InputError(
        f"{word!r} is not understood; expected {expected}", field=field, reason="unknown-word"
    )


def density(word: str, field: str = "density") -> float:
    """Read an ACR composition: "B", "Level B", "DENSITY B", "ACR 2" or "2" give 2."""
    match = re.fullmatch(r"(?:(?:acr|level|density|type) ?)*([a-d]|[1-4](?:\.0)?)", plain(word))
    if match is None:
        refuse(word, field, "A to D or 1 to 4")
    mark = match[1]
    return float("abcd".index(mark) + 1) if mark.isalpha() else float(mark)


def birads(word: str, field: str = "birads") -> float:
    """Read an assessment category: "4", "BI-RADS 4", "Birads4a" give 4."""
    match = re.fullmatch(r"(?:bi ?rads ?)?(?:([0-6])(?:\.0)?|(4) ?[abc])", plain(word))
    if match is None:
        refuse(word, field, "one category, 0 to 6 (4a, 4b and 4c are 4)")
    return float(match[1] or match[2])


def one_of(table: Mapping[str, float]) -> Callable[[str, str], float]:
    """Make a reader for a closed list of words."""

    def read(word: str, field: str) -> float:
        known = re.sub(r"\.0$", "", plain(word))
        if known not in table:
            refuse(word, field, "one of " + ", ".join(table))
        return float(table[known])

    return read


def whole_number(low: int, high: int) -> Callable[[str, str], float]:
    """Make a reader for a grade on a scale of whole numbers."""

    def read(word: str, field: str) -> float:
        value = number(word, field)
        if not (low <= value <= high and value.is_integer()):
            refuse(word, field, f"a whole number from {low} to {high}")
        return value

    return read


def number(word: str, field: str) -> float:
    """Read a finite number."""
    try:
        value = float(word)
    except ValueError:
        value = math.nan
    if not math.isfinite(value):
        comma = ", with a point and no comma" if re.fullmatch(r"-?\d+,\d+", word.strip()) else ""
        refuse(word, field, f"a number{comma}")
    return value


READERS: dict[str, Callable[[str, str], float]] = {
    "density": density,
    "birads": birads,
    "pathology": one_of(PATHOLOGY),
    "masking": whole_number(1, 8),
    "subtlety": whole_number(1, 5),
    "subtype": one_of({plain(name): index for index, name in enumerate(SUBTYPES)}),
    "tissue": one_of(TISSUE),
} | {name: one_of(PRESENCE) for name in ("cancer", "invasive", *FINDINGS)}

assert set(READERS) == set(Labels.names())


def label(name: str, word: str, field: str) -> float:
    """Read one numeric label; NaN where the cell says nothing.

    Raises:
        InputError: the word is not in the label's vocabulary (reason "unknown-word").
    """
    return READERS[name](word, field) if said(word) else UNKNOWN


def laterality(word: str, field: str = "laterality") -> Laterality | None:
    """Read a side: "L", "left", "RIGHT"; None where the cell says nothing."""
    if not said(word):
        return None
    if plain(word) not in SIDES:
        refuse(word, field, "L or R")
    return SIDES[plain(word)]


def view(word: str, field: str = "view") -> View | None:
    """Read a projection by its abbreviation; None where the cell says nothing."""
    if not said(word):
        return None
    if word.strip().upper() not in set(View):
        refuse(word, field, "one of " + ", ".join(View))
    return View(word.strip().upper())


def kind(word: str, field: str = "finding") -> str:
    """Read the kind of a finding: "Mass", "Suspicious Calcification", "skin_thickening"."""
    if plain(word) not in KINDS:
        refuse(word, field, "one of " + ", ".join(FINDINGS))
    return KINDS[plain(word)]


def edition(word: str, field: str = "birads_edition") -> str | None:
    """Read which BI-RADS manual an assessment follows; None where the cell says nothing."""
    if not said(word):
        return None
    if word.strip() not in BIRADS_EDITIONS:
        refuse(word, field, "one of " + ", ".join(BIRADS_EDITIONS))
    return word.strip()


def day(word: str, field: str = "exam_date") -> str | None:
    """Read a date into ISO 8601, also one with a time behind it; None where the cell says nothing.

    Year first in any spelling, or day first with dots: 03/04/2019 has no one meaning.
    """
    if not said(word):
        return None
    for pattern in DATES:
        match = pattern.fullmatch(word.strip())
        if match is not None:
            try:
                return date(*(int(match[part]) for part in ("y", "m", "d"))).isoformat()
            except ValueError:
                break
    refuse(word, field, "a date like 2019-03-31, 20190331 or 31.03.2019, with or without a time")


def identifier(word: str, field: str) -> str:
    """Read an id as it stands; one that a spreadsheet has rounded is gone.

    Raises:
        InputError: with reason "rounded-id".
    """
    if re.fullmatch(r"\d(?:[.,]\d+)?[eE]\+\d+", word.strip()):
        raise InputError(
            f"{word.strip()!r} is an id that a spreadsheet has rounded; make the column text and "
            "save the table again",
            field=field, reason="rounded-id",
        )  # fmt: skip
    return word.strip()


def age(word: str, field: str = "age") -> float:
    """Read an age in years: "52", "052Y"; NaN where the cell says nothing."""
    if not said(word):
        return UNKNOWN
    value = number(re.sub(r"(?i)y$", "", word.strip()), field)
    if not 0 <= value <= 120:
        refuse(word, field, "years from 0 to 120")
    return value
