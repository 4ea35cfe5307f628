"""What can be asked of a mammogram, in MammoVQA's topics and options, and what is known of it."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from versamammo.dataset import Picture
from versamammo.labels import FINDINGS, Labels
from versamammo.vqa import Kind

Answer = tuple[str, ...]

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


@dataclass(frozen=True)
class Topic:
    """One thing to ask about.

    Attributes:
        name: as MammoVQA calls it, or ours for single findings.
        kind: how it may be answered.
        options: all that are possible; a picture may offer fewer.
        wordings: ways of asking about one image.
        find: the answer for one picture, or None where it is unknown.
        exam: whether it may also be asked about all views of an exam.
    """

    name: str
    kind: Kind
    options: Answer
    wordings: tuple[str, ...]
    find: Callable[[Picture], Answer | None]
    exam: bool = False

    def offered(self, pictures: Sequence[Picture]) -> Answer:
        """Give the options that can be judged; of findings nobody looked for none is offered."""
        if self.name != "Abnormality":
            return self.options
        seen = [w for n, w in FINDING_WORDS.items() if all(_known(p.labels, n) for p in pictures)]
        return (NORMAL, *seen)

    def answer(self, pictures: Sequence[Picture]) -> Answer | None:
        """Find the answer for one picture, or the one that holds for a whole exam."""
        found = [self.find(picture) for picture in pictures]
        if None in found:
            return None
        known = {answer for answer in found if answer is not None}
        if len(known) == 1:
            return known.pop()
        if self.name != "Bi-Rads" or ("Bi-Rads 0",) in known:
            return None
        # an exam is assessed by its more suspicious breast
        return max(known)


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
    "Is there {} in this image?",
    "Does this mammogram show {}?",
    "Can {} be seen here?",
)
_PHRASES = {
    "mass": "a mass",
    "calcification": "a suspicious calcification",
    "asymmetry": "an asymmetry",
    "distortion": "an architectural distortion",
    "skin_thickening": "thickened skin",
    "skin_retraction": "retracted skin",
    "nipple_retraction": "a retracted nipple",
    "lymph_node": "a suspicious lymph node",
}


def _presence(name: str) -> Topic:
    wordings = tuple(asked.format(_PHRASES[name]) for asked in _FOUND_ASKED)
    return Topic(FINDING_WORDS[name], Kind.YES_NO, (YES, NO), wordings, _number(name, _YES_NO))


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
        ("How dense is the breast?", "Which density level fits?",
         "What is the ACR composition?"),
        _number("density", _ACR), exam=True,
    ),
    Topic(
        "Bi-Rads", Kind.SINGLE, tuple(_BIRADS.values()),
        ("Which BI-RADS category fits?", "How would you assess this, in BI-RADS?",
         "What is the BI-RADS assessment?"),
        _number("birads", _BIRADS), exam=True,
    ),
    Topic(
        "Background tissue", Kind.SINGLE, tuple(_TISSUE.values()),
        ("What is the background tissue?", "Of what kind is the tissue?"),
        _number("tissue", _TISSUE),
    ),
    Topic(
        "Pathology", Kind.SINGLE, tuple(_PATHOLOGY.values()),
        ("What is the pathology?", "Is the breast normal, or is a lesion benign or malignant?"),
        _number("pathology", _PATHOLOGY),
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
        ("Which abnormalities are there?", "What is found in this image?"),
        _abnormality,
    ),
    Topic(
        "Cancer", Kind.YES_NO, (YES, NO),
        ("Is there cancer in this breast?", "Was cancer found in this breast?"),
        _number("cancer", _YES_NO),
    ),
    Topic(
        "Invasive cancer", Kind.YES_NO, (YES, NO),
        ("Is the cancer invasive?", "Has the cancer grown into its surroundings?"),
        _number("invasive", _YES_NO),
    ),
    *(_presence(name) for name in FINDINGS),
)  # fmt: skip
BY_NAME = {topic.name: topic for topic in TOPICS}
