from __future__ import annotations

import cv2
import numpy as np
import pytest

from tests.versamammo.spoilt_pictures import (
    WAYS,
    Scene,
    Way,
    draw_breast,
    labelled,
    mirrored,
    overlap,
    spoil,
)
from versamammo.errors import Refused
from versamammo.imaging.breast import find_breast
from versamammo.imaging.breast.chest_wall import stored_mirrored
from versamammo.imaging.mammogram import Laterality
from versamammo.phantoms.phantom_exam import make_exam
from versamammo.phantoms.phantom_settings import PhantomSettings

BREAST = draw_breast()


@pytest.mark.parametrize("way", [way for way, _ in WAYS], ids=lambda way: way.__name__)
def test_the_breast_is_found_in_a_spoilt_picture(way: Way) -> None:
    for seed in range(4):
        scene = way(BREAST, np.random.default_rng(seed))
        found = find_breast(scene.pixels)
        assert overlap(found.box.as_tuple(), scene.box) > 0.93, seed
        assert found.chest_wall == scene.chest_wall, seed
        assert found.confidence > 0.25, seed


SPOILT = 60


def test_many_spoilings_at_once_rarely_mislead() -> None:
    rng = np.random.default_rng(5)
    good = sided = 0
    for index in range(SPOILT):
        scene, names = spoil(draw_breast(seed=index % 4), rng)
        found = find_breast(scene.pixels)
        good += overlap(found.box.as_tuple(), scene.box) > 0.9
        right = found.chest_wall == scene.chest_wall
        sided += right
        assert right or found.notes, f"{names}: a wrong side without a warning"
    assert good >= 0.93 * SPOILT
    assert sided >= 0.97 * SPOILT


def test_a_mirrored_picture_gives_the_mirrored_answer() -> None:
    scene = labelled(BREAST, np.random.default_rng(3))
    there = find_breast(scene.pixels)
    back = find_breast(mirrored(scene, np.random.default_rng(0)).pixels)
    width = scene.pixels.shape[1]
    x1, y1, x2, y2 = there.box.as_tuple()
    assert (there.chest_wall, back.chest_wall) == ("left", "right")
    assert back.box.as_tuple() == pytest.approx((width - x2, y1, width - x1, y2))
    assert np.array_equal(back.mask, there.mask[:, ::-1])


def test_brightness_and_contrast_hardly_move_the_box() -> None:
    clean = find_breast(BREAST.pixels).box.as_tuple()
    paler = find_breast(0.3 + 0.2 * BREAST.pixels).box.as_tuple()
    assert overlap(clean, paler) > 0.99


def test_no_tissue_is_cut_off() -> None:
    pixels, breast = BREAST.pixels.copy(), BREAST.breast.copy()
    rows, columns = np.nonzero(breast)
    tip = (int(columns.max()) + 6, int(rows[columns.argmax()]))
    nipple = cv2.circle(np.zeros(breast.shape, np.uint8), tip, 14, 1, -1) > 0
    pixels[nipple] = np.maximum(pixels[nipple], 0.4)
    x1, y1, x2, y2 = Scene(pixels, breast | nipple, "left").box
    box = find_breast(pixels).box
    cell = pixels.shape[0] / 320
    assert box.x1 <= x1 + cell
    assert box.y1 <= y1 + cell
    assert box.x2 >= x2 - cell
    assert box.y2 >= y2 - cell


def test_a_label_is_a_mark_and_not_breast() -> None:
    pixels = BREAST.pixels.copy()
    pixels[40:80, 400:480] = 0.9
    found = find_breast(pixels)
    assert len(found.marks) == 1
    assert overlap(found.marks[0].as_tuple(), (400, 40, 480, 80)) > 0.8
    assert overlap(found.box.as_tuple(), BREAST.box) > 0.97


def test_letters_of_one_marker_are_one_mark() -> None:
    picture = (BREAST.pixels * 255).astype(np.uint8)
    cv2.putText(picture, "RMLO", (330, 70), cv2.FONT_HERSHEY_SIMPLEX, 1.2, 255, 3)
    assert len(find_breast(picture.astype(np.float32) / 255).marks) == 1


def test_a_clean_picture_has_neither_marks_nor_notes() -> None:
    found = find_breast(BREAST.pixels)
    assert found.marks == ()
    assert found.notes == ()


