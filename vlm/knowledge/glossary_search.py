"""Finds the entries of the glossary that a text names, in any wording and with slips of the pen.

A name is found where its words stand one after the other, each as it is written but for as many
slips as its length allows; short words and numbers must be exact, so that BI-RADS 3 is never 4.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache

from rapidfuzz.distance import OSA

from vlm.knowledge.glossary import GlossaryTerm, glossary

LEAST_COVERED = 0.5  # share of a question's telling letters that names have to explain
LEAST_WITH_SLIPS = 0.75  # the same where a name is not written exactly
APOSTROPHE = "\N{RIGHT SINGLE QUOTATION MARK}"
# words that name nothing by themselves
CARRIERS = frozenset(
    """four percentage about actually all always am an and any are as at be been before being
    between but by can could describe did difference differ do does doing done exactly
    example explain few for from general generally get give given good had has have how i
    if in into is it its just kind know like look looks make makes mean meaning means
    meant me mostly much my normally not of often on one only or order out please properly
    quick really same say short should simple simply so some somebody someone sort stand
    stands tell term terms than that the their them then there these they thing this those
    to too two type understand up use used usually versus very vs was way we were what
    whats when where whether which who why will with woman women word words work works
    would you your anybody anyone bad dangerous problem serious harmful definition define
    common compared called patient patients radiologist radiologists doctor doctors person
    people case cases matter matters important happens happen show shows need needed ever
    also other even lol anyway""".split()  # noqa: SIM905 - a paragraph reads better than a list
)
_SPELLINGS = (  # British -> American, so that both are found
    ("tumour", "tumor"), ("colour", "color"), ("isation", "ization"), ("oestr", "estr"),
    ("haem", "hem"), ("gynae", "gyne"), ("artefact", "artifact"), ("centre", "center"),
    ("oedem", "edem"), ("fibre", "fiber"), ("analogue", "analog"), ("ageing", "aging"),
    ("neighbour", "neighbor"), ("grey", "gray"), ("neoplasm", "tumor"),
)  # fmt: skip
# “BI-RADS 3 and 4” names two categories, “ACR B or C” two grades
_NUMBERS = re.compile(r"\b(birads) (\d[abc]?)\W+(?:and|or|vs|versus|from|than|to) (?=\d[abc]?\b)")
_LETTERS = re.compile(
    r"\b(density|acr|level|category|type|class|composition) ([a-d])\W+"
    r"(?:and|or|vs|versus|from|than|to) (?=[a-d]\b)"
)
_LETTER = re.compile(r"(density|acr|level|category|type|class|composition) a\b")


@dataclass(frozen=True)
class Hit:
    """An entry that a text names.

    Attributes:
        score: 0..1, how exactly it is named.
        span: first and one past the last of the text's words, as `words_of` gives them.
    """

    entry: GlossaryTerm
    score: float
    span: tuple[int, int]


class Retriever:
    """Finds entries by their names."""

    def __init__(self, entries: Sequence[GlossaryTerm]) -> None:
        self._names: dict[tuple[str, ...], GlossaryTerm] = {}
        for entry in entries:
            for name in entry.names:
                if words := words_of(name):
                    self._names.setdefault(words, entry)
        self._joined = {"".join(words): words for words in self._names}
        self._by_letter: dict[str, list[tuple[str, ...]]] = {}
        for words in self._names:
            self._by_letter.setdefault(words[0][0], []).append(words)

    def find(self, text: str, most: int = 3) -> tuple[Hit, ...]:
        """Return the entries that a text names, in its order; a longer name hides shorter ones.

        Returns nothing where the names explain too few of the telling letters.
        """
        words = words_of(text)
        taken: list[Hit] = []
        for hit in sorted(self._candidates(words), key=lambda one: _weight(words, one)):
            free = all(hit.span[1] <= one.span[0] or one.span[1] <= hit.span[0] for one in taken)
            if free and hit.entry not in [one.entry for one in taken]:
                taken.append(hit)
        exact = all(hit.score == 1 for hit in taken)
        if _covered(words, taken) < (LEAST_COVERED if exact else LEAST_WITH_SLIPS):
            return ()
        return tuple(sorted(taken[:most], key=lambda one: one.span))

    def _candidates(self, words: Sequence[str]) -> list[Hit]:
        found = []
        for start, word in enumerate(words):
            for name in self._by_letter.get(word[0], ()):
                end = start + len(name)
                score = _alike(name, words[start:end]) if end <= len(words) else 0.0
                if score:
                    found.append(Hit(self._names[name], score, (start, end)))
        for start in range(len(words)):  # written in one word or in more than its name is
            for end in range(start + 1, min(start + 4, len(words)) + 1):
                joined = "".join(words[start:end])
                whole = self._joined.get(joined)
                if whole is not None and len(joined) > 3:
                    found.append(Hit(self._names[whole], 1.0, (start, end)))
        return found


@cache
def retriever() -> Retriever:
    """Return the finder in the package's own glossary."""
    return Retriever(glossary())


def words_of(text: str) -> tuple[str, ...]:
    """Return the words of a text in one spelling: lower case, singular, no function words."""
    plain = text.casefold().replace(APOSTROPHE, "'").replace("'s ", " ")
    plain = re.sub(r"\bbi[- ]?rads?\b", "birads", plain)
    plain = re.sub(r"\bbirads?(\d)", r"birads \1", plain)
    plain = " ".join(re.sub(r"[^\w]+", " ", plain).split())
    plain = _LETTERS.sub(r"\1 \2 \1 ", _NUMBERS.sub(r"\1 \2 \1 ", plain))
    plain = _LETTER.sub(r"\1 @", plain)  # a letter and no article
    for british, american in _SPELLINGS:
        plain = plain.replace(british, american)
    dropped = {"a", "an", "the", "of", "in", "for", "to", "and", "on", "is", "s"}
    return tuple(_singular(word) for word in plain.split() if word not in dropped)


def _singular(word: str) -> str:
    if len(word) > 4 and word.endswith("ies"):
        return f"{word[:-3]}y"
    if word.endswith("masses"):
        return word[:-2]
    if len(word) > 3 and word.endswith("s") and not word.endswith(("ss", "us", "is", "ias", "ys")):
        return word[:-1]
    return word


def _slips(word: str) -> int:
    """Return how many letters of a word may be wrong, left out, doubled or exchanged."""
    if len(word) < 5 or any(letter.isdigit() for letter in word):
        return 0
    return 1 if len(word) < 9 else 2 if len(word) < 13 else 3


def _alike(name: Sequence[str], words: Sequence[str]) -> float:
    """Return how much words are like a name, 0 if they are not it."""
    wrong = 0
    for known, written in zip(name, words, strict=True):
        if known == written:
            continue
        most = _slips(known)
        if not most or written in CARRIERS or written[:1] != known[:1]:
            return 0.0
        slips = OSA.distance(known, written, score_cutoff=most)
        if slips > most:
            return 0.0
        wrong += slips
    return 1 - wrong / sum(map(len, name))


def _weight(words: Sequence[str], hit: Hit) -> tuple[float, int]:
    letters = sum(len(word) for word in words[slice(*hit.span)])
    return (-letters * hit.score, hit.span[0])


def _covered(words: Sequence[str], hits: Sequence[Hit]) -> float:
    """Return the share of telling letters that the hits explain."""
    inside = {place for hit in hits for place in range(*hit.span)}
    telling = [place for place, word in enumerate(words) if place in inside or word not in CARRIERS]
    letters = sum(len(words[place]) for place in telling)
    return sum(len(words[place]) for place in inside) / letters if letters else 0.0
