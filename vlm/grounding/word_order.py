"""Whether a fixed text is told in its own order: rearranged clauses may say something else.

“Practice differs by country: the United Kingdom uses three years” holds every word of “In the
United Kingdom practice differs by country”, and says another thing. So the words that carry a
meaning have to follow each other as in the text, and of what lies between two of them little may be
left out: no number, nothing that denies, and no end of a sentence with words around it. A sentence
begins where a part of one does: “a mammogram is low” is no part of “its radiation is low”.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from vlm.grounding.statements import sentences
from vlm.grounding.word_stems import plain_words, stem

END = "."  # of a sentence
SKIPPED = 3  # words that may be left out between two
_WORD = re.compile(r"[a-zé]+(?:-[a-z]+)*|[<>]?\d+(?:[.,]\d+)*")
# behind which an answer's sentence may begin
_PARTS = re.compile(r"[,;:(]\s|\s(?:and|or|but|while|which|so|because|although|since|whether)\s")
_DENIES = frozenset({"no", "not", "never", "without", "neither", "nor", "none", "nobody", "hardly",
                     "rarely", "seldom", "cannot", "unless", "except"})  # fmt: skip
_COUNTS = frozenset({"one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten",
                     "twelve", "half", "third", "quarter", "hundred", "thousand"})  # fmt: skip
_HEDGES = frozenset({"nearly", "almost"})  # without which more is claimed
_KEPT = frozenset(map(stem, _DENIES | _COUNTS | _HEDGES))
_ANYWHERE = frozenset({"general", "usual"})  # where they say so, the sentences do not tell
# “I cannot tell that, because ...”, of which what follows has to be the record's
_UNTOLD = re.compile(r"^[^.;]*(not judged|cannot (be )?(tell|told|say|judge)\w*)[^.;]*?, because ")


def out_of_order(answer: str, facts: Sequence[str]) -> tuple[str, ...]:
    """Return the sentences of an answer that do not follow a line of its record.

    Args:
        answer: as it was written.
        facts: lines of the record, fixed texts among them.
    """
    lines = [_read(line) for line in facts]
    return tuple(
        f"puts “{one}” together anew"
        for one in sentences(answer)
        if not any(_follows(_telling(_UNTOLD.sub("", one)), *line) for line in lines)
    )


def _read(line: str) -> tuple[list[str], frozenset[int]]:
    """Return the telling words of a record's line, and where in it a part of a sentence begins."""
    words: list[str] = []
    head, colon, _ = line.partition(": ")
    begins = {*range(len(_telling(head)))} if colon else set()  # “density” of “ACR density: ...”
    for sentence in sentences(line):
        for part in _PARTS.split(sentence):
            begins.add(len(words))
            words += _telling(part)
        words.append(END)
    return words, frozenset(begins)


def _telling(text: str) -> list[str]:
    """Return the stems of the words that carry a meaning, numbers and denials among them."""
    stems = map(stem, _WORD.findall(text.casefold().replace("n't", " not")))
    free = plain_words() | _ANYWHERE
    return [one for one in stems if one in _KEPT or (len(one) > 1 and one not in free)]


def _follows(words: Sequence[str], line: Sequence[str], begins: frozenset[int]) -> bool:
    """Return whether words stand in a line one behind the other, with little between them."""
    starts = [
        at for at in sorted(begins)
        if at < len(line) and words and line[at] == words[0]
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
