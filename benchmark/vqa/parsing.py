"""What an answer says: a letter, an option's text or a sentence, and never a guess.

Of a model that thinks aloud the final answer counts (see `unwrapping`). An answer that refuses,
fails, contradicts itself or names no option gets no option at all; it counts as wrong in every
score and is counted apart.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from functools import lru_cache

from benchmark.vqa.unwrapping import final_answer
from versamammo.vqa import Item, Kind


class ParseOutcome(StrEnum):
    """What became of an answer on the way to an option."""

    CHOSEN = "chosen"
    REFUSED = "refused"
    FAILED = "failed"  # nothing was said
    AMBIGUOUS = "ambiguous"  # several options, or a letter and a text that disagree
    UNREADABLE = "unreadable"  # no option was named


@dataclass(frozen=True)
class ParsedAnswer:
    """The options an answer chose, in the item's order; empty unless the outcome is CHOSEN."""

    outcome: ParseOutcome
    chosen: tuple[str, ...] = ()


_REFUSAL = re.compile(
    r"\b(?:(?:can ?not|can't|could not|couldn't|unable to|not able to|"
    r"impossible to|not possible to) (?:be )?(?:\w+ )?"
    r"(?:tell|say|determined?|answer|assess|assist|help|provide|give|"
    r"identify|interpret|analy[sz]e|see|view|diagnose|classify|evaluate|conclude|make)"
    r"|i(?:'m| am) (?:sorry|unable|not able|not sure|unsure)|as an ai|i (?:do not|don't) know"
    r"|not enough information|insufficient information|indeterminable)\b"
)
_STATED = re.compile(
    r"\b(?:(?:answer|ans|option|choice)s?\b(?: is| are| would be)?|final response"
    r"|i (?:would )?(?:choose|pick|select|go with))\s*[:=]?\s*",
    re.IGNORECASE,
)
_LETTERS = re.compile(r"\(?[A-Z]\)?(?:(?:\s*,\s*(?:and\s+)?|\s+and\s+|\s*&\s*|\s+)\(?[A-Z]\)?)*\.?")
_LETTERED = re.compile(r"(?:^|[\s,;(])([A-Z])\s*[:.)](?=[\s.,;]|$)")
_FOUND_RIGHT = re.compile(
    r"\b([A-Z])\)? (?:is|seems|looks) (?:the )?(?:\w+ ){0,2}?(?:correct|right|best|answer|likely)\b"
)
# "not" ends with its clause; "no" and "without" run through a list of findings
_NOT = re.compile(r"\b(?:not|isn't|never|rather than|instead of|unlikely)\b[^,.;:]*$")
_NO = re.compile(
    r"\b(?:no|without|neither|nor|absence of|negative for|free of|rule[sd]? out)\b[^.;:]*$"
)
# "A is wrong", of a letter or of an option's text
_WRONG = (
    r"\s+(?i:(?:is|are|was|were|would be|seems?|looks?)\s+(?:\w+ly\s+|also\s+|then\s+)*"
    r"(?:not\b[^.;,]*|wrong|incorrect|false|unlikely|less likely|excluded|ruled out|eliminated))"
)
_TURN = re.compile(r"\b(?:but|however|although|though|only|just)\b")


def parse(text: str | None, item: Item, letters: Mapping[str, str]) -> ParsedAnswer:
    """Read one answer against the options of its item and the letters they were shown with."""
    said = _clean(final_answer(text or ""))
    if not said:
        return ParsedAnswer(ParseOutcome.FAILED)
    exact = next((option for option in item.options if _fold(option) == _fold(said)), None)
    if exact is not None:
        return ParsedAnswer(ParseOutcome.CHOSEN, (exact,))
    said = _without_denied_letters(said, item.options)
    parts = _STATED.split(said)[1:]
    stated = next((part for part in reversed(parts) if part.strip(" .,;:()")), "")
    for part in (stated, said):
        reading = _read(part, item, letters)
        # a refusal that goes on to name options has not answered, unless it says "answer: ..."
        if part is said and _REFUSAL.search(said.casefold()):
            return ParsedAnswer(ParseOutcome.REFUSED)
        if part and reading.outcome is ParseOutcome.CHOSEN:
            return reading
    return reading


def _without_denied_letters(said: str, options: tuple[str, ...]) -> str:
    """Leave out letters that are denied, with their options' texts: of "C, not B" stays "C"."""
    if re.fullmatch(r"\W*[a-z]\W+(?:and |but )?(?:not|rather than|instead of) \W*[a-z]\W*", said):
        said = re.sub(r"\b[a-z]\b", lambda hit: hit[0].upper(), said)
    for pattern in _denials(options):
        said = pattern.sub(" ", said)
    return " ".join(said.split()).strip(" ,;")


