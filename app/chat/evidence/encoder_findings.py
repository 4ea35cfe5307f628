"""What an encoder's heads see in the pictures of an exam, before anything is decided."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from app.chat.evidence.contracts import HeatMap
from app.chat.evidence.exam import Exam
from app.chat.evidence.queueing import OneAtATime
from versamammo.errors import InputError
from versamammo.imaging.mammogram import Box
from versamammo.model.encoder import VersaMammoModel
from versamammo.model.finding import find
from versamammo.model.peaks import Candidate

MOST = 3  # places marked of one kind in one picture
SAME = 0.3  # overlap (intersection over union) from which two boxes are one place
HEAT_SIDE = 256  # longest side of a heat map kept for drawing


@dataclass(frozen=True)
class PictureFindings:
    """What was seen in one picture.

    Attributes:
        warmest: of each kind of finding, the heat 0..1 of its warmest cell.
        probabilities: of each value of each of the encoder's attributes.
        candidates: places of each kind that are warm enough, the warmest first.
        peaks: the warmest place of each kind, however cold, the warmest first.
    """

    warmest: Mapping[str, float]
    probabilities: Mapping[str, Mapping[str, float]]
    candidates: tuple[Candidate, ...] = ()
    heat: HeatMap | None = None
    peaks: tuple[Candidate, ...] = ()


class Seeing:
    """Looks at pictures with an encoder's heads.

    Raises:
        InputError: the encoder has no heads.
    """

    def __init__(self, encoder: VersaMammoModel, queue: OneAtATime) -> None:
        if encoder.heads is None:
            message = "has no heads, so that nothing can be said; stage 2 trains them"
            raise InputError(message, field="heads", reason="no-heads")
        self._encoder = encoder
        self._queue = queue

    def look(self, exam: Exam, number: int, least: Mapping[str, float]) -> PictureFindings:
        """Return what is seen in one picture.

        Args:
            exam: of the picture.
            number: of the picture.
            least: kind of finding -> heat from which a place of it is marked.

        Raises:
            InputError: the picture cannot be looked at.
        """
        with self._queue.turn():
            sight = find(self._encoder, exam.images[number].mammogram(), least)
        kinds = dict.fromkeys(one.kind for one in sight.candidates)
        apart = [
            one
            for kind in kinds
            for one in _apart([found for found in sight.candidates if found.kind == kind])
        ]
        box = sight.crop.box
        heat = None if sight.heat is None else HeatMap(number, _small(sight.heat, box), _box(box))
        return PictureFindings(sight.warmest, sight.probabilities, tuple(apart), heat, sight.peaks)


def _apart(candidates: Sequence[Candidate]) -> list[Candidate]:
    """Keep the most probable of the candidates that lie on one place, and few in all."""
    kept: list[Candidate] = []
    for one in candidates:
        if all(overlap(one.box, other.box) < SAME for other in kept):
            kept.append(one)
    return kept[:MOST]


def overlap(one: Box, other: Box) -> float:
    """Return intersection over union of two boxes."""
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
