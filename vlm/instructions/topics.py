"""What can be asked of a mammogram, in MammoVQA's topics and options, and what is known of it."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, fields

from versamammo.data.attributes import ATTRIBUTES, UNKNOWN_CLASS
from versamammo.data.dataset import Picture
from versamammo.data.labels import FINDINGS, Labels
from versamammo.vocabulary import FINDING_WORDS, NORMAL, Topic
from versamammo.vocabulary import TOPICS as ALL
from versamammo.vqa import Kind

Answer = tuple[str, ...]
Find = Callable[[Picture], Answer | None]


@dataclass(frozen=True, kw_only=True)
class LabelledTopic(Topic):
    """A topic, and how its answer is read from labels.

    Attributes:
        find: the answer for one picture, or None where it is unknown.
    """

    find: Find

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
        return known.pop() if len(known) == 1 else self._join(known)

    def _join(self, known: set[Answer]) -> Answer | None:
        """Return the answer for views that differ; what is found in one, the exam shows."""
        words = {word for answer in known for word in answer}
        if self.kind is Kind.MULTIPLE:
            return tuple(option for option in self.options if option in words - {NORMAL})
        return (max(words, key=self.worst.index),) if words <= set(self.worst) else None


def _known(labels: Labels, name: str) -> bool:
    return not math.isnan(getattr(labels, name))


def _tag(name: str, words: dict[str, str]) -> Callable[[Picture], Answer | None]:
    def find(picture: Picture) -> Answer | None:
        word = words.get(getattr(picture, name) or "")
        return None if word is None else (word,)

    return find


def _birads(picture: Picture) -> Answer | None:
    """Return the category; 0, which is no degree of suspicion, counts here."""
    category = picture.labels.birads
    return (f"Bi-Rads {int(category)}",) if category in range(6) else None


def _subtlety(picture: Picture) -> Answer | None:
    level = picture.labels.subtlety
    if picture.labels.pathology == 0:
        return (NORMAL,)
    return (f"Level {int(level)}",) if level in range(1, 6) else None


def _abnormality(picture: Picture) -> Answer | None:
    labels = picture.labels
    present = tuple(w for n, w in FINDING_WORDS.items() if getattr(labels, n) == 1)
    if present:
        return present
    everything = all(_known(labels, name) for name in FINDINGS)
    return (NORMAL,) if everything or labels.pathology == 0 or labels.birads == 1 else None


def _attribute(topic: Topic) -> Find:
    """Read what is asked for as an encoder's head does."""
    attribute = ATTRIBUTES[topic.head]

    def find(picture: Picture) -> Answer | None:
        place = attribute.class_of(getattr(picture.labels, topic.head))
        return None if place == UNKNOWN_CLASS else (topic.option_of(attribute.classes[place]),)

    return find


# topics whose answer is no class of one attribute of the labels, or is worded otherwise
_READ: dict[str, Find] = {
    "View": _tag("view", {"MLO": "MLO", "CC": "CC"}),
    "Laterality": _tag("laterality", {"R": "Right", "L": "Left"}),
    "Bi-Rads": _birads,
    "Subtlety": _subtlety,
    "Abnormality": _abnormality,
}


def _labelled(topic: Topic) -> LabelledTopic:
    told = {field.name: getattr(topic, field.name) for field in fields(topic)}
    return LabelledTopic(**told, find=_READ.get(topic.name) or _attribute(topic))


TOPICS: tuple[LabelledTopic, ...] = tuple(map(_labelled, ALL))
BY_NAME = {topic.name: topic for topic in TOPICS}
