"""Puts a lesion on a view: what it adds to the absorption, and which pixels are its own."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from versamammo.phantoms.anatomy import VIEWS
from versamammo.phantoms.calcifications import HULL_MM, draw_calcifications
from versamammo.phantoms.grid import Field, Grid, smooth_step
from versamammo.phantoms.lesions import Lesion
from versamammo.phantoms.masses import draw_asymmetry, draw_distortion, draw_mass
from versamammo.phantoms.phantom_settings import PhantomSettings, Stream, random_stream
from versamammo.phantoms.tissue import TissueFields
from versamammo.phantoms.window import FineWindow


@dataclass(frozen=True, eq=False)
class Mark:
    """A lesion on one raster: `added` absorption and `mask`, both [h, w] of the window's pixels."""

    lesion: Lesion
    rows: slice
    columns: slice
    added: Field
    mask: NDArray[np.bool_]


def mark_lesion(
    settings: PhantomSettings,
    index: int,
    lesion: Lesion,
    tissue: TissueFields,
    depth: Field,
    grid: Grid,
) -> Mark:
    """Draw one lesion on one view at any raster.

    Args:
        settings: for the seed.
        index: of the exam.
        lesion: with its place.
        tissue: the view's slow fields.
        depth: mm under the skin on `grid`.
        grid: the wanted raster.
    """
    plan = tissue.plan
    side, view = int(plan.breast.side == "L"), VIEWS.index(plan.view)
    rng = random_stream(settings.seed, index, Stream.LESION, side, 3 + view, lesion.number)
    kind, centre = lesion.look.kind, lesion.centre(plan)
    finest, half = 0.25, 1.25 * lesion.radius
    if kind == "calcification":
        finest, half = 0.06, lesion.radius + 4 * HULL_MM
    elif kind == "asymmetry":
        half = 2.0 * lesion.radius
    window = FineWindow.around(grid, centre, half, finest)
    under = depth[window.rows, window.columns]
    if kind == "calcification":
        back = np.arctan2(-plan.back[1], -plan.back[0])
        fine, member = draw_calcifications(rng, lesion, window, float(back))
    elif kind in ("mass", "lymph_node"):
        fine, member = draw_mass(rng, lesion, window)
    elif kind == "asymmetry":
        fine, member = draw_asymmetry(rng, lesion, window)
    elif kind == "distortion":
        fine, member = draw_distortion(rng, lesion, window)
    else:
        fine, member = _draw_on_skin(lesion, window, under)
    inside = smooth_step(under, 0.0, 1.0)
    added = window.reduced(fine) * np.float32(lesion.contrast) * inside
    mask = _one_piece((window.reduced(member) > 0.5) & (under > 0), under)
    return Mark(lesion, window.rows, window.columns, added, mask)


def _draw_on_skin(lesion: Lesion, window: FineWindow, under: Field) -> tuple[Field, Field]:
    """Draw thickened skin, or the place of a retraction, which the outline itself shows."""
    rho = np.hypot(window.u, window.v)
    if window.factor > 1:
        finer = cv2.resize(under, window.shape[::-1], interpolation=cv2.INTER_LINEAR)
        under = np.asarray(finer, np.float32)
    near = 1 - smooth_step(rho, 0.75 * lesion.radius, lesion.radius)
    if lesion.look.kind != "skin_thickening":
        return near * smooth_step(-under, -4, -1), near
    # a lens: thickest in the middle
    thickness = lesion.pull * np.sqrt(np.clip(1 - (rho / lesion.radius) ** 2, 0, 1))
    thick = 1 - smooth_step((under - thickness).astype(np.float32), -0.5, 0.5)
    return near * thick, thick * (rho < 0.95 * lesion.radius)


def _one_piece(mask: NDArray[np.bool_], under: Field) -> NDArray[np.bool_]:
    """Keep the largest connected part; of what is smaller than a pixel, one pixel."""
    count, labels, stats, _ = cv2.connectedComponentsWithStats(
        mask.astype(np.uint8), connectivity=8
    )
    if count <= 1:
        deepest = np.zeros_like(mask)
        deepest.flat[int(np.argmax(under))] = True
        return deepest
    if count == 2:
        return mask
    largest: NDArray[np.bool_] = labels == 1 + int(np.argmax(stats[1:, cv2.CC_STAT_AREA]))
    return largest
