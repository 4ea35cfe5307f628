from __future__ import annotations

import numpy as np
import pytest

from versamammo.phantoms.grid import Grid, sample
from versamammo.phantoms.outline import cranio_caudal, depth_under_skin, medio_lateral


def test_depth_is_exact_near_the_skin() -> None:
    line = cranio_caudal(np.random.default_rng(0), 90.0, (95.0, 90.0), 120.0)
    grid = Grid(480, 300, 0.5)
    depth = depth_under_skin(line, grid)
    chosen = slice(400, 2000, 50)  # away from the ends, which run off the detector
    for inwards in (-1.5, 0.0, 0.8, 1.5):
        points = line.points[chosen] - inwards * line.outward[chosen]
        np.testing.assert_allclose(sample(depth, grid, points), inwards, atol=0.05)


def test_the_chest_wall_is_not_skin() -> None:
    line = cranio_caudal(np.random.default_rng(0), 90.0, (95.0, 90.0), 120.0)
    depth = depth_under_skin(line, Grid(480, 300, 0.5))
    assert depth[240, 0] > 40


def test_a_pull_dents_the_skin_only_there() -> None:
    line = medio_lateral(np.random.default_rng(1), 100.0, 60.0, 140.0, 240.0)
    dented = line.pushed(line.nipple, -5.0, 12.0)
    moved = np.hypot(*(dented.points - line.points).T)
    assert moved[line.nipple] == pytest.approx(5.0)
    far = np.abs(line.lengths() - line.lengths()[line.nipple]) > 15
    assert moved[far].max() < 0.01
