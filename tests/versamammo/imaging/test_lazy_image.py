from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from versamammo.imaging.breast import find_breast, find_breast_in, sampled
from versamammo.imaging.reading import expose, read
from versamammo.input.preprocess import plan_crop, prepare_pixels, shrink_cut


@pytest.fixture(params=["signed DICOM", "8-bit PNG", "16-bit PNG"])
def file(
    request: pytest.FixtureRequest,
    tmp_path: Path,
    picture: Callable[..., Any],
    write_dicom: Callable[..., Path],
) -> Path:
    """A picture of 1000 x 700 pixels, so that samples are fewer than pixels."""
    if request.param == "signed DICOM":
        pixels = picture(12, 1000, 700).astype(np.int16) - 900
        return write_dicom(pixels, 16, RescaleIntercept="900", RescaleSlope="1")
    bits = int(request.param.split("-")[0])
    Image.fromarray(picture(bits, 1000, 700)).save(tmp_path / "picture.png")
    return tmp_path / "picture.png"


def test_a_part_is_cut_from_the_whole(file: Path) -> None:
    latent, whole = expose(file), read(file).pixels
    assert latent.size == whole.shape
    np.testing.assert_array_equal(latent.part((33, 200, 481, 900)), whole[200:900, 33:481])


def test_samples_are_picked_from_the_whole(file: Path) -> None:
    samples = expose(file).sample(sampled)
    whole = read(file).pixels
    assert samples.size < whole.size / 2
    np.testing.assert_array_equal(samples, sampled(whole))


def test_the_short_way_leads_to_the_same_picture(file: Path) -> None:
    latent, mammogram = expose(file), read(file)
    breast = find_breast_in(latent.sample(sampled), latent.size)
    crop = plan_crop(latent.size, breast, bounds=(300, 200))
    prepared = prepare_pixels(mammogram, find_breast(mammogram.pixels), (300, 200))
    assert crop == prepared.crop
    np.testing.assert_array_equal(shrink_cut(latent.part, crop), prepared.levels)


def test_what_is_known_goes_with_any_pixels(file: Path) -> None:
    latent, mammogram = expose(file), read(file)
    about = latent.around(pixels=latent.part((0, 0, 2, 1)))
    assert about.size == (1, 2)
    assert about.provenance == mammogram.provenance
    assert about.warnings == mammogram.warnings
