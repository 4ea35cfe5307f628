"""Whether a fixed text is told in its own order: rearranged clauses may say something else.

“Practice differs by country: the United Kingdom uses three years” holds every word of “In the
United Kingdom practice differs by country”, and says another thing. So the words that carry a
meaning have to follow each other as in the text, and of what lies between two of them little may be
left out: no number, nothing that denies, and no end of a sentence with words around it.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from vlm.grounding.statements import sentences
from vlm.grounding.word_stems import plain_words, stem

END = "."  # of a sentence
SKIPPED = 3  # words that may be left out between two
_WORD = re.compile(r"[a-zé]+(?:-[a-z]+)*|[<>]?\d+(?:[.,]\d+)*")
_DENIES = frozenset({"no", "not", "never", "without", "neither", "nor", "none", "nobody", "hardly",
                     "rarely", "seldom", "cannot", "unless", "except"})  # fmt: skip
_COUNTS = frozenset({"one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten",
                     "twelve", "half", "third", "quarter", "hundred", "thousand"})  # fmt: skip
_DENIED = frozenset(map(stem, _DENIES))
_KEPT = _DENIED | frozenset(map(stem, _COUNTS))
_ANYWHERE = frozenset({"general", "usual"})  # where they say so, the sentences do not tell


_OF_A_PLACE = re.compile(r"\b(half|quadrant|third|nipple|pixels|mm)\b|o'clock")
_SILENT = re.compile(r"not judged|nothing can be said|cannot (be told|say|tell)")


def out_of_order(
    answer: str, facts: Sequence[str], *, places_alone: bool = False
) -> tuple[str, ...]:
    """Return the sentences of an answer that do not follow a line of its record.

    Args:
        answer: as it was written.
        facts: lines of the record, fixed texts among them.
        places_alone: compare the sentences that tell where something lies, and no others.
    """
    lines = [[word for one in sentences(line) for word in (*_telling(one), END)] for line in facts]
    return tuple(
        f"puts “{one}” together anew"
        for one in sentences(answer)
        if (not places_alone or _tells_a_place(one.casefold()))
        and not any(_follows(_telling(one), line) for line in lines)
    )


def _tells_a_place(folded: str) -> bool:
    return _OF_A_PLACE.search(folded) is not None and _SILENT.search(folded) is None


def _telling(text: str) -> list[str]:
    """Return the stems of the words that carry a meaning, numbers and denials among them."""
    stems = map(stem, _WORD.findall(text.casefold().replace("n't", " not")))
    free = plain_words() | _ANYWHERE
    return [one for one in stems if one in _KEPT or (len(one) > 1 and one not in free)]


def _follows(words: Sequence[str], line: Sequence[str]) -> bool:
    """Return whether words stand in a line one behind the other, with little between them."""
    starts = [
        at for at, word in enumerate(line)
        if words and word == words[0] and (at == 0 or line[at - 1] not in _DENIED)
    ]  # fmt: skip
    return not words or any(_goes_on(words[1:], line, at) for at in starts)


def _goes_on(words: Sequence[str], line: Sequence[str], at: int) -> bool:
    for word in words:
        near = line[at + 1 : at + 2 + SKIPPED]
        if word not in near:
            return False
        left_out = near[: near.index(word)]
        ends = END in left_out and left_out != [END]
        if ends or any(one in _KEPT or one[0].isdigit() for one in left_out):
            return False
        at += 1 + len(left_out)
    return True
