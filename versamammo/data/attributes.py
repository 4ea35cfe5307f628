"""What can be said of an image as a whole: each attribute's classes and how labels become them.

BI-RADS 1 to 5 rise in suspicion and are ordinal. 0 (more images needed) is no degree of suspicion
but a question of its own, `incomplete`; 6 (cancer already proven) tells of the past, not of the
picture, and is left unknown.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

import numpy as np
from numpy.typing import NDArray

from versamammo.data.labels import DENSITIES, FINDINGS, SUBTYPES, UNKNOWN, Labels
from versamammo.errors import InputError

UNKNOWN_CLASS = -1
NO_YES = ("no", "yes")


class Scale(StrEnum):
    """How the classes of an attribute stand to each other."""

    ORDINAL = "ordinal"
    NAMES = "names"


@dataclass(frozen=True)
class Attribute:
    """One question about an image that has one answer.

    Attributes:
        name: of the label, or of what is derived from it.
        classes: the answers, in rising order where ordinal.
        first: the label's number of the first class; the others follow by ones.
        scale: whether the order of the classes means anything.
    """

    name: str
    classes: tuple[str, ...]
    first: float = 0.0
    scale: Scale = Scale.NAMES

    def class_of(self, value: float) -> int:
        """Return the class of a label's number, `UNKNOWN_CLASS` for NaN or a number outside."""
        place = value - self.first
        if np.isnan(value) or not 0 <= place < len(self.classes):
            return UNKNOWN_CLASS
        return int(place)


def _numbers(first: int, last: int) -> tuple[str, ...]:
    return tuple(str(number) for number in range(first, last + 1))


ATTRIBUTES: dict[str, Attribute] = {
    attribute.name: attribute
    for attribute in (
        Attribute("density", DENSITIES, 1, Scale.ORDINAL),
        Attribute("birads", _numbers(1, 5), 1, Scale.ORDINAL),
        Attribute("incomplete", NO_YES),
        Attribute("pathology", ("normal", "benign", "malignant")),
        Attribute("masking", _numbers(1, 8), 1, Scale.ORDINAL),
        Attribute("subtlety", _numbers(1, 5), 1, Scale.ORDINAL),
        Attribute("subtype", SUBTYPES),
        Attribute("tissue", ("fatty", "fatty-glandular", "dense-glandular"), 0, Scale.ORDINAL),
        Attribute("cancer", NO_YES),
        Attribute("invasive", NO_YES),
        *(Attribute(kind, NO_YES) for kind in FINDINGS),
        Attribute("view", ("CC", "MLO")),
        # images are turned chest wall left, so that only burned-in marks could tell
        Attribute("laterality", ("L", "R")),
    )
}


def attributes_named(names: Sequence[str]) -> tuple[Attribute, ...]:
    """Look attributes up by name.

    Raises:
        InputError: one is not known (`unknown-attribute`).
    """
    for name in names:
        if name not in ATTRIBUTES:
            message = f"unknown attribute {name!r}; expected some of {', '.join(ATTRIBUTES)}"
            raise InputError(message, field="attributes", reason="unknown-attribute")
    return tuple(ATTRIBUTES[name] for name in names)


def classes_of(labels: Labels, view: str | None, laterality: str | None) -> NDArray[np.int64]:
    """Return the class of every attribute [A], in the order of `ATTRIBUTES`; -1 where unknown."""
    values = {name: getattr(labels, name) for name in Labels.names()}
    values["incomplete"] = UNKNOWN if np.isnan(labels.birads) else float(labels.birads == 0)
    values["view"] = _place(view, ATTRIBUTES["view"].classes)
    values["laterality"] = _place(laterality, ATTRIBUTES["laterality"].classes)
    return np.array([one.class_of(values[one.name]) for one in ATTRIBUTES.values()], np.int64)


def _place(word: str | None, classes: Sequence[str]) -> float:
    return float(classes.index(word)) if word in classes else UNKNOWN
