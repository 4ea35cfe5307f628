"""Which images and lesions a task is about, and what is true of them.

Splits come from the manifest and part patients, never images. What is unknown is left out and
counted; every row of the archives is accounted for.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from benchmark.samples import BoxSides
from versamammo.dataset import Picture
from versamammo.sources.masks import read_mask


@dataclass(frozen=True)
class Places:
    """Where findings lie, in pixels of the file as stored; no box means a normal image.

    Attributes:
        boxes: [N] of (x1, y1, x2, y2).
        classes: [N], indices into the task's classes.
    """

    boxes: tuple[BoxSides, ...] = ()
    classes: tuple[int, ...] = ()


@dataclass(frozen=True)
class Outline:
    """The mask of all findings of one image; no finding means an empty mask.

    Attributes:
        root: of the raw source.
        masks: as the manifest names them.
    """

    root: Path
    masks: tuple[str, ...] = ()

    def read(self, size: tuple[int, int]) -> NDArray[np.bool_]:
        """Read the union of the masks [H, W], in pixels of the file as stored.

        Raises:
            InputError: a mask is missing, or not of this size.
        """
        whole = np.zeros(size, np.bool_)
        for mask in self.masks:
            whole |= read_mask(self.root, mask, size)
        return whole


# index of a class | [K] of 1, 0, NaN | boxes | mask
Truth = int | tuple[float, ...] | Places | Outline


@dataclass(frozen=True)
class Row:
    """One image or lesion of a task.

    Attributes:
        id: unique within the task.
        picture: the prepared mammogram.
        patient: who it is of.
        exam: None if unknown.
        truth: as the task's kind needs it.
        groups: for subgroup tables; unknown ones absent.
        crop: the lesion, in pixels of the file as stored; None for the whole image.
    """

    id: str
    picture: Picture
    patient: str
    exam: str | None
    truth: Truth
    groups: Mapping[str, str] = field(default_factory=dict)
    crop: BoxSides | None = None


@dataclass(frozen=True)
class TaskRows:
    """What a task learns from, chooses by and is scored on; no patient stands on two sides.

    Attributes:
        train: for fitting; the gallery's first part in retrieval.
        val: for choosing settings; the gallery's second part.
        test: for scoring, once; the queries.
        counts: what became of every image or lesion of the archives: reason -> how many.
        digest: hash of ids, truths, contents and splits.
    """

    train: Sequence[Row]
    val: Sequence[Row]
    test: Sequence[Row]
    counts: Mapping[str, int] = field(default_factory=dict)
    digest: str = ""


@dataclass(frozen=True)
class AdaptSettings:
    """How heads are fitted; the same for every encoder that is compared.

    Attributes:
        seed: of order, initial weights and resampling.
        probe: what is fitted for classification: a linear or an MLP probe on pooled features,
            attention over patches, or the whole encoder.
        size: (H, W) of the input; the encoder's own if None.
        crop: side of a lesion's crop, at most; never more than the encoder's shorter side.
        batch: images at a time.
        steps: most steps of detection, segmentation and fine-tuning.
        check_every: steps between looks at the validation patients.
        patience: looks without gain until fitting ends.
        rate: learning rate of heads that are trained by steps.
        device: `auto` takes a GPU if there is one.
    """

    seed: int = 0
    probe: Literal["linear", "mlp", "attention", "finetune"] = "linear"
    size: tuple[int, int] | None = None
    crop: int = 512
    batch: int = 8
    steps: int = 2000
    check_every: int = 100
    patience: int = 5
    rate: float = 1e-3
    device: str = "auto"
