"""What can be asked of a mammogram, in MammoVQA's topics and options, and what is known of it."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from versamammo.dataset import Picture
from versamammo.labels import FINDINGS, Labels
from versamammo.vqa import Kind

Answer = tuple[str, ...]
Join = Callable[[set[Answer]], Answer | None]

YES, NO, NORMAL = "Yes", "No", "Normal"
FINDING_WORDS = {
    "mass": "Mass",
    "calcification": "Calcification",
    "asymmetry": "Asymmetry",
    "distortion": "Architectural distortion",
    "skin_thickening": "Skin thickening",
    "skin_retraction": "Skin retraction",
    "nipple_retraction": "Nipple retraction",
    "lymph_node": "Suspicious lymph node",
}


def _same(_: set[Answer]) -> Answer | None:
    """Views that differ have no answer in common."""
    return None


def _worst(*order: str) -> Join:
    """Let the more suspicious breast speak for the exam; others than these cannot be ordered."""

    def join(known: set[Answer]) -> Answer | None:
        words = {word for answer in known for word in answer}
        return (max(words, key=order.index),) if words <= set(order) else None

    return join


def _any(_: set[Answer]) -> Answer | None:
    """What one view shows, the exam shows."""
    return (YES,)


def _together(known: set[Answer]) -> Answer | None:
    words = {word for answer in known for word in answer}
    return tuple(word for word in FINDING_WORDS.values() if word in words)


@dataclass(frozen=True)
class Topic:
    """One thing to ask about.

    Attributes:
        name: as MammoVQA calls it, or ours for single findings.
        kind: how it may be answered.
        options: all that are possible; a picture may offer fewer.
        wordings: ways of asking about one image.
        find: the answer for one picture, or None where it is unknown.
        exam: whether benchmarks also ask it about all views of an exam.
        join: the answer for several views that differ.
    """

    name: str
    kind: Kind
    options: Answer
    wordings: tuple[str, ...]
    find: Callable[[Picture], Answer | None]
    exam: bool = False
    join: Join = _same

    def offered(self, pictures: Sequence[Picture]) -> Answer:
        """Give the options that can be judged; of findings nobody looked for none is offered."""
        if self.name != "Abnormality":
            return self.options
        seen = [w for n, w in FINDING_WORDS.items() if all(_known(p.labels, n) for p in pictures)]
        return (NORMAL, *seen)

    def answer(self, pictures: Sequence[Picture]) -> Answer | None:
        """Find the answer for one picture, or the one that holds for several views together."""
        found = [self.find(picture) for picture in pictures]
        if None in found:
            return None
        known = {answer for answer in found if answer is not None}
        return known.pop() if len(known) == 1 else self.join(known)

    def ask(self, pictures: Sequence[Picture], random: np.random.Generator) -> str:
        """Choose a way of asking."""
        wording = self.wordings[int(random.integers(len(self.wordings)))]
        return wording if len(pictures) == 1 else _of_several(wording)


def _of_several(wording: str) -> str:
    for one, several in (("this image", "these images"), ("this mammogram", "these mammograms")):
        wording = wording.replace(one, several)
    return wording.replace("Does these", "Do these")


def _known(labels: Labels, name: str) -> bool:
    return not math.isnan(getattr(labels, name))


def _number(name: str, words: dict[int, str]) -> Callable[[Picture], Answer | None]:
    def find(picture: Picture) -> Answer | None:
        value = getattr(picture.labels, name)
        word = None if math.isnan(value) else words.get(int(value))
        return None if word is None else (word,)

    return find


def _tag(name: str, words: dict[str, str]) -> Callable[[Picture], Answer | None]:
    def find(picture: Picture) -> Answer | None:
        word = words.get(getattr(picture, name) or "")
        return None if word is None else (word,)

    return find


def _subtlety(picture: Picture) -> Answer | None:
    if picture.labels.pathology == 0:
        return (NORMAL,)
    return _number("subtlety", {n: f"Level {n}" for n in range(1, 6)})(picture)


def _abnormality(picture: Picture) -> Answer | None:
    labels = picture.labels
    present = tuple(w for n, w in FINDING_WORDS.items() if getattr(labels, n) == 1)
    if present:
        return present
    everything = all(_known(labels, name) for name in FINDINGS)
    return (NORMAL,) if everything or labels.pathology == 0 or labels.birads == 1 else None


_YES_NO = {0: NO, 1: YES}
_FOUND_ASKED = (
    "Is there {}?",
    "Is there {} in this image?",
    "Does this mammogram show {}?",
    "Can {} be seen here?",
    "Do you see {}?",
)
PHRASES = {
    "mass": "a mass",
    "calcification": "a calcification",
    "asymmetry": "an asymmetry",
    "distortion": "an architectural distortion",
    "skin_thickening": "thickened skin",
    "skin_retraction": "retracted skin",
    "nipple_retraction": "a retracted nipple",
    "lymph_node": "a suspicious lymph node",
}


def _presence(name: str) -> Topic:
    wordings = tuple(asked.format(PHRASES[name]) for asked in _FOUND_ASKED)
    if name == "calcification":
        wordings += ("Are there calcifications?", "Do you see suspicious calcifications?")
    return Topic(
        FINDING_WORDS[name], Kind.YES_NO, (YES, NO), wordings, _number(name, _YES_NO), join=_any
    )


def _levels(highest: int) -> dict[int, str]:
    return {n: f"Level {n}" for n in range(1, highest + 1)}


_ACR = dict(enumerate(("Level A", "Level B", "Level C", "Level D"), start=1))
_BIRADS = {n: f"Bi-Rads {n}" for n in range(6)}
_TISSUE = {1: "Fatty-glandular", 0: "Fatty", 2: "Dense-glandular"}
_PATHOLOGY = {0: NORMAL, 2: "Malignant", 1: "Benign"}
_VIEWS, _SIDES = {"MLO": "MLO", "CC": "CC"}, {"R": "Right", "L": "Left"}

TOPICS: tuple[Topic, ...] = (
    Topic(
        "View", Kind.SINGLE, tuple(_VIEWS.values()),
        ("Which view is this?", "In which projection was this mammogram taken?",
         "Is this a craniocaudal or an oblique view?"),
        _tag("view", _VIEWS),
    ),
    Topic(
        "Laterality", Kind.SINGLE, tuple(_SIDES.values()),
        ("Which breast is shown?", "On which side of the body is this breast?",
         "Is this the right or the left breast?"),
        _tag("laterality", _SIDES),
    ),
    Topic(
        "ACR", Kind.SINGLE, tuple(_ACR.values()),
        ("How dense is the breast?", "Which density level fits?", "What is the breast density?",
         "What is the ACR composition?", "What is the ACR density?"),
        _number("density", _ACR), exam=True,
    ),
    Topic(
        "Bi-Rads", Kind.SINGLE, tuple(_BIRADS.values()),
        ("Which BI-RADS category fits?", "How would you assess this, in BI-RADS?",
         "What is the BI-RADS assessment?", "What is your assessment?"),
        _number("birads", _BIRADS), exam=True,
        join=_worst(*(f"Bi-Rads {n}" for n in range(1, 6))),
    ),
    Topic(
        "Background tissue", Kind.SINGLE, tuple(_TISSUE.values()),
        ("What is the background tissue?", "Of what kind is the tissue?"),
        _number("tissue", _TISSUE),
    ),
    Topic(
        "Pathology", Kind.SINGLE, tuple(_PATHOLOGY.values()),
        ("What is the pathology?", "Is the breast normal, or is a lesion benign or malignant?"),
        _number("pathology", _PATHOLOGY), join=_worst(NORMAL, "Benign", "Malignant"),
    ),
    Topic(
        "Subtlety", Kind.SINGLE, (NORMAL, *_levels(5).values()),
        ("How obvious is the lesion, from 1, subtle, to 5?", "How subtle is the finding?"),
        _subtlety,
    ),
    Topic(
        "Masking potential", Kind.SINGLE, tuple(_levels(8).values()),
        ("How easily could a tumour hide here, from 1 to 8?", "What is the masking potential?"),
        _number("masking", _levels(8)),
    ),
    Topic(
        "Abnormality", Kind.MULTIPLE, (NORMAL, *FINDING_WORDS.values()),
        ("Which abnormalities are there?", "What is found in this image?",
         "What abnormalities do you see?", "Are there any findings?"),
        _abnormality, join=_together,
    ),
    Topic(
        "Cancer", Kind.YES_NO, (YES, NO),
        ("Is there cancer?", "Is there cancer in this breast?", "Was cancer found in this breast?"),
        _number("cancer", _YES_NO), join=_any,
    ),
    Topic(
        "Invasive cancer", Kind.YES_NO, (YES, NO),
        ("Is the cancer invasive?", "Has the cancer grown into its surroundings?"),
        _number("invasive", _YES_NO),
    ),
    *(_presence(name) for name in FINDINGS),
)  # fmt: skip
BY_NAME = {topic.name: topic for topic in TOPICS}
