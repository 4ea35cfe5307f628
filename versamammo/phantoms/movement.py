"""How a breast lies differently at an earlier exam: pulled less far, turned, pressed otherwise."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from versamammo.phantoms.anatomy import SIDES, VIEWS, Patient
from versamammo.phantoms.frame import NippleFrame
from versamammo.phantoms.grid import Field, Grid, read_at, smooth_step, spread
from versamammo.phantoms.phantom_settings import PhantomSettings, Stream, random_stream
from versamammo.phantoms.texture import waves
from versamammo.phantoms.tissue import TissueFields


@dataclass(frozen=True, eq=False)
class Movement:
    """Where each pixel of the moved view came from, in pixels of its raster, [h, w] each."""

    column: Field
    row: Field

    def moved(self, field: Field) -> Field:
        """Move a field; what leaves the raster is lost, its edges continue."""
        return read_at(field, self.column, self.row, "continue", smooth=False)

    def moved_mask(self, mask: NDArray[np.bool_]) -> NDArray[np.bool_]:
        """Move a mask; a pixel belongs to it if at least half of it does."""
        whole: NDArray[np.bool_] = self.moved(mask.astype(np.float32)) >= 0.5
        return whole


def draw_movement(
    settings: PhantomSettings, patient: Patient, tissue: TissueFields, grid: Grid
) -> Movement:
    """Draw a small shift, turn and stretch about the nipple and a slow bending, 1 to 3 mm."""
    plan, base = tissue.plan, tissue.grid
    view, side = VIEWS.index(plan.view), SIDES.index(plan.breast.side)
    rng = random_stream(settings.seed, patient.index, Stream.MOVEMENT, view, side)
    place = NippleFrame.of(plan, base)
    stretch, turn = float(rng.normal(0, 0.01)), float(rng.normal(0, 0.015))
    # Only tissue can leave at the chest wall; what lies behind it is not known.
    back, down = abs(float(rng.normal(0, 1.5))), float(rng.normal(0, 2.5))
    x, _ = base.coordinates()
    free = smooth_step(x, 0, 25)
    dx = back + free * (-stretch * place.dx - turn * place.dy + 1.5 * waves(rng, base, 140))
    dy = down + stretch * place.dy - turn * place.dx + 1.5 * waves(rng, base, 140)
    per_pixel = np.float32(1 / grid.pixel_mm)
    column = (
        np.arange(grid.columns, dtype=np.float32) + spread(dx.astype(np.float32), grid) * per_pixel
    )
    row = (
        np.arange(grid.rows, dtype=np.float32)[:, None]
        + spread(dy.astype(np.float32), grid) * per_pixel
    )
    return Movement(column, row)
