"""Looks at whole breasts: places stay known to the pixel, and nothing depends on the worker."""

from __future__ import annotations

import numpy as np
import pytest

from pretrain.views.whole_breast import (
    Whole,
    WholeSettings,
    draw_move,
    moved,
    places_of,
    shown_at,
    whole_views,
)
from pretrain.views.whole_breast_loader import hide
from tests.pretrain.archives import LESION, write_archive
from versamammo.data.dataset import Archive
from versamammo.data.labels import FINDINGS

SETTINGS = WholeSettings(size=(160, 112), low=(80, 56))


@pytest.fixture(scope="module")
def archive(tmp_path_factory: pytest.TempPathFactory) -> Archive:
    return Archive.open(write_archive(tmp_path_factory.mktemp("wholes") / "data"), ["train"])


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
