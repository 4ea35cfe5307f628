"""Words without their endings, and those that claim nothing."""

from __future__ import annotations

from functools import cache
from pathlib import Path

WORDS = Path(__file__).parent / "plain_words.txt"


@cache
def plain_words() -> frozenset[str]:
    """Return the words that may be said without standing in the record: they claim nothing."""
    return frozenset(map(stem, WORDS.read_text(encoding="utf-8").split()))


def stem(word: str) -> str:
    """Return a word without its commonest endings, and without a letter doubled for them."""
    cut = word
    for ending in ("ies", "ied", "es", "s", "ed", "ing", "ly"):
        if word.endswith(ending) and len(word) - len(ending) >= 3:
            cut = word[: -len(ending)] + ("y" if ending in ("ies", "ied") else "")
            break
    cut = cut.rstrip("e")
    return cut[:-1] if len(cut) > 2 and cut[-1] == cut[-2] else cut
