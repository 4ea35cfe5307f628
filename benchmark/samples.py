"""What a task's run leaves behind for scoring: one record for each image, query or region.

Adapters make these, metrics read them, and both meet only here. Places are in pixels of the file
as stored. Records become one JSON line each, so that a run which is killed loses no whole line.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

Kind = Literal["binary", "multiclass", "ordinal", "multilabel", "detection", "segmentation",
               "retrieval", "vqa"]  # fmt: skip
BoxSides = tuple[float, float, float, float]  # (x1, y1, x2, y2)


@dataclass(frozen=True)
class Sample:
    """What every record tells.

    Attributes:
        id: image or lesion id, unique within the task.
        patient: who it is of; clusters of the bootstrap are patients.
        exam: None if unknown.
        groups: for subgroup tables: density, view, vendor, age band, source; unknown ones absent.
    """

    id: str
    patient: str
    exam: str | None = None
    groups: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class ClassSample(Sample):
    """One class out of K.

    Attributes:
        truth: index into the task's classes.
        scores: probabilities [K], summing to 1; of a binary task (negative, positive).
    """

    truth: int = 0
    scores: tuple[float, ...] = ()


@dataclass(frozen=True)
class LabelsSample(Sample):
    """Several labels at once.

    Attributes:
        truth: [K] of 1, 0 and NaN for unknown.
        scores: probabilities [K], each by itself.
    """

    truth: tuple[float, ...] = ()
    scores: tuple[float, ...] = ()


@dataclass(frozen=True)
class BoxesSample(Sample):
    """Places of findings; no true box means a normal image, which counts.

    Attributes:
        size: (H, W) of the image.
        truth: boxes and their classes.
        boxes: predicted boxes with classes and scores 0..1.
    """

    size: tuple[int, int] = (0, 0)
    truth: tuple[BoxSides, ...] = ()
    truth_classes: tuple[int, ...] = ()
    boxes: tuple[BoxSides, ...] = ()
    classes: tuple[int, ...] = ()
    scores: tuple[float, ...] = ()


@dataclass(frozen=True)
class MaskSample(Sample):
    """A mask; both may be empty.

    Attributes:
        truth: PNG of the true mask, relative to the run's folder.
        mask: PNG of the predicted one, of the same size.
        spacing_mm: (between rows, between columns) of both; None if unknown.
    """

    truth: str = ""
    mask: str = ""
    spacing_mm: tuple[float, float] | None = None


@dataclass(frozen=True)
class NeighboursSample(Sample):
    """One query's gallery, ranked by similarity, without its own patient's images.

    Attributes:
        truth: class indices of the query; several for multi-label tasks.
        ranked: for each of the first ranks, whether that image shares a class with the query.
        relevant: how many images of the gallery do.
        average_precision: over the whole gallery; NaN if none is relevant.
    """

    truth: tuple[int, ...] = ()
    ranked: tuple[bool, ...] = ()
    relevant: int = 0
    average_precision: float = float("nan")
