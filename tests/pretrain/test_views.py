from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from numpy.typing import NDArray

from pretrain.views.augmentations import LookSettings, Views, ViewSettings, ViewSource, make_views
from pretrain.views.crops import CropSettings, tissue_map
from tests.pretrain.test_crops import half_disc

PLAIN = LookSettings(black=0, white=0, gamma=0, blur=0, noise=0, flip=(0.0, 0.0))
SETTINGS = ViewSettings(
    overview=CropSettings(2, (96, 64), (60.0, 150.0), least_tissue=0.3),
    detail=CropSettings(3, (28, 28), (8.0, 25.0), least_tissue=0.7),
    mean=0.0,
    std=1.0,
)


def views_of(
    image: NDArray[np.uint16], settings: ViewSettings = SETTINGS, index: int = 5, epoch: int = 2
) -> Views:
    tissue = tissue_map(half_disc(), (0.5, 0.5), threshold=1000)
    shown = ViewSource(lambda rows: image[rows], tissue)
    return make_views([shown], settings, seed=11, epoch=epoch, index=index)


def test_views_follow_from_seed_epoch_and_index_alone() -> None:
    noise = np.random.default_rng(0).integers(0, 65535, (400, 240)).astype(np.uint16)
    first = views_of(noise)
    np.random.default_rng().random(7)
    views_of(noise, index=6)

    second = views_of(noise)

    assert np.array_equal(first.overview, second.overview)
    assert np.array_equal(first.detail, second.detail)
    assert first.geometry == second.geometry


@pytest.mark.parametrize("change", [{"index": 6}, {"epoch": 3}])
def test_another_image_or_epoch_is_seen_otherwise(change: dict[str, int]) -> None:
    assert not np.array_equal(
        views_of(half_disc()).overview, views_of(half_disc(), **change).overview
    )


def test_views_have_the_sizes_and_precision_that_were_asked_for() -> None:
    views = views_of(half_disc())

    assert views.overview.shape == (2, 1, 96, 64)
    assert views.detail.shape == (3, 1, 28, 28)
    assert views.overview.dtype == views.detail.dtype == np.float32
    assert len(views.geometry) == len(views.tissue) == 5


@pytest.mark.parametrize("flip", [(0.0, 0.0), (1.0, 1.0), (0.0, 1.0)])
def test_geometry_says_where_every_pixel_came_from(flip: tuple[float, float]) -> None:
    rows, columns = np.mgrid[:400, :240]
    settings = replace(SETTINGS, look=replace(PLAIN, flip=flip))
    down = views_of((rows * 100).astype(np.uint16), settings)
    across = views_of((columns * 100).astype(np.uint16), settings)

    for crop in range(2):
        found = np.stack([across.overview[crop, 0], down.overview[crop, 0]], axis=-1)
        seen_mm = (found * 65535 / 100 + 0.5) * 0.5  # levels tell the column and the row
        pixels = np.stack(np.meshgrid(np.arange(64) + 0.5, np.arange(96) + 0.5), axis=-1)
        # away from the border, where resizing repeats the last row
        error = np.abs(seen_mm - down.geometry[crop].to_mm(pixels))[4:-4, 4:-4]
        assert error.max() < 0.05


def test_patch_centres_are_where_the_patches_are() -> None:
    geometry = views_of(half_disc()).geometry[0]
    box = geometry.box_mm

    centers = geometry.patch_centers_mm(16)

    assert centers.shape == (6, 4, 2)
    assert centers.mean(axis=(0, 1)) == pytest.approx(
        [(box.x1 + box.x2) / 2, (box.y1 + box.y2) / 2]
    )


def test_only_the_rows_some_view_needs_are_read_and_only_once() -> None:
    asked: list[slice] = []
    image = half_disc()
    details = replace(SETTINGS, overview=replace(SETTINGS.overview, number=0))
    tissue = tissue_map(image, (0.5, 0.5), threshold=1000)

    def read(rows: slice) -> NDArray[np.uint16]:
        asked.append(rows)
        return image[rows]

    views = make_views([ViewSource(read, tissue)], details, seed=0, epoch=0, index=0)

    tops = [geometry.box_mm.y1 / 0.5 for geometry in views.geometry]
    bottoms = [geometry.box_mm.y2 / 0.5 for geometry in views.geometry]
    assert asked == [slice(int(min(tops)), int(max(bottoms)))]


def test_all_sixteen_bits_reach_the_network() -> None:
    rows = np.mgrid[:400, :240][0]
    image = (30_000 + rows).astype(np.uint16)  # 400 levels, all within two levels of 8 bits

    views = views_of(image, replace(SETTINGS, look=PLAIN))

    assert len(np.unique(views.overview[0])) > 80


def test_a_plain_look_changes_no_brightness_and_the_contract_s_mean_and_std_apply() -> None:
    flat = np.full((400, 240), 32_768, dtype=np.uint16)

    views = views_of(flat, replace(SETTINGS, look=PLAIN, mean=0.25, std=0.5))

    assert views.overview == pytest.approx((32_768 / 65_535 - 0.25) / 0.5, abs=1e-6)


def test_brightness_stays_in_range_and_keeps_its_order() -> None:
    ramp = np.tile(np.linspace(0, 65535, 240).astype(np.uint16), (400, 1))
    look = replace(LookSettings(), blur=0, noise=0, flip=(0.0, 0.0))

    for index in range(20):
        picture = views_of(ramp, replace(SETTINGS, look=look), index=index).overview[0, 0]
        assert 0 <= picture.min() <= picture.max() <= 1
        assert (np.diff(picture, axis=1) >= 0).all()  # never inverted, as solarising would


def test_noise_grows_with_brightness_and_air_stays_black() -> None:
    look = replace(PLAIN, noise=1.0, noise_level=0.05)
    spread = []
    for level in (0, 10_000, 40_000):
        flat = np.full((400, 240), level, dtype=np.uint16)
        spread.append(views_of(flat, replace(SETTINGS, look=look)).overview.std())

    assert spread[0] == 0
    assert spread[2] / spread[1] == pytest.approx(2.0, rel=0.1)
