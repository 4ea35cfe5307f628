"""Pages of text, dots and shapes are no breasts; a breast that is hardly seen is said to be."""

import cv2
import numpy as np
import pytest

from tests.versamammo.spoilt_pictures import draw_breast
from versamammo.errors import Refused
from versamammo.imaging.breast import find_breast

BREAST = draw_breast()
WORDS = ("CAD REPORT", "kVp 29  mAs 80", "AGD 1.42 mGy", "Compression 110 N", "View R MLO")


def page(size=(512, 409), scale=0.5, thick=1, lines=5, ink=255, paper=0):
    picture = np.full(size, paper, np.uint8)
    for line in range(lines):
        at = (10, int((line + 1) * 36 * scale))
        text = WORDS[line % len(WORDS)] * 3
        cv2.putText(picture, text, at, cv2.FONT_HERSHEY_SIMPLEX, scale, ink, thick, cv2.LINE_AA)
    return picture.astype(np.float32) / 255


def reason_of(picture):
    with pytest.raises(Refused) as caught:
        find_breast(np.asarray(picture, np.float32))
    return caught.value.reason


@pytest.mark.parametrize("size", [(512, 409), (1024, 819), (3328, 2560)])
@pytest.mark.parametrize(("ink", "paper"), [(255, 0), (120, 20), (0, 255)])
@pytest.mark.parametrize("lines", [2, 6, 60])
def test_text_is_refused(lines, ink, paper, size):
    picture = page(size, 0.5 * size[0] / 512, max(1, size[0] // 512), lines, ink, paper)
    assert reason_of(picture) in ("text", "no-breast")


def test_noisy_text_is_refused():
    noise = np.random.default_rng(1).normal(0, 0.02, (1024, 819))
    assert reason_of((page((1024, 819), 1.0, 2, 12, 200, 20) + noise).clip(0, 1)) == "text"


@pytest.mark.parametrize("radius", [3, 12, 30, 60, 100])
@pytest.mark.parametrize("blur", [0, 10])
def test_a_dot_is_no_breast(radius, blur):
    picture = cv2.circle(np.zeros((512, 409), np.float32), (200, 256), radius, 1, -1)
    if blur and radius <= 30:
        picture = cv2.GaussianBlur(picture, (0, 0), blur)
    assert reason_of(picture) in ("no-breast", "text")


def test_a_box_of_one_level_is_no_breast():
    picture = np.zeros((512, 409), np.float32)
    picture[120:380, 100:350] = 0.3
    assert reason_of(picture) == "no-breast"


@pytest.mark.parametrize("scale", [0.01, 0.05, 0.1])
def test_a_breast_that_is_nearly_black_is_found_and_said(scale):
    found = find_breast(BREAST.pixels * np.float32(scale))
    assert any("nearly black" in note for note in found.notes)
    assert found.box == find_breast(BREAST.pixels).box


def test_a_breast_that_is_clipped_is_found_and_said():
    found = find_breast((BREAST.pixels * np.float32(6)).clip(0, 1))
    assert any("clipped to white" in note for note in found.notes)
    assert not any("clipped" in note for note in find_breast(BREAST.pixels).notes)


def test_a_view_without_air_is_taken_whole():
    rows, columns = BREAST.pixels.shape
    inside = BREAST.pixels[int(0.35 * rows) : int(0.65 * rows), : int(0.25 * columns)]
    found = find_breast(np.ascontiguousarray(inside))
    assert found.mask.mean() > 0.5
