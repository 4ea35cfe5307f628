"""What an encoder with heads sees in an exam: attributes, places and heat maps."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import replace

import cv2
import numpy as np
from numpy.typing import NDArray

from app.chat.contracts import Attribute, Card, Findings, HeatMap, Region
from app.chat.exam import Exam
from app.chat.queueing import OneAtATime
from versamammo.encoder import VersaMammoModel
from versamammo.errors import InputError
from versamammo.finding import LEAST_HEAT, Candidate, Sight, find
from versamammo.mammogram import Box
from vlm.instructions.topics import FINDING_WORDS

MOST = 3  # places marked in one picture
SAME = 0.3  # overlap (intersection over union) from which two boxes are one place
HEAT_SIDE = 256  # longest side of a heat map kept for drawing
# pictures are turned chest wall left before they are looked at: no head can tell the side
UNTELLABLE = "laterality"


class Seeing:
    """Looks for findings with an encoder's heads."""

    def __init__(
        self,
        encoder: VersaMammoModel,
        card: Card,
        queue: OneAtATime,
        figures: Mapping[str, float] | None = None,
        least: float = LEAST_HEAT,
    ) -> None:
        """Look with an encoder.

        Args:
            encoder: with heads.
            card: who it is.
            queue: shared with whoever else computes.
            figures: area under the ROC curve of each attribute on patients not learned from.
            least: score from which a place is marked.

        Raises:
            InputError: the encoder has no heads.
        """
        if encoder.heads is None:
            message = "has no heads, so that nothing can be said; stage 2 trains them"
            raise InputError(message, field="heads", reason="no-heads")
        self.card = card
        named = [one.name for one in encoder.heads.attributes.attributes]
        told = figures or {}
        missing = math.nan if told else None
        self.figures: dict[str, float | None] = {
            name: told.get(name, missing) for name in named if name != UNTELLABLE
        }
        self._encoder = encoder
        self._queue = queue
        self._least = least

    def find(self, exam: Exam) -> Findings:
        """Look at each picture; one that cannot be looked at does not keep the others from it."""
        sights: dict[int, Sight] = {}
        failed: list[str] = []
        for number, image in enumerate(exam.images):
            try:
                with self._queue.turn():
                    sights[number] = find(self._encoder, image.mammogram(), self._least)
            except InputError as error:
                failed.append(f"{exam.names[number]}: {error.message}")
        own = [
            Attribute(name, shares, number, _edition(name), auroc=self.figures[name])
            for number, sight in sights.items()
            for name, shares in sight.probabilities.items()
            if name != UNTELLABLE
        ]
        regions = tuple(
            Region(number, one.box, FINDING_WORDS[one.kind].lower(), one.score)
            for number, sight in sights.items()
            for one in _apart(sight.candidates)
        )
        heat = tuple(
            HeatMap(number, _small(sight.heat, sight.crop.box), _box(sight.crop.box))
            for number, sight in sights.items()
            if sight.heat is not None
        )
        return Findings((*of_exam(exam, own), *own), regions, heat, tuple(failed), self._least)


def of_exam(exam: Exam, own: Sequence[Attribute]) -> list[Attribute]:
    """Sum up density and BI-RADS of an exam of several pictures.

    Density is the mean of all pictures. BI-RADS is the mean of one breast's pictures, of that
    breast whose mean category is the higher: an exam is assessed by its more suspicious breast.
    """
    made: list[Attribute] = []
    density = [one for one in own if one.name == "density"]
    if len(density) > 1:
        made.append(_mean(density, f"mean of {len(density)} pictures"))
    birads = [one for one in own if one.name == "birads" and one.image is not None]
    if len(birads) > 1:
        sides: dict[str, list[Attribute]] = {}
        for one in birads:
            assert one.image is not None
            sides.setdefault(exam.images[one.image].side.name.lower(), []).append(one)
        means = {
            side: _mean(found, f"{side} breast, mean of {len(found)} pictures")
            for side, found in sides.items()
        }
        made.append(max(means.values(), key=_suspicion))
    return made


def _mean(found: Sequence[Attribute], how: str) -> Attribute:
    shares = {
        value: math.fsum(one.probabilities[value] for one in found) / len(found)
        for value in found[0].probabilities
    }
    return replace(found[0], probabilities=shares, image=None, how=how)


def _suspicion(birads: Attribute) -> float:
    return math.fsum(int(value) * share for value, share in birads.probabilities.items())


def _edition(name: str) -> str | None:
    # letters came with the 5th edition; assessments of several editions are learnt together
    return "5" if name == "density" else None


def _apart(candidates: Sequence[Candidate]) -> list[Candidate]:
    """Keep the most probable of the candidates that lie on one place, and few in all."""
    kept: list[Candidate] = []
    for one in candidates:
        if all(overlap(one.box, other.box) < SAME for other in kept):
            kept.append(one)
    return kept[:MOST]


def overlap(one: Box, other: Box) -> float:
    """Give intersection over union of two boxes."""
    width = min(one.x2, other.x2) - max(one.x1, other.x1)
    height = min(one.y2, other.y2) - max(one.y1, other.y1)
    shared = max(0.0, width) * max(0.0, height)
    return shared / (one.width * one.height + other.width * other.height - shared)


def _small(heat: NDArray[np.float32], box: tuple[int, int, int, int]) -> NDArray[np.float32]:
    """Cut heat [H, W] to a box and shrink it: it is smooth, and is kept as long as the exam."""
    x1, y1, x2, y2 = box
    cut = heat[y1:y2, x1:x2]
    shrink = min(1.0, HEAT_SIDE / max(cut.shape))
    size = (max(1, round(cut.shape[1] * shrink)), max(1, round(cut.shape[0] * shrink)))
    return np.asarray(cv2.resize(cut, size, interpolation=cv2.INTER_AREA), np.float32)


def _box(corners: tuple[int, int, int, int]) -> Box:
    return Box(*(float(corner) for corner in corners))
