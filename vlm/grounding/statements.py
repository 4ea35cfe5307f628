"""What a text states, piece by piece: of which pictures and findings, whether there, which figures.

The record and the answer are read by the same rules, so that a statement of one can be looked up in
the other. A record's lines are cut at semicolons and at its pictures, an answer's sentences too.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass, replace
from enum import StrEnum
from itertools import pairwise

from versamammo.vocabulary import TOPICS


class Polarity(StrEnum):
    """Whether something is said to be there."""

    THERE = "there"
    ABSENT = "absent"
    UNSURE = "not sure"
    NOT_JUDGED = "not judged"
    IF_ANY = "if there is a lesion"


FINDINGS = {topic.title.lower(): topic.title for topic in TOPICS if topic.finding}
_FINDING = re.compile(
    r"\b(" + "|".join(sorted((f"{re.escape(w)}" for w in FINDINGS), key=len, reverse=True))
    + r")(?:e?s)?\b|\b(masses|asymmetries)\b"
)  # fmt: skip
_VIEW = re.compile(
    r"\b(?:(?:the )?(right|left|r|l)[ -])(cc|mlo|ml|lm|xccl?|xccm)\b"
    r"(?: \((\d|prior(?: \d)?)\))?(?: views?)?"
)
_SIDE = re.compile(r"\b(right|left)\b")
NUMBER = re.compile(r"[<>]?\d+(?:\.\d+)?")
_VALUE = re.compile(
    r"\b(benign|malignant|normal|fatty-glandular|dense-glandular|(?<!entirely )fatty)\b|"
    r"(?<![\w-])([ABCD])(?=[,.;)]| \(| \d|$)"
)
_HEADS = re.compile(
    r"^(in no picture|not judged|right breast|left breast|marked places|if there is a lesion)\b"
)
MEASURED = re.compile(
    r"^(tried on|guessing gets|how well that works|class-balanced|at least \d+ of each answer)\b"
)
# "ACR density: C, heterogeneously dense (0.47); also possible: ..."
VALUED = re.compile(r"(?P<title>[A-Z][^:(]{2,40}): (?P<value>[^:;(]{3,60}) \((?P<number>0\.\d+)\)")
_UNKNOWN = re.compile(r"\bno known size\b|\bnot (known|said|judged)\b|\bdoes not mean\b")
_IF = re.compile(r"\bif (there is|there were|any|one)\b")
_NOT_JUDGED = re.compile(
    r"not judged|cannot be told|cannot (say|tell|recogni[sz]e|know)|can't (say|tell)|"
    r"nothing can be said|nothing is judged|neither normal nor abnormal|nothing here looks for|"
    r"not assessed|is judged here, which|no such head"
)
_UNSURE = re.compile(r"\bnot sure\b")
_GOES_ON = re.compile(r"(it|none|not|there)\b")
_RESTS = re.compile(r"\b(based on|rests on|tried on|guessing gets)\b")
_EACH_SIDE = re.compile(r"(?<=, )(right|left) (?=[a-z]+ \(|[a-d0-5] \(|yes|no\b)")
# a point that ends a sentence, behind an abbreviation in capitals too, not the one in 0.5
_ENDS = re.compile(
    r"(?:(?<=[a-z0-9)\]”\"][.!?])|(?<=[A-Z]{2}[.!?])|(?<=\d N[.!?]))\s+(?=[A-Z“0-9])"
)
_ABSENT = re.compile(r"\b(no|not|none|nothing|never|without|absent|\w+n't)\b")


@dataclass(frozen=True)
class Statement:
    """One piece of a text.

    Attributes:
        views: pictures that it is about, as `R MLO`; empty if it names none.
        sides: `R` and `L`, of its pictures or named without one.
        findings: that it names, by the titles of the vocabulary.
        polarity: whether these are said to be there.
        numbers: that it holds, as written.
        values: each probability with the option that it stands beside.
        text: the piece, in its own letters.
    """

    views: frozenset[str]
    sides: frozenset[str]
    findings: frozenset[str]
    polarity: Polarity
    numbers: frozenset[str]
    values: frozenset[tuple[str, str]]
    text: str


def statements(text: str, record: bool = False) -> tuple[Statement, ...]:
    """Return what a text states.

    Args:
        text: lines or sentences.
        record: it is a record, whose lines begin with what they are about.
    """
    found: list[Statement] = []
    for sentence in sentences(text):
        found += _of_record(sentence) if record else _of_sentence(sentence, found)
    return tuple(found)


def findings_in(text: str) -> frozenset[str]:
    """Return the findings that a text names, by their titles."""
    plural = {"masses": "mass", "asymmetries": "asymmetry"}
    return frozenset(
        FINDINGS[plural.get(match[0], match[1] or match[0])]
        for match in _FINDING.finditer(text.casefold())
    )


def views_in(text: str) -> frozenset[str]:
    """Return the pictures that a text names."""
    return frozenset(_view(match) for match in _VIEW.finditer(text.casefold()))


def sides_in(text: str) -> frozenset[str]:
    """Return the sides that a text names, alone or with a view."""
    folded = text.casefold()
    alone = {match[1][0].upper() for match in _SIDE.finditer(folded)}
    return frozenset(alone | {view[0] for view in views_in(text)})


def sentences(text: str) -> Iterable[str]:
    """Return the sentences of a text."""
    for line in text.splitlines():
        yield from filter(None, _ENDS.split(line.strip()))


def _view(match: re.Match[str]) -> str:
    number = f" ({match[3]})" if match[3] else ""
    return f"{match[1][0].upper()} {match[2].upper()}{number}"


def _of_record(line: str) -> list[Statement]:
    """Cut a line of a record at semicolons; what stands before its colon holds for all of it."""
    head, colon, rest = line.partition(": ")
    about = findings_in(head)
    views = views_in(head) if findings_in(rest) else frozenset()
    if not colon or len(head) > 60 or not (about or views or _HEADS.match(head.casefold())):
        own = _stated(line, frozenset(), Polarity.THERE)
        return [own]
    more = frozenset(side[0].upper() for side in _SIDE.findall(head.casefold()))
    conditional = bool(_IF.search(head.casefold()))
    silent = bool(_NOT_JUDGED.search(line.casefold()))
    found = []
    for piece in rest.split("; "):
        polarity = Polarity.IF_ANY if conditional else _recorded(head, piece)
        polarity = Polarity.NOT_JUDGED if silent and not conditional else polarity
        named = about | findings_in(piece)
        named = frozenset() if MEASURED.match(piece) and not silent else named
        own = _stated(piece, named, polarity)
        found.append(
            replace(own, views=own.views | views, sides=own.sides | more, text=f"{head}: {piece}")
        )
    return found


def _recorded(head: str, piece: str) -> Polarity:
    folded, above = piece.casefold(), head.casefold()
    if _NOT_JUDGED.search(f"{above}: {folded}"):
        return Polarity.NOT_JUDGED
    if _UNSURE.search(folded):
        return Polarity.UNSURE
    if re.search(r"\byes\b", folded):
        return Polarity.THERE
    if re.search(r"\bno\b", f"{above} {folded}") or re.search(r"nothing is marked|^0\b", folded):
        return Polarity.ABSENT
    return Polarity.THERE


def _of_sentence(sentence: str, before: list[Statement]) -> list[Statement]:
    """Return what a sentence states; a part that names no finding goes on about the one before."""
    found: list[Statement] = []
    whole = _polarity(sentence.casefold(), None)
    for part in sentence.split("; "):
        folded = part.casefold()
        named = findings_in(folded)
        earlier = [*before, *found]
        if _RESTS.search(folded):
            named = frozenset()
        elif not named and earlier and (found or _GOES_ON.match(folded)):
            named = earlier[-1].findings
        polarity = _polarity(folded, whole)
        found += [_stated(piece, named, _said(piece, polarity)) for piece in _by_view(part)]
    return found


def _said(piece: str, of_part: Polarity) -> Polarity:
    """Return what a piece says outright, `yes (0.81)` or `no (0.60)`; else what its part says."""
    outright = re.findall(r"\b(yes|no) \(", piece.casefold())
    if len(outright) != 1 or of_part is Polarity.UNSURE:
        return of_part
    return Polarity.THERE if outright[0] == "yes" else Polarity.ABSENT


def _polarity(folded: str, of_sentence: Polarity | None) -> Polarity:
    """Return whether a part says that something is there; conditions hold for a whole sentence."""
    if _IF.search(folded) or of_sentence is Polarity.IF_ANY:
        return Polarity.IF_ANY
    if _NOT_JUDGED.search(folded) or of_sentence is Polarity.NOT_JUDGED:
        return Polarity.NOT_JUDGED
    if _UNSURE.search(folded):
        return Polarity.UNSURE
    own = re.sub(r"^(no|yes|so it is)[.:,] |^that is not so: ", "", folded)
    return Polarity.ABSENT if _ABSENT.search(_UNKNOWN.sub("", own)) else Polarity.THERE


def _by_view(sentence: str) -> list[str]:
    """Cut a sentence so that each piece holds one picture or side and what follows it."""
    folded = sentence.casefold()
    starts = [match.start() for match in _VIEW.finditer(folded)]
    if not starts:
        starts = [0, *(match.start() for match in _EACH_SIDE.finditer(folded))]
    if len(starts) < 2:
        return [sentence]
    cuts = [0, *starts[1:], len(sentence)]
    return [sentence[a:b] for a, b in pairwise(cuts)]


def _stated(piece: str, findings: frozenset[str], polarity: Polarity) -> Statement:
    return Statement(
        views_in(piece), sides_in(piece), findings, polarity, numbers_in(piece),
        frozenset(_values(piece)), piece,
    )  # fmt: skip


def numbers_in(text: str) -> frozenset[str]:
    """Return the numbers of a text as they are written; pictures' own numbers are none."""
    return frozenset(NUMBER.findall(_VIEW.sub("", text.casefold())))


def _values(piece: str) -> Iterable[tuple[str, str]]:
    """Return each probability with the option that stands before it."""
    places = [(match.start(), match[0]) for match in _VALUE.finditer(_lowered(piece))]
    for match in NUMBER.finditer(piece):
        if "." not in match[0]:
            continue
        before = [word for start, word in places if start < match.start()]
        if before:
            yield before[-1], match[0]


def _lowered(piece: str) -> str:
    """Return a piece in lower case but for letters that stand alone."""
    return re.sub(r"\b[A-Z][A-Za-z-]+\b", lambda word: word[0].lower(), piece)
