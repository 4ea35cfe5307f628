"""Finds the kind of a region in what a radiologist wrote, where one and only one is named."""

from __future__ import annotations

import re
from collections.abc import Iterable

PATTERNS: dict[str, re.Pattern[str]] = {
    kind: re.compile(pattern, re.IGNORECASE)
    for kind, pattern in {
        "mass": r"\bmass(?:es)?\b(?! enhancement)(?<!non mass)",
        "calcification": r"calcific",
        "asymmetry": r"asymm?etr",
        "distortion": r"distort",
        "skin_thickening": r"skin thickening",
        "skin_retraction": r"skin retraction",
        "nipple_retraction": r"nipple retraction",
        "lymph_node": r"lymph node",
    }.items()
}
DENIED = re.compile(r"\b(no|non)[ -](definite |suspicious )?(mass|calcification)\w*", re.IGNORECASE)


def kinds_named(texts: Iterable[str]) -> set[str]:
    """Name the kinds that texts speak of, those they deny left out."""
    text = DENIED.sub("", ", ".join(texts))
    return {kind for kind, pattern in PATTERNS.items() if pattern.search(text)}


def only_kind(texts: Iterable[str]) -> str | None:
    """Return the one kind that texts speak of; None where there are several or none."""
    kinds = kinds_named(texts)
    return next(iter(kinds)) if len(kinds) == 1 else None
