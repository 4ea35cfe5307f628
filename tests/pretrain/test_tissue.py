from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from pretrain.views.tissue_maps import TissueSettings, find_tissue, map_of
from tests.pretrain.archives import SIZE, write_archive
from versamammo.data.dataset import Archive
from versamammo.errors import InputError


@pytest.fixture
def archive(tmp_path: Path) -> Archive:
    return Archive.open(write_archive(tmp_path / "data"), ["train"])


def test_packed_maps_are_those_of_the_single_images(archive: Archive) -> None:
    settings = TissueSettings(cell=8)
    maps = find_tissue(archive, settings, workers=2)

    assert len(maps) == len(archive)
    for index in (0, 7, 15):
        alone = map_of(archive[index], settings)
        np.testing.assert_array_equal(maps[index].cells, alone.cells)
        assert maps[index].size == SIZE
        assert maps[index].spacing_mm == (1.0, 1.0)


def test_maps_are_found_once(archive: Archive) -> None:
    first = find_tissue(archive, TissueSettings())
    for file in (archive.folder / "cache").iterdir():
        file.unlink()

    again = find_tissue(archive, TissueSettings())

    np.testing.assert_array_equal(first.bits, again.bits)


def test_an_image_of_unknown_size_is_refused_unless_a_size_is_assumed(archive: Archive) -> None:
    picture = replace(archive[0], spacing_mm=None)

    with pytest.raises(InputError, match=r"image 000: spacing: unknown"):
        map_of(picture, TissueSettings())
    assumed = map_of(picture, TissueSettings(assumed_spacing_mm=0.3))
    assert assumed.spacing_mm == (0.3, 0.3)
