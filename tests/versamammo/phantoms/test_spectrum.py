from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from versamammo.errors import InputError
from versamammo.phantoms import PhantomExam, PhantomSettings
from versamammo.phantoms.spectrum import interior, spectral_exponent

PUBLISHED = (2.6, 3.2)  # mammograms: beta near 3 (Burgess 2001)


@pytest.mark.parametrize("density", [0, 1, 2, 3])
def test_texture_falls_off_like_that_of_mammograms_at_every_density(
    exam: Callable[[PhantomSettings, int], PhantomExam], density: int
) -> None:
    prior = tuple(float(k == density) for k in range(4))
    settings = PhantomSettings(height=512, density_prior=prior, lesion_rate=0.0, seed=9)
    exponents = []
    for index in range(3):
        for view in exam(settings, index).views[:2]:
            exponents.append(spectral_exponent(view.pixels, interior(view), view.spacing_mm))
    assert PUBLISHED[0] < np.mean(exponents) < PUBLISHED[1]


def test_a_breast_without_room_for_a_region_is_refused() -> None:
    with pytest.raises(InputError) as caught:
        spectral_exponent(np.zeros((90, 90), np.float32), np.zeros((90, 90), np.bool_), 0.5)
    assert caught.value.reason == "no-region"


def test_pixels_too_large_for_the_band_are_refused() -> None:
    with pytest.raises(InputError) as caught:
        spectral_exponent(np.zeros((90, 90), np.float32), np.ones((90, 90), np.bool_), 1.0)
    assert caught.value.reason == "too-coarse"