def test_the_larger_of_two_things_is_the_breast() -> None:
    pixels = BREAST.pixels.copy()
    arm = cv2.circle(np.zeros(pixels.shape, np.uint8), (511, 639), 90, 1, -1) > 0
    pixels[arm] = 0.5
    assert overlap(find_breast(pixels).box.as_tuple(), BREAST.box) > 0.97


def test_a_breast_without_any_border_is_found() -> None:
    scene = Scene(np.pad(BREAST.pixels, 60), np.pad(BREAST.breast, 60), "left")
    found = find_breast(scene.pixels)
    assert overlap(found.box.as_tuple(), scene.box) > 0.97
    assert found.chest_wall == "left"


def test_a_bright_implant_does_not_hide_the_rest() -> None:
    pixels = BREAST.pixels.copy()
    cv2.circle(pixels, (120, 320), 90, 1.0, -1)
    assert overlap(find_breast(pixels).box.as_tuple(), BREAST.box) > 0.97


def test_the_outline_runs_around_the_breast_in_source_pixels() -> None:
    large = cv2.resize(BREAST.pixels, None, fx=3.3, fy=3.1)
    found = find_breast(large)
    drawn = np.zeros(large.shape, np.uint8)
    cv2.fillPoly(drawn, [found.outline.round().astype(np.int32)], 1)
    truth = cv2.resize(BREAST.breast.astype(np.uint8), large.shape[::-1]) > 0
    assert (drawn.astype(bool) & truth).sum() > 0.95 * truth.sum()
    assert found.scale == (large.shape[0] / len(found.mask), large.shape[1] / found.mask.shape[1])


def test_tissue_from_edge_to_edge_is_kept_whole_and_said_to_be_unclear() -> None:
    inside = BREAST.pixels[200:440, 20:200].copy()
    found = find_breast(inside)
    assert overlap(found.box.as_tuple(), (0, 0, 180, 240)) > 0.9
    assert any("chest wall" in note for note in found.notes)


@pytest.mark.parametrize(
    "pixels",
    [
        np.zeros((500, 400), np.float32),
        np.ones((500, 400), np.float32),
        np.full((500, 400), 0.37, np.float32),
        np.random.default_rng(0).random((500, 400), dtype=np.float32),
        np.random.default_rng(1).normal(0.5, 0.02, (2000, 1600)).astype(np.float32),
        np.full((20, 400), 0.5, np.float32),
        np.zeros((1, 1), np.float32),
    ],
    ids=["black", "white", "grey", "noise", "faint-noise", "sliver", "one-pixel"],
)
def test_a_picture_without_a_breast_is_refused(pixels: np.ndarray) -> None:
    with pytest.raises(Refused) as refusal:
        find_breast(pixels)
    assert refusal.value.reason == "no-breast"


def test_phantoms_give_their_outline_side_and_marker() -> None:
    for index in (1, 5):  # the second is stored mirrored
        views = make_exam(PhantomSettings(height=512), index).views
        assert len(views) == 4
        for view in views:
            found = find_breast(view.pixels)
            mask = cv2.resize(found.mask.astype(np.uint8), view.pixels.shape[::-1]) > 0
            assert (mask & view.breast).sum() > 0.95 * (mask | view.breast).sum()
            assert stored_mirrored(view.laterality, found.chest_wall) == view.mirrored
            assert len(found.marks) == 1


@pytest.mark.slow
def test_spoilt_phantoms_keep_their_box_and_side() -> None:
    rng = np.random.default_rng(2)
    views = [v for i in range(4) for v in make_exam(PhantomSettings(height=640), i).views]
    good = sided = 0
    for index in range(160):
        view = views[index % len(views)]
        right = (view.laterality is Laterality.RIGHT) != view.mirrored
        whole = Scene(view.pixels, view.breast, "right" if right else "left")
        scene, _ = spoil(whole, rng)
        found = find_breast(scene.pixels)
        good += overlap(found.box.as_tuple(), scene.box) > 0.9
        sided += found.chest_wall == scene.chest_wall
    assert good >= 0.9 * 160, good
    assert sided >= 0.97 * 160, sided


@pytest.mark.parametrize("size", [(5000, 1), (1, 5000), (9000, 5)])
def test_a_strip_is_no_breast(size: tuple[int, int]) -> None:
    with pytest.raises(Refused) as caught:
        find_breast(np.linspace(0, 1, size[0] * size[1], dtype=np.float32).reshape(size))
    assert caught.value.reason == "no-breast"
