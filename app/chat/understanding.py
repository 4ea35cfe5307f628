"""What a question is about and which pictures it means, told by its words alone."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from enum import StrEnum

from app.chat.contracts import Turn
from app.chat.exam import Exam
from versamammo.mammogram import Laterality, View
from vlm.competence import topic_of


class Subject(StrEnum):
    """What is asked for."""

    FINDINGS = "findings"  # whether they are there
    PLACES = "places"
    SIZES = "sizes"  # of findings
    REPORT = "report"
    TAGS = "tags"  # side, view, sizes, machine: known without a model
    OTHER = "other"  # another topic of `topic`
    GENERAL = "general"  # about medicine and not about these pictures
    UNKNOWN = "unknown"


@dataclass(frozen=True)
class Asked:
    """A question as far as it is understood.

    Attributes:
        topic: in MammoVQA's words, for `OTHER`.
        kinds: of findings that are named; all are meant if none is.
        images: numbers of the pictures that are meant; empty if there is no such picture.
        chosen: whether the question itself says which pictures it means.
    """

    subject: Subject
    images: tuple[int, ...]
    topic: str | None = None
    kinds: tuple[str, ...] = ()
    chosen: bool = False


KINDS = {  # a finding, and the beginnings of words that name it
    "Mass": ("mass", "tumo", "lump", "nodul"),
    "Calcification": ("calcif", "calcs", "microcalc"),
    "Asymmetry": ("asymmetr",),
    "Architectural distortion": ("distort",),
    "Skin thickening": ("skin thick", "thickened skin", "thickening of the skin"),
    "Skin retraction": ("skin retract", "retracted skin"),
    "Nipple retraction": ("nipple retract", "retracted nipple"),
    "Suspicious lymph node": ("lymph",),
}
_ANY = ("finding", "normal", "suspicious", "lesion", "anything", "unusual", "what is found")
_WHERE = ("where", "location", "locate", "place of", "point to", "show me", "which region")
_SIZE = ("how large", "how big", "size", "diameter", "measure", "extent", " mm")
_REPORT = ("report", "describe", "summar", "what do you see", "what can you see", "tell me about",
           "your impression", "findings and impression")  # fmt: skip
_TAGS = ("which side", "side and view", "which view", "projection", "tags", "agree", "laterality",
         "pixel", "resolution", "spacing", "machine", "vendor", "manufact", "device", "scanner",
         "equipment", "warning", "quality", "which breast")  # fmt: skip
_GENERAL = (r"^why\b", r"\bwhat does\b.*\bmean\b", r"^what (is|are) (an?|the meaning)\b",
            r"\bexplain\b", r"\bdefin", r"\bshould\b", r"\btreat", r"\bprognos", r"\bbiops",
            r"\brecommend", r"\bnext step", r"\bsurviv", r"^how (do|does|can) ", r"\brisk\b",
            r"\bhow old\b", r"\bage\b", r"\bname\b", r"\bnothing\b.*\bto worry\b")  # fmt: skip
_SIDES = {Laterality.RIGHT: r"\bright\b", Laterality.LEFT: r"\bleft\b"}
_VIEWS = {View.CC: r"\bcc\b|craniocaudal|cranio-caudal", View.MLO: r"\bmlo\b|oblique"}


def understand(question: str, exam: Exam, history: Sequence[Turn] = ()) -> Asked:
    """Tell what is asked; a question that names views only asks again what was asked before."""
    words = f" {' '.join(question.casefold().split())} "
    images, chosen = pictures_meant(words, exam)
    asked = _subject(words, images, chosen)
    if asked.subject is Subject.UNKNOWN and history and (chosen or " and " in words[:6]):
        before = understand(history[-1].question, exam, history[:-1])
        return replace(before, images=images, chosen=chosen)
    return asked


def _subject(words: str, images: tuple[int, ...], chosen: bool) -> Asked:
    kinds = tuple(kind for kind, starts in KINDS.items() if any(start in words for start in starts))
    finding = bool(kinds) or _has(words, _ANY)

    def asks(subject: Subject, topic: str | None = None) -> Asked:
        return Asked(subject, images, topic, kinds, chosen)

    if "know about the image" in words:
        return asks(Subject.TAGS)
    if any(re.search(pattern, words.strip()) for pattern in _GENERAL):
        return asks(Subject.GENERAL)
    if finding and _has(words, _WHERE):
        return asks(Subject.PLACES)
    if finding and _has(words, _SIZE):
        return asks(Subject.SIZES)
    topic = topic_of(words)
    if _has(words, _REPORT) and not kinds:
        return asks(Subject.REPORT)
    if topic in ("Bi-Rads", "ACR", "Masking potential", "Subtlety", "Background tissue",
                 "Invasive cancer", "Cancer", "Pathology"):  # fmt: skip
        return asks(Subject.OTHER, topic)
    if finding:
        return asks(Subject.FINDINGS)
    if _has(words, (*_TAGS, *_SIZE)) or topic in ("View", "Laterality"):
        # a side alone names pictures: "and on the left?" asks for no tag
        bare = topic == "Laterality" and not _has(words, (*_TAGS, *_SIZE, "or"))
        return asks(Subject.UNKNOWN if bare else Subject.TAGS)
    return asks(Subject.UNKNOWN)


def pictures_meant(words: str, exam: Exam) -> tuple[tuple[int, ...], bool]:
    """Give the pictures that a question means, and whether it says so; all if it does not."""
    everything = tuple(range(len(exam.images)))
    pairs = re.findall(r"\b([lr])[ -]?(cc|mlo)\b", words)
    if pairs:
        named = {(side.upper(), view.upper()) for side, view in pairs}
        return tuple(
            i for i in everything if (exam.images[i].side, exam.images[i].told.view) in named
        ), True
    numbers = [int(n) - 1 for n in re.findall(r"\b(?:picture|image) (\d)\b", words)]
    if numbers:
        return tuple(i for i in everything if i in numbers), True
    sides = {side for side, pattern in _SIDES.items() if re.search(pattern, words)}
    views = {view for view, pattern in _VIEWS.items() if re.search(pattern, words)}
    chosen = len(sides) == 1 or len(views) == 1
    if not chosen:
        return everything, False
    return tuple(
        i
        for i in everything
        if (len(sides) != 1 or exam.images[i].side in sides)
        and (len(views) != 1 or exam.images[i].told.view in views)
    ), True


def _has(words: str, starts: Sequence[str]) -> bool:
    return any(start in words for start in starts)
