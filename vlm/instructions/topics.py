"""What can be asked of a mammogram, in MammoVQA's topics and options, and what is known of it."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, fields

from versamammo.data.dataset import Picture
from versamammo.data.labels import FINDINGS, Labels
from versamammo.vocabulary import FINDING_WORDS, NO, NORMAL, YES, Topic
from versamammo.vocabulary import TOPICS as ALL

Answer = tuple[str, ...]
Find = Callable[[Picture], Answer | None]
Join = Callable[[set[Answer]], Answer | None]


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


@dataclass(frozen=True, kw_only=True)
class LabelledTopic(Topic):
    """A topic, and how its answer is read from labels.

    Attributes:
        find: the answer for one picture, or None where it is unknown.
        join: the answer for several views that differ.
    """

    find: Find
    join: Join = _same

    def offered(self, pictures: Sequence[Picture]) -> Answer:
        """Return the options that can be judged; of findings nobody looked for none is offered."""
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


def _levels(highest: int) -> dict[int, str]:
    return {n: f"Level {n}" for n in range(1, highest + 1)}


_ACR = dict(enumerate(("Level A", "Level B", "Level C", "Level D"), start=1))
_BIRADS = {n: f"Bi-Rads {n}" for n in range(6)}
_TISSUE = {1: "Fatty-glandular", 0: "Fatty", 2: "Dense-glandular"}
_PATHOLOGY = {0: NORMAL, 2: "Malignant", 1: "Benign"}
_LABELS: dict[str, tuple[Find, Join]] = {
    "View": (_tag("view", {"MLO": "MLO", "CC": "CC"}), _same),
    "Laterality": (_tag("laterality", {"R": "Right", "L": "Left"}), _same),
    "ACR": (_number("density", _ACR), _same),
    "Bi-Rads": (_number("birads", _BIRADS), _worst(*(f"Bi-Rads {n}" for n in range(1, 6)))),
    "Background tissue": (_number("tissue", _TISSUE), _same),
    "Pathology": (_number("pathology", _PATHOLOGY), _worst(NORMAL, "Benign", "Malignant")),
    "Subtlety": (_subtlety, _same),
    "Masking potential": (_number("masking", _levels(8)), _same),
    "Abnormality": (_abnormality, _together),
    "Cancer": (_number("cancer", _YES_NO), _any),
    "Invasive cancer": (_number("invasive", _YES_NO), _same),
    **{word: (_number(kind, _YES_NO), _any) for kind, word in FINDING_WORDS.items()},
}


def _labelled(topic: Topic) -> LabelledTopic:
    find, join = _LABELS[topic.name]
    told = {field.name: getattr(topic, field.name) for field in fields(topic)}
    return LabelledTopic(**told, find=find, join=join)


TOPICS: tuple[LabelledTopic, ...] = tuple(map(_labelled, ALL))
BY_NAME = {topic.name: topic for topic in TOPICS}
