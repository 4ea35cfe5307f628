"""Finds room for lesions: inside the breast and before the muscle, in both views at once."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from versamammo.imaging.mammogram import View
from versamammo.phantoms.anatomy import SIDES, Patient
from versamammo.phantoms.grid import sample
from versamammo.phantoms.lesions import MLO_OBLIQUITY, ON_SKIN, BreastTruth, Lesion
from versamammo.phantoms.phantom_settings import PhantomSettings, Stream, random_stream
from versamammo.phantoms.tissue import TissueFields

TRIES = 200
WIDESPREAD_MM = 16.0  # from this radius on a lesion may share its place with another
LEAST_RADIUS_MM = 3.0  # of a lesion that had to be made smaller to fit
MARGIN_MM = 4.0  # between a lesion and the skin, the muscle and the chest wall


def place_lesions(
    settings: PhantomSettings,
    patient: Patient,
    truth: BreastTruth,
    tissues: tuple[TissueFields, ...],
) -> BreastTruth:
    """Place every lesion of one breast, more often in the upper outer quadrant.

    The first of TRIES places with room is taken, else the roomiest, where the lesion is made
    smaller until it fits. The answer depends on the base raster only, so it is the same at any
    height.
    """
    if not truth.lesions:
        return truth
    side = SIDES.index(tissues[0].plan.breast.side)
    rng = random_stream(settings.seed, patient.index, Stream.LESION, side, 2)
    placed: list[Lesion] = []
    for lesion in truth.lesions:
        if lesion.look.kind in ON_SKIN:
            placed.append(lesion)
        elif lesion.look.kind == "lymph_node":
            placed.append(_in_axilla(rng, lesion, tissues))
        else:
            placed.append(_in_breast(rng, lesion, tissues, placed))
    return replace(truth, lesions=tuple(placed))


def _in_breast(
    rng: np.random.Generator,
    lesion: Lesion,
    tissues: tuple[TissueFields, ...],
    others: list[Lesion],
) -> Lesion:
    reach = tissues[0].plan.breast.reach
    depth = rng.uniform(0.2, 0.85, TRIES) * reach
    lateral, superior = rng.normal(0.12, 0.28, (2, TRIES)) * reach
    tries = [
        replace(lesion, depth=float(d), lateral=float(u), superior=float(v))
        for d, u, v in zip(depth, lateral, superior, strict=True)
    ]
    room = np.min([_room(tries, tissue, others) for tissue in tissues], axis=0)
    if (room > 0).any():
        return tries[int(np.argmax(room > 0))]
    best = int(np.argmax(room))
    return replace(tries[best], radius=max(LEAST_RADIUS_MM, lesion.radius + float(room[best])))


def _room(tries: list[Lesion], tissue: TissueFields, others: list[Lesion]) -> NDArray[np.floating]:
    """Measure the space around each try in one view, mm; negative where it does not fit."""
    centres = np.array([lesion.centre(tissue.plan) for lesion in tries])
    space = np.minimum(
        sample(tissue.depth, tissue.grid, centres),
        -sample(tissue.muscle_depth, tissue.grid, centres),
    )
    space = np.minimum(space, centres[:, 0])
    height = tissue.grid.rows * tissue.grid.pixel_mm
    space = np.minimum(space, np.minimum(centres[:, 1], height - centres[:, 1]))
    room = space - (tries[0].radius + MARGIN_MM)
    for other in others:
        if other.look.kind not in ON_SKIN and max(other.radius, tries[0].radius) < WIDESPREAD_MM:
            apart = np.hypot(*(centres - other.centre(tissue.plan)).T)
            room = np.minimum(room, apart - tries[0].radius - other.radius)
    return np.asarray(room, np.float64)


def _in_axilla(
    rng: np.random.Generator, lesion: Lesion, tissues: tuple[TissueFields, ...]
) -> Lesion:
    """Lay a lymph node along the muscle's edge, high in MLO; it is in no other view."""
    tissue = next(t for t in tissues if t.plan.view is View.MLO)
    plan, muscle = tissue.plan, tissue.plan.pectoral
    assert muscle is not None
    y = float(rng.uniform(0.10, 0.28)) * muscle.length + lesion.radius
    x = muscle.top * (1 - y / muscle.length) + float(rng.uniform(0.2, 1.0)) * lesion.radius
    offset = np.array([x, y]) - plan.nipple
    depth = float(offset @ np.array(plan.back))
    height = -float(offset @ np.array(plan.across)) / MLO_OBLIQUITY
    return replace(lesion, depth=depth, lateral=0.0, superior=height)