@lru_cache(maxsize=256)
def _denials(options: tuple[str, ...]) -> tuple[re.Pattern[str], re.Pattern[str]]:
    """Build the patterns of a denied letter: "not B: Malignant" and "B: Malignant is wrong"."""
    texts = "|".join(re.escape(option) for option in sorted(options, key=len, reverse=True))
    noun = r"(?i:(?:the )?(?:answers?|options?|choices?|letters?)\s+)?"
    one = rf"{noun}\(?\b[A-Z]\b\)?(?:\s*[:.)(-]*\s*(?i:{texts})\b\)?)?"
    some = rf"{one}(?:\s*,?\s*(?i:or|and|nor)\s+{one})*"
    no = (
        r"(?i:(?:\b(?:and|but|so|definitely|certainly|clearly|therefore)\s+)*"
        r"\b(?:not|isn't|never|neither|rather than|instead of|over|than|except|excluding))"
    )
    return (
        re.compile(rf"[,;(]*\s*{no}\s+{some}(?!\w)\)?"),
        re.compile(rf"\b{some}{_WRONG}"),
    )


def _read(said: str, item: Item, letters: Mapping[str, str]) -> ParsedAnswer:
    by_letter = _letters(said, item, letters)
    if by_letter is None:
        return ParsedAnswer(ParseOutcome.UNREADABLE)
    by_text = _yes_no(said, item) if item.kind is Kind.YES_NO else _mentions(said, item)
    if by_letter and by_text and by_letter != by_text:
        return ParsedAnswer(ParseOutcome.AMBIGUOUS)
    chosen = by_letter or by_text
    if not chosen:
        return ParsedAnswer(ParseOutcome.UNREADABLE)
    if item.kind is not Kind.MULTIPLE and len(chosen) > 1:
        return ParsedAnswer(ParseOutcome.AMBIGUOUS)
    return ParsedAnswer(
        ParseOutcome.CHOSEN, tuple(option for option in item.options if option in chosen)
    )


def _letters(said: str, item: Item, letters: Mapping[str, str]) -> set[str] | None:
    """Options named by letter, or None for a letter that no option had."""
    bare = said.strip("[]{}<>$# ")
    bare = bare.upper() if len(bare.strip("().")) == 1 else bare
    # an option may end in a letter of its own: "Level A." names no option A
    rest = said
    for option in sorted(item.options, key=len, reverse=True):
        rest = re.sub(rf"(?<!\w){re.escape(option)}(?!\w)", "-", rest, flags=re.IGNORECASE)
    if _LETTERS.fullmatch(bare):
        found = re.findall(r"[A-Z]", bare)
    else:
        found = _LETTERED.findall(rest) + _FOUND_RIGHT.findall(rest)
    if any(letter not in letters for letter in found):
        return None
    return {letters[letter] for letter in found}


def _mentions(said: str, item: Item) -> set[str]:
    """Options whose text occurs as whole words and is not denied."""
    text = _fold(said)
    found = set()
    # the longest first, blanked out once read: "fatty-glandular" does not mention "fatty"
    for option in sorted(item.options, key=len, reverse=True):
        for hit in re.finditer(rf"(?<![\w-]){re.escape(_fold(option))}(?:e?s)?(?![\w-])", text):
            if not _denied(text[: hit.start()]) and not re.match(_WRONG, text[hit.end() :]):
                found.add(option)
            text = text[: hit.start()] + "\x00" * len(hit[0]) + text[hit.end() :]
    return found


def _denied(before: str) -> bool:
    clause = _TURN.split(before)[-1]
    return bool(_NOT.search(clause) or _NO.search(clause))


def _yes_no(said: str, item: Item) -> set[str]:
    """The option that the answer begins with; "yes and no" is both."""
    text = _fold(said)
    first = re.match(r"\W*(\w+)(?:\W+(?:and|or)\W+(\w+))?", text)
    words = set(first.groups()) if first else set()
    return {option for option in item.options if _fold(option) in words}


def _clean(text: str) -> str:
    plain = unicodedata.normalize("NFKC", text).replace("\u2019", "'")
    plain = re.sub(r"[\u200b-\u200d\u2060\ufeff]", "", plain)
    plain = re.sub(r"\\[()\[\]]|[*_`\"$]|^\s*#+", " ", plain, flags=re.MULTILINE)
    return " ".join(plain.split())


def _fold(text: str) -> str:
    folded = text.casefold().strip(" .")
    return re.sub(r"\bbi-?\s?rads\b(?:\s+(?:category|score|assessment))?[\s:]*", "bi-rads ", folded)
