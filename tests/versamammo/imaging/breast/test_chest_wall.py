from __future__ import annotations

import cv2
import numpy as np
import pytest

from versamammo.imaging.breast.chest_wall import Side, find_chest_wall, stored_mirrored
from versamammo.imaging.breast.shapes import from_core
from versamammo.imaging.mammogram import Laterality


def half_ellipse(lean: float = 0.0) -> np.ndarray:
    mask = np.zeros((320, 260), np.uint8)
    cv2.ellipse(mask, (60, 160), (150, 140), 0, -90, 90, 1, -1)
    turn = cv2.getRotationMatrix2D((130, 160), lean, 1)
    return np.asarray(cv2.warpAffine(mask, turn, (260, 320)), np.uint8)


@pytest.mark.parametrize("lean", [-3.0, -1.0, 0.0, 2.0, 3.0])
def test_the_straight_side_is_the_chest_wall_even_askew(lean: float) -> None:
    mask = half_ellipse(lean)
    side, sure = find_chest_wall(mask, from_core(mask))
    turned = np.ascontiguousarray(mask[:, ::-1])
    other, as_sure = find_chest_wall(turned, from_core(turned))
    assert (side, other) == ("left", "right")
    assert sure == as_sure > 0.4


def test_a_notch_behind_and_a_label_before_do_not_mislead() -> None:
    mask = half_ellipse()
    cv2.circle(mask, (60, 160), 40, 0, -1)
    mask[60:72, 180:250] = 1
    assert find_chest_wall(mask, from_core(mask))[0] == "left"


def test_a_full_picture_leaves_the_side_open() -> None:
    mask = np.ones((320, 260), np.uint8)
    assert find_chest_wall(mask, from_core(mask))[1] == 0


@pytest.mark.parametrize(
    ("laterality", "chest_wall", "mirrored"),
    [
        (Laterality.LEFT, "left", False),
        (Laterality.LEFT, "right", True),
        (Laterality.RIGHT, "right", False),
        (Laterality.RIGHT, "left", True),
        (None, "left", None),
    ],
)
def test_mirrored_means_against_the_usual_hanging(
    laterality: Laterality | None, chest_wall: Side, mirrored: bool | None
) -> None:
    assert stored_mirrored(laterality, chest_wall) is mirrored
