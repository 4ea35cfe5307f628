from __future__ import annotations

import numpy as np

from app.hanging import HangingView, hang
from versamammo.imaging.mammogram import Box, Laterality, View


def breast(rows: int = 100, columns: int = 60) -> np.ndarray:
    """Brightest at the chest wall (left), so that orientation can be read off a picture."""
    return np.tile(np.linspace(1, 0.1, columns, dtype=np.float32), (rows, 1))


def view(side: str, name: str, spacing: float = 1.0, **more: object) -> HangingView:
    return HangingView(Laterality(side), View(name), breast(), (spacing, spacing), **more)  # type: ignore[arg-type]


def test_chest_walls_stand_back_to_back() -> None:
    panel = hang([view("R", "CC"), view("L", "CC"), view("R", "MLO"), view("L", "MLO")], height=100)
    middle = panel.pixels.shape[1] // 2
    assert panel.pixels.shape[0] == 200
    for row in (50, 150):
        assert panel.pixels[row, middle - 1] > 0.95
        assert panel.pixels[row, middle] > 0.95
        assert panel.pixels[row, 0] < 0.2
        assert panel.pixels[row, -1] < 0.2


def test_all_views_are_drawn_at_one_scale() -> None:
    panel = hang([view("R", "CC", 0.5), view("L", "CC", 1.0)], height=100)
    lit = panel.pixels > 0
    middle = panel.pixels.shape[1] // 2
    assert lit[:, middle - 1].sum() == 50  # half the spacing, half the height
    assert lit[:, middle].sum() == 100


def test_a_finding_moves_with_its_mirrored_view() -> None:
    near_wall = ((Box(0, 10, 6, 20), "mass"),)
    panel = hang([view("R", "CC", boxes=near_wall), view("L", "CC", boxes=near_wall)], height=100)
    (right, _), (left, _) = panel.boxes
    middle = panel.pixels.shape[1] / 2
    assert right.x2 == middle
    assert left.x1 == middle
    assert right.width == left.width


def test_a_missing_view_leaves_its_cell_dark() -> None:
    panel = hang([view("L", "MLO")], height=100)
    assert panel.pixels[:100].max() == 0
    assert panel.pixels[100:].max() > 0.9
