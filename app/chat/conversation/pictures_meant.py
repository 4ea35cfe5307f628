"""Which pictures of an exam a question means."""

from __future__ import annotations

import re

from app.chat.conversation.asked import Asked
from app.chat.evidence.exam import Exam
from versamammo.imaging.mammogram import Laterality, View

_SIDES = {Laterality.RIGHT: r"\bright\b", Laterality.LEFT: r"\bleft\b"}
_VIEWS = {View.CC: r"\bcc\b|cranio-?caudal", View.MLO: r"\bmlo\b|oblique"}
_EXAM = r"(?: (?:exam(?:ination)?|mammogra(?:m|phy)|picture|image|film|view|study|one)s?)"
_ORDINALS = ("first", "second", "third", "fourth")
_ORDINAL = re.compile(
    rf"\b(?:the )?({'|'.join(_ORDINALS)}) (picture|image|view|film|file|photo|scan)\b"
)
OTHER_SIDE = re.compile(r"\b(other|opposite|contralateral) (breast|side)\b")
OTHER_VIEW = re.compile(r"\bother (view|projection)\b")
OTHER_ONE = re.compile(r"\bother (one|view|picture|image|film|photo|projection)\b")
PRIOR = re.compile(
    rf"\b(?:(?:in|on|of|at|from|with|to) )?(?:"
    rf"(?:the|her|my|his) (?:priors?|previous|earlier|last year'?s?){_EXAM}?|"
    rf"(?:priors?|previous|earlier){_EXAM}|last (?:year|time)|(?:one|a) year ago)\b|"
    r"\b(?:in|on|with|to) priors?\b",
    re.IGNORECASE,
)
_NUMBERED = re.compile(r"\b(?:picture|image|view|file|film|photo) (\d+)\b")


def means_prior(words: str, exam: Exam) -> bool:
    """Return whether a question speaks of an earlier exam that is open."""
    return bool(exam.prior) and PRIOR.search(words) is not None


def pictures_meant(words: str, exam: Exam) -> tuple[tuple[int, ...], bool]:
    """Return the pictures that a question means, and whether it says so.

    Where it does not, all current ones are meant; earlier ones only if it speaks of them.
    """
    earlier = means_prior(words, exam)
    everything = exam.prior if earlier else exam.current
    pairs = re.findall(r"\b([lr])[ -]?(cc|mlo)\b", words)
    if pairs:
        named = {(side.upper(), view.upper()) for side, view in pairs}
        return tuple(
            i for i in everything if (exam.images[i].side, exam.images[i].told.view) in named
        ), True
    numbers = [int(n) - 1 for n in _NUMBERED.findall(words)]
    if numbers:
        return tuple(i for i in range(len(exam.images)) if i in numbers), True
    sides = {side for side, pattern in _SIDES.items() if re.search(pattern, words)}
    views = {view for view, pattern in _VIEWS.items() if re.search(pattern, words)}
    chosen = len(sides) == 1 or len(views) == 1
    if not chosen:
        return everything, earlier
    return tuple(
        i
        for i in everything
        if (len(sides) != 1 or exam.images[i].side in sides)
        and (len(views) != 1 or exam.images[i].told.view in views)
    ), True


def other_side(asked: Asked, exam: Exam) -> tuple[int, ...]:
    """Return the pictures of the side that was not spoken of; none if there are none."""
    spoken = {exam.images[i].side for i in asked.images} or {one.side for one in exam.images}
    if len(spoken) != 1:
        return asked.images
    return tuple(i for i in exam.current if exam.images[i].side not in spoken)


def with_numbers(words: str) -> str:
    """Return a question in which “the second picture” is “picture 2”."""
    return _ORDINAL.sub(lambda found: f"{found[2]} {_ORDINALS.index(found[1]) + 1}", words)
