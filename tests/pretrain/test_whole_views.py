"""Looks at whole breasts: places stay known to the pixel, and nothing depends on the worker."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from pretrain.views.augmentations import LookSettings
from pretrain.views.whole_breast import (
    Whole,
    WholeSettings,
    draw_move,
    draw_turn,
    grades_of,
    moved,
    places_of,
    shown_at,
    whole_views,
)
from pretrain.views.whole_breast_loader import hide
from tests.pretrain.archives import LESION, write_archive
from versamammo.data.dataset import Archive, Picture
from versamammo.data.labels import FINDINGS

SETTINGS = WholeSettings(size=(160, 112), low=(80, 56))
PLAIN = LookSettings(black=0, white=0, gamma=0, blur=0, noise=0, flip=(0, 0))


@pytest.fixture(scope="module")
def archive(tmp_path_factory: pytest.TempPathFactory) -> Archive:
    return Archive.open(write_archive(tmp_path_factory.mktemp("wholes") / "data"), ["train"])


def moved_up(picture: Picture, rows: int) -> Picture:
    """Let a picture's one finding lie higher."""
    found = picture.labels.findings[0]
    assert found.box is not None
    box = replace(found.box, y1=found.box.y1 - rows, y2=found.box.y2 - rows)
    labels = replace(picture.labels, findings=(replace(found, box=box),))
    return replace(picture, labels=labels)


def looks(archive: Archive, index: int, *, seed: int = 0, epoch: int = 0) -> Whole:
    picture = archive[index]
    shown = shown_at(picture, SETTINGS.size)
    return whole_views(picture, shown, SETTINGS, 8, seed=seed, epoch=epoch, index=index)


def brought(point: np.ndarray, move: np.ndarray) -> np.ndarray:
    """Where a point (x, y) of the encoder's input lies in the look."""
    return point @ move[:, :2].T + move[:, 2]


@pytest.mark.parametrize("seed", range(5))
def test_a_bright_spot_lands_where_its_point_is_mapped(seed: int) -> None:
    move = draw_move(np.random.default_rng(seed), SETTINGS.size, SETTINGS)
    picture = np.zeros(SETTINGS.size, np.float32)
    picture[70:74, 40:44] = 1  # its centre lies at (42, 72)

    shown = moved(picture, move, SETTINGS.size)

    y, x = np.mgrid[: shown.shape[0], : shown.shape[1]] + 0.5
    centre = [(shown * x).sum() / shown.sum(), (shown * y).sum() / shown.sum()]
    np.testing.assert_allclose(centre, brought(np.array([42.0, 72.0]), move), atol=0.05)


def test_no_move_keeps_every_pixel() -> None:
    picture = np.random.default_rng(0).random((9, 7), np.float32)
    still = np.array([[1.0, 0, 0], [0, 1, 0]])
    np.testing.assert_array_equal(moved(picture, still, (9, 7)), picture)


def test_a_lesion_is_covered_where_it_is_seen(archive: Archive) -> None:
    lesion = next(i for i, one in enumerate(archive) if one.labels.findings)
    mass = FINDINGS.index("mass")
    one = whole_views(
        archive[lesion],
        shown_at(archive[lesion], SETTINGS.size),
        SETTINGS,
        8,
        seed=0,
        epoch=1,
        index=lesion,
    )

    assert one.placed[mass]
    y, x = (np.mgrid[: one.cover.shape[1], : one.cover.shape[2]] + 0.5) * 8
    weights = one.cover[mass]
    centre = [(weights * x).sum() / weights.sum(), (weights * y).sum() / weights.sum()]
    middle = [(LESION["x1"] + LESION["x2"]) / 2, (LESION["y1"] + LESION["y2"]) / 2]
    np.testing.assert_allclose(centre, brought(np.array(middle), one.move), atol=1.0)


