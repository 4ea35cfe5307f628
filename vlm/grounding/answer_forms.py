"""Answers that mislead whatever they say: said twice, out of form, or denying what is known."""

from __future__ import annotations

import re
from collections.abc import Sequence

from vlm.grounding.required_words import LIKELIEST
from vlm.grounding.statements import VALUED, findings_in, sentences

_UNKNOWN = re.compile(r"not (known|judged|assessed)|cannot|can't")
_FIGURE_FOR_YES = re.compile(r"\b(is|are|answer on [a-z ]+ is) \d \(")
# every breast has a density; a picture is no side
_NO_FINDING = re.compile(
    r"whether there is (an? |any )?(acr |breast )?(density|background tissue|pathology|bi-?rads)\b"
)
_PICTURE_FOR_SIDE = re.compile(
    r"\b(side|view) is [lr] (cc|mlo)\b|\b(pitch|spacing) is \d+ x \d+ pixels"
)
_IF_ONE = re.compile(r"if there (is|are) (an?|any)? ?(?!lesion)")
_NO_SOURCE = re.compile(r"\b(not|n't) (based|rest)\b|\bdoes not rest\b")
_NEGATED = re.compile(r"\b(no|not|absent|free of|nothing)\b|n't\b")
_YES = re.compile(r"yes[:.,]", re.IGNORECASE)


def misleading(answer: str, facts: Sequence[str], question: str) -> list[str]:
    """Return what of an answer's form misleads.

    Args:
        answer: as it was written.
        facts: lines of its record.
        question: that it answers.
    """
    return [*_denied(answer, facts), *_misplaced(answer, facts), *_forms(answer, question)]


def _denied(answer: str, facts: Sequence[str]) -> list[str]:
    """Return the topics whose value stands in the record, and of which none is said to be known."""
    titles = [match["title"] for line in facts if (match := VALUED.match(line))]
    known = {title.casefold().split()[-1] for title in titles if not findings_in(title)}
    silent = [one for one in map(str.casefold, sentences(answer)) if _UNKNOWN.search(one)]
    about = " ".join(re.split("because|: ", one)[0] for one in silent)
    return [f"says that {name} is not known" for name in sorted(known) if name in about]


def _misplaced(answer: str, facts: Sequence[str]) -> list[str]:
    """Return whether the place of a lesion is told as that of another finding."""
    asked = findings_in(" ".join(line.split(":")[0] for line in facts if ": not judged" in line))
    one = bool(asked) and "Mass" not in asked
    for said in map(str.casefold, sentences(answer)):
        named = findings_in(said) - {"Mass"} if _IF_ONE.search(said) else set()
        if LIKELIEST.search(said) and (named or (one and "if there is one" in said)):
            return ["tells the place of a lesion as that of another finding"]
    return []


def _forms(answer: str, question: str) -> list[str]:
    """Return which forms mislead: said twice, a figure for a yes, a yes to a denying question."""
    said = [one.strip(" .;").casefold() for one in sentences(answer)]
    places = len(LIKELIEST.findall(answer.casefold()))
    twice = len(set(said)) < len(said) or places > 1
    wrong = ["says the same twice"] if twice else []
    if any(_FIGURE_FOR_YES.search(one) and findings_in(one) for one in said):
        wrong.append("tells a figure in place of yes or no")
    if any(_NO_FINDING.search(one) for one in said):
        wrong.append("doubts that there is what every breast has")
    if any(_NO_SOURCE.search(one) for one in said):
        wrong.append("denies what an answer rests on")
    if any(_PICTURE_FOR_SIDE.search(one) for one in said):
        wrong.append("tells one thing for another")
    if _NEGATED.search(question.casefold()) and _YES.match(answer):
        wrong.append("says yes to a question that denies")
    return wrong
