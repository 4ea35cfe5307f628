"""A film that is stored mirrored is drawn turned round, and that is said."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from app.chat.conversation.facts import warnings_of
from app.chat.evidence.exam import ExamImage, gather, load_image
from app.chat.viewer.exam_layout import place_all, place_one


@pytest.fixture(scope="module")
def left_breast() -> NDArray[np.uint8]:
    """The breast of a standard left view: chest wall on the left."""
    rng = np.random.default_rng(4)
    y, x = np.ogrid[:800, :600]
    away = np.hypot((y - 400) / 330, x / 420)
    levels = np.where(away < 1, 90 + 110 * (1 - away) + rng.normal(0, 6, (800, 600)), 4)
    return np.clip(levels, 0, 255).astype(np.uint8)


def loaded(folder: Path, name: str, levels: NDArray[np.uint8]) -> ExamImage:
    assert cv2.imwrite(str(folder / name), levels)
    image, _ = load_image(folder / name)
    return image


@pytest.mark.parametrize("side", ["L", "R"])
@pytest.mark.parametrize("mirrored", [True, False])
def test_what_is_drawn_turned_is_said_once(
    side: str, mirrored: bool, left_breast: NDArray[np.uint8], tmp_path: Path
) -> None:
    wall_left = (side == "L") != mirrored
    levels = left_breast if wall_left else np.ascontiguousarray(left_breast[:, ::-1])
    image = loaded(tmp_path, f"{side}_CC.png", levels)
    exam = gather([(image, image.told.identifiers)])
    wall = "left" if wall_left else "right"
    said = [warning for warning in warnings_of(exam) if "drawn turned round" in warning]
    assert len(said) == mirrored
    if mirrored:
        assert f"the chest wall on the {wall}" in said[0]
    for placed, _ in (place_one(exam, 0, 300), place_all(exam, 300)):
        assert placed[0].mirrored is mirrored


def test_a_film_of_an_unknown_side_is_drawn_as_it_is(
    left_breast: NDArray[np.uint8], tmp_path: Path
) -> None:
    image = loaded(tmp_path, "film.png", np.ascontiguousarray(left_breast[:, ::-1]))
    exam = gather([(image, image.told.identifiers)])
    assert not any("turned round" in warning for warning in warnings_of(exam))
    assert not place_one(exam, 0, 300)[0][0].mirrored
