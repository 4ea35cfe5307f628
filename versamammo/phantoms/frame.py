"""Coordinates measured from the nipple, in which depth is the same in every view."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from versamammo.phantoms.anatomy import ViewPlan
from versamammo.phantoms.grid import Field, Grid


@dataclass(frozen=True, eq=False)
class NippleFrame:
    """Pixel centres of one raster relative to the nipple, mm."""

    grid: Grid
    dx: Field  # towards the chest wall
    dy: Field  # downwards

    @classmethod
    def of(cls, plan: ViewPlan, grid: Grid) -> NippleFrame:
        """Measure a raster from the nipple of a view."""
        x, y = grid.coordinates()
        return cls(grid, np.float32(plan.nipple[0]) - x, y - np.float32(plan.nipple[1]))

    def project(self, direction: tuple[float, float]) -> Field:
        """Return the component along a unit vector (x, y)."""
        along: Field = self.dy * np.float32(direction[1]) - self.dx * np.float32(direction[0])
        return along