@pytest.mark.parametrize("seed", range(4))
def test_a_mirrored_lesion_is_covered_where_it_is_seen(archive: Archive, seed: int) -> None:
    lesion = next(i for i, one in enumerate(archive) if one.labels.findings)
    mass = FINDINGS.index("mass")
    mirrored = replace(SETTINGS, mirror=1.0, look=PLAIN)
    shown = np.zeros(SETTINGS.size, np.float32)
    y1, y2, x1, x2 = (round(LESION[name]) for name in ("y1", "y2", "x1", "x2"))
    shown[y1 - 40 : y2 - 40, x1:x2] = 1  # above the middle, as its box is made to be
    picture = moved_up(archive[lesion], 40)

    one = whole_views(picture, shown, mirrored, 8, seed=seed, epoch=0, index=lesion)

    assert np.linalg.det(one.move[:, :2]) < 0
    bright = one.high[0] * SETTINGS.std + SETTINGS.mean
    cells = bright.reshape(20, 8, 14, 8).mean(axis=(1, 3))
    np.testing.assert_allclose(one.cover[mass], cells, atol=0.1)
    assert cells[:10].sum() < 0.2 * cells.sum(), "it lies below the middle now"
    assert cells[:, 7:].sum() < cells[:, :7].sum(), "and still on the chest wall's side"


def test_without_mirrors_views_are_drawn_as_before() -> None:
    still = WholeSettings(size=(160, 112), low=(80, 56), scale=(1.0, 1.0), shift=0.0)
    for seed in range(5):
        one, other = np.random.default_rng(seed), np.random.default_rng(seed)
        move = draw_move(one, still.size, still)
        turned = draw_turn(other, still)
        other.uniform(0, 0, 2)

        np.testing.assert_array_equal(move[:, :2], turned)
        assert one.random() == other.random(), "nothing more was drawn"


def test_half_of_the_views_are_mirrored() -> None:
    random, some = np.random.default_rng(0), replace(SETTINGS, mirror=0.5)
    moves = [draw_move(random, SETTINGS.size, some) for _ in range(400)]
    assert np.mean([np.linalg.det(one[:, :2]) < 0 for one in moves]) == pytest.approx(0.5, abs=0.1)


def test_grades_cover_what_findings_of_their_pathology_cover(archive: Archive) -> None:
    lesion = next(one for one in archive if one.labels.findings)
    mass = FINDINGS.index("mass")
    _, cover = places_of(lesion, SETTINGS, None, 8)
    for grade, expected in ((float("nan"), ()), (0.0, (0,)), (1.0, (1,))):
        found = replace(lesion.labels.findings[0], pathology=grade)
        known = replace(lesion, labels=replace(lesion.labels, findings=(found,)))

        grades = grades_of(known, SETTINGS, None, 8)

        assert grades.shape == (2, *cover.shape[1:])
        for channel in range(2):
            covered = cover[mass] if channel in expected else np.zeros_like(cover[mass])
            np.testing.assert_array_equal(grades[channel], covered)


def test_places_are_known_where_a_kind_is_absent_or_boxed(archive: Archive) -> None:
    mass, skin = FINDINGS.index("mass"), FINDINGS.index("skin_thickening")
    assert archive
    for picture in archive:
        placed, cover = places_of(picture, SETTINGS, None, 8)
        assert placed[mass]
        assert not placed[skin]  # nobody looked for it
        assert cover[mass].any() == bool(picture.labels.findings)


def test_looks_follow_from_seed_epoch_and_index(archive: Archive) -> None:
    def look(epoch: int) -> np.ndarray:
        return whole_views(
            archive[0],
            shown_at(archive[0], SETTINGS.size),
            SETTINGS,
            8,
            seed=4,
            epoch=epoch,
            index=0,
        ).high

    np.testing.assert_array_equal(look(0), look(0))
    assert np.abs(look(0) - look(1)).max() > 0.1


def test_both_looks_are_different_ones(archive: Archive) -> None:
    one = whole_views(
        archive[0], shown_at(archive[0], SETTINGS.size), SETTINGS, 8, seed=0, epoch=0, index=0
    )
    shrunk = one.high[0].reshape(80, 2, 56, 2).mean(axis=(1, 3))
    assert np.abs(shrunk - one.low[0]).max() > 0.5


def test_the_same_labels_are_hidden_in_every_epoch() -> None:
    classes, placed = np.zeros(4000, np.int64), np.ones(4000, bool)
    first, again = (hide(classes, placed, 0.9, seed=1, index=7) for _ in range(2))
    np.testing.assert_array_equal(first[0], again[0])
    assert (first[0] == -1).mean() == pytest.approx(0.9, abs=0.02)
    assert first[1].mean() == pytest.approx(0.1, abs=0.02)
    assert not np.array_equal(hide(classes, placed, 0.9, seed=1, index=8)[0], first[0])
