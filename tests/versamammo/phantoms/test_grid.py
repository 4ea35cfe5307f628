from __future__ import annotations

import numpy as np

from versamammo.phantoms.grid import Grid, sample, spread
from versamammo.phantoms.window import FineWindow


def test_sampling_reads_every_point_at_its_own_place() -> None:
    grid = Grid(40, 30, 2.0)
    x, y = grid.coordinates()
    points = np.array([(11.0, 7.0), (33.0, 51.0), (5.5, 70.25)])
    np.testing.assert_allclose(sample(x, grid, points), points[:, 0], atol=0.05)
    np.testing.assert_allclose(sample(y, grid, points), points[:, 1], atol=0.05)


def test_a_field_shown_on_a_finer_raster_stays_in_place() -> None:
    coarse, fine = Grid(64, 48, 4.0), Grid(256, 192, 1.0)
    x, _ = coarse.coordinates()
    wanted, _ = fine.coordinates()
    inner = np.s_[20:-20, 20:-20]
    np.testing.assert_allclose(spread(x, fine)[inner], wanted[inner], atol=0.08)


def test_a_window_is_centred_and_averaged_down_without_loss() -> None:
    grid = Grid(200, 200, 0.5)
    window = FineWindow.around(grid, np.array([40.0, 60.0]), 5.0, finest_mm=0.1)
    disc = (np.hypot(window.u, window.v) < 3).astype(np.float32)
    reduced = window.reduced(disc)
    assert window.factor == 5
    assert abs(reduced.sum() * grid.pixel_mm**2 - np.pi * 9) < 0.2
    row, column = (np.average(np.arange(n), weights=reduced.sum(axis)) for n, axis in
                   zip(reduced.shape, (1, 0), strict=True))  # fmt: skip
    assert (column + 0.5 + window.columns.start) * grid.pixel_mm == 40.0
    assert (row + 0.5 + window.rows.start) * grid.pixel_mm == 60.0


def test_a_window_over_the_edge_is_cut_there() -> None:
    window = FineWindow.around(Grid(100, 80, 1.0), np.array([2.0, 98.0]), 6.0, finest_mm=1.0)
    assert (window.columns.start, window.rows.stop) == (0, 100)
    assert window.shape == (8, 8)
