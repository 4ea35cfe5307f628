from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from app.chat.evidence.exam import Exam
from app.chat.viewer.exam_layout import cut_of, place_all, place_one
from app.chat.viewer.exam_picture import DisplaySettings, draw
from app.viewer import FINDING
from versamammo.imaging.mammogram import Box


def test_chest_walls_hang_back_to_back(exam: Exam) -> None:
    placed, (width, _) = place_all(exam, 300)
    assert len(placed) == len(exam.images)
    for place in placed:
        wall = place.left + place.size[1] if place.outer == "left" else place.left
        assert abs(wall - width / 2) <= 1


def test_all_views_hang_at_one_scale(exam: Exam) -> None:
    coarse = replace(exam.images[1], told=replace(exam.images[1].told, spacing_mm=(0.5, 0.5)))
    placed, _ = place_all(replace(exam, images=(exam.images[0], coarse)), 400)
    scales = [place.per_mm for place in placed]
    assert scales[0] == pytest.approx(scales[1], rel=0.01)


def test_without_a_pixel_size_there_is_no_scale_bar_and_each_fills_its_cell(exam: Exam) -> None:
    bare = replace(exam.images[0], told=replace(exam.images[0].told, spacing_mm=None))
    placed, _ = place_all(replace(exam, images=(bare, exam.images[1])), 400)
    assert placed[0].per_mm is None
    assert [place.size[0] for place in placed] == [400, 400]


def test_no_two_pictures_share_a_cell(exam: Exam) -> None:
    twice = replace(exam, images=(*exam.images, *exam.images))
    placed, size = place_all(twice, 100)
    cells = [place.cell for place in placed]
    assert len(set(cells)) == 8
    assert max(cell[3] for cell in cells) <= size[1]


@pytest.mark.parametrize("number", [0, 1])
def test_a_box_in_file_pixels_lands_on_what_it_marks(exam: Exam, number: int) -> None:
    image = exam.images[number]
    levels = np.zeros_like(image.levels)
    x1, y1, x2, y2 = cut_of(image)
    x, y = (x1 + x2) // 2, (y1 + y2) // 3
    levels[y : y + 20, x : x + 30] = 65535
    one = Exam((image.with_levels(levels),))
    (place,), _ = place_one(one, 0, None)
    picture = np.asarray(draw(one, DisplaySettings(view=0), height=None))
    corners = place.to_picture(np.array([[x, y], [x + 30, y + 20]], float))
    (left, top), (right, bottom) = corners.min(axis=0).astype(int), corners.max(axis=0).astype(int)
    assert picture[top:bottom, left:right].min() == 255


def test_inverting_turns_black_to_white_and_the_window_steepens(exam: Exam) -> None:
    plain = np.asarray(draw(exam, DisplaySettings(view=0), height=200)).astype(int)
    inverted = np.asarray(draw(exam, DisplaySettings(view=0, invert=True), height=200)).astype(int)
    middle = np.s_[100:300, :, 0]
    assert np.abs(plain[middle] + inverted[middle] - 255).max() <= 1
    narrow = np.asarray(draw(exam, DisplaySettings(view=0, width=20), height=200))
    assert np.isin(narrow[middle], (0, 255)).mean() > np.isin(plain[middle], (0, 255)).mean()


def test_boxes_and_heat_come_and_go_with_their_switches(exam: Exam, marker: object) -> None:
    findings = marker.find(exam)  # type: ignore[attr-defined]

    def orange(look: DisplaySettings) -> bool:
        picture = np.asarray(draw(exam, look, findings, height=300))
        return bool((picture == FINDING).all(axis=2).any())

    assert orange(DisplaySettings(boxes=True))
    assert not orange(DisplaySettings(boxes=False))
    cold = np.asarray(draw(exam, DisplaySettings(boxes=False), findings, height=300))
    warm = np.asarray(draw(exam, DisplaySettings(boxes=False, heat=True), findings, height=300))
    assert (cold[..., 0] == cold[..., 2]).mean() > (warm[..., 0] == warm[..., 2]).mean()


def test_burned_in_letters_are_covered(exam: Exam) -> None:
    image = exam.images[0]
    assert image.breast is not None
    x1, y1, _, y2 = cut_of(image)
    mark = Box(x1 + 5, (y1 + y2) / 2, x1 + 25, (y1 + y2) / 2 + 20)
    levels = np.full_like(image.levels, 65535)
    glare, (down, across) = np.zeros(image.breast.mask.shape, np.uint8), image.breast.scale
    rows, columns = (slice(round(a), round(b)) for a, b in (
        (mark.y1 / down, mark.y2 / down), (mark.x1 / across, mark.x2 / across)
    ))  # fmt: skip
    glare[rows, columns] = 1
    one = Exam((replace(image.with_levels(levels), breast=replace(image.breast, glare=glare)),))
    (place,), _ = place_one(one, 0, None)
    picture = np.asarray(draw(one, DisplaySettings(view=0), height=None))
    x, y = place.to_picture(np.array([[mark.x1 + 10, mark.y1 + 10]]))[0].astype(int)
    assert picture[y, x].max() == 0


def test_a_wider_window_brings_back_what_the_files_own_cuts_off(exam: Exam) -> None:
    image = exam.images[0]
    own = np.unique(image.display.shades(50, 100, False)[image.stored]).size
    clipped = image.levels == 65535
    assert clipped.any() or own <= 256
    wide = image.display.shades(50, 200, False)
    assert wide[image.stored].max() < 255
    shades = image.display.shades(50, 100, False)[image.stored].astype(int)
    assert np.abs(shades - image.levels / 257).max() <= 1
