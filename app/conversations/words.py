"""What written answers are made of: names of pictures and places, reasons, a choice of words."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from app.chat.conversation.verdict_words import in_thirds, title
from app.chat.evidence.contracts import Findings, Region, Verdict
from app.chat.evidence.exam import Exam
from app.chat.evidence.examining import ALL_WITH_LESION, ON_FILM
from versamammo.vocabulary import BY_NAME, NOT_JUDGED

NOT_JUDGED_OF = ": not judged"  # what follows the name of one topic
SIDES = {"R": "right", "L": "left"}
NEGATED = re.compile(r"\b(no|not|absent|free of|\w+n't|nothing)\b")
YES_OR_NO = re.compile(
    r"^(is|are|do|does|can|could|was|were|has|have|any|see|so|you|check|look|would)\b"
)
_REASONS = {
    ALL_WITH_LESION: (
        "every picture the model learnt from shows a lesion, so it cannot tell a breast without "
        "one",
        "the model has only learnt from pictures with a lesion and cannot recognise a breast "
        "without one",
        ALL_WITH_LESION,
    ),
    ON_FILM: (
        "the model was tried on scanned films alone, and this is a digital mammogram",
        "this is a digital mammogram, and the model was only tried on scanned films",
    ),
}
_WHETHER = {
    "Pathology": "whether a lesion is benign or malignant",
    "Cancer": "whether there is cancer",
    "Invasive cancer": "whether a cancer is invasive",
    "Subtlety": "how subtle a lesion is",
}


def listed(words: Sequence[str], last: str = "and") -> str:
    """Return words as a sentence lists them."""
    return words[0] if len(words) == 1 else f"{', '.join(words[:-1])} {last} {words[-1]}"


def capital(words: str) -> str:
    """Return words as a sentence begins with them."""
    return words[0].upper() + words[1:]


def noun(name: str) -> str:
    """Return a finding with its article."""
    word = title(name).lower()
    if word.startswith("skin"):
        return word
    return f"an {word}" if word[0] in "aeiou" else f"a {word}"


@dataclass
class Words:
    """What all answers about one exam are made of, in one choice of words.

    Attributes:
        facts: the lines that are to be worded, one below the other.
        long: whether pictures are called “the right MLO view” and not “R MLO”.
    """

    exam: Exam
    seen: Findings
    question: str
    random: np.random.Generator
    facts: str
    long: bool = False

    def pick(self, *ways: str) -> str:
        """Choose one way of saying it."""
        return ways[int(self.random.integers(len(ways)))]

    def view(self, image: int) -> str:
        """Return what a picture is called."""
        name = self.exam.names[image]
        side, _, view = name.partition(" ")
        return f"the {SIDES[side]} {view} view" if self.long and side in SIDES else name

    def size(self, region: Region) -> str:
        """Return how large a place is; empty where that is not known."""
        size = self.exam.images[region.image].millimetres(region.box)
        return "" if size is None else f"{size[0]:.0f} x {size[1]:.0f} mm"

    def place(self, region: Region) -> str:
        """Return where a place lies and how large it is."""
        size = self.size(region)
        joined = self.pick(", ", ", about ") if size else ""
        return f"{region.where}{joined}{size}"

    def likeliest_place(self, region: Region) -> str:
        """Return the same of a place whose third is one of the picture, in a CC."""
        thirds = in_thirds(self.exam, region)
        return f"{thirds}{self.place(region).removeprefix(region.where)}"

    def verdicts(self, name: str, images: Sequence[int]) -> list[Verdict]:
        """Return what is said of a topic in some pictures."""
        return [one for i in images if (one := self.seen.verdict(name, i)) is not None]

    def reason(self, name: str) -> str:
        """Return why a topic is not judged."""
        why = self.seen.why_silent(name)
        return self.pick(*_REASONS.get(why, (why,)))

    @property
    def silence_told(self) -> bool:
        """Whether the lines say that something is not judged; it is told once a conversation."""
        return NOT_JUDGED.casefold() in self.facts.casefold() or NOT_JUDGED_OF in self.facts

    def reason_told(self, name: str) -> bool:
        """Return whether the lines say why a topic is not judged."""
        return self.seen.why_silent(name).casefold() in self.facts.casefold()

    @property
    def asks(self) -> bool:
        """Whether the question is one of yes or no."""
        return bool(YES_OR_NO.match(self.question.casefold()))

    def not_judged(self, names: Sequence[str]) -> str:
        """Return that topics are not judged, and why."""
        name = names[0]
        why = self.reason(name)
        topic = BY_NAME[name]
        if topic.finding:
            return self.pick(
                f"Whether there is {noun(name)} cannot be told, because {why}.",
                f"I cannot say whether there is {noun(name)}: {why}.",
                f"{title(name)} is not judged here, because {why}.",
            )
        whether = _WHETHER.get(name)
        if whether is not None:
            return self.pick(
                f"I cannot tell {whether}, because {why}.",
                f"{capital(whether)} is not judged here: {why}.",
            )
        what = title(name) if name == "Bi-Rads" else title(name).replace("ACR density", "density")
        what = what if what.startswith("BI") else what[0].lower() + what[1:]
        article = "" if name == "Bi-Rads" else "the "
        return self.pick(
            f"I cannot tell {article}{what}, because {why}.",
            f"{(article + what)[0].upper()}{(article + what)[1:]} is not judged here: {why}.",
        )
