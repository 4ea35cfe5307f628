from __future__ import annotations

import numpy as np
import pytest

from versamammo.phantoms.grid import Grid
from versamammo.phantoms.vessels import Vessel, vessel_absorption


def test_a_thin_vessel_is_fainter_on_a_coarse_raster_not_thicker() -> None:
    points = np.stack([np.linspace(20, 80, 48), np.linspace(30, 70, 48)], axis=1)
    vessel = Vessel(points, np.full(48, 0.5), 0.06)
    peaks, sums = [], []
    for rows in (128, 512, 1024):
        grid = Grid.over((100.0, 100.0), rows)
        drawn = vessel_absorption((vessel,), grid)
        peaks.append(drawn.max())
        sums.append(drawn.sum() * grid.pixel_mm**2)
    assert peaks[0] < 0.8 * peaks[2]
    assert sums[0] == pytest.approx(sums[2], rel=0.4)
    assert sums[1] == pytest.approx(sums[2], rel=0.4)
