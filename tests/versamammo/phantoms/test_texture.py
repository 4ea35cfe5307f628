from __future__ import annotations

import numpy as np
import pytest

from versamammo.phantoms.grid import Grid
from versamammo.phantoms.spectrum import spectral_exponent
from versamammo.phantoms.texture import band, clustered_lumps, fold, power_law, waves


@pytest.mark.parametrize("exponent", [2.0, 3.0])
def test_power_law_noise_has_the_exponent_asked_for(exponent: float) -> None:
    grid = Grid(400, 400, 0.5)
    noise = power_law(np.random.default_rng(1), grid, exponent, largest_mm=100)
    measured = spectral_exponent(noise, np.ones(grid.shape, np.bool_), grid.pixel_mm)
    assert measured == pytest.approx(exponent, abs=0.12)


def test_band_noise_repeats_at_about_its_wavelength() -> None:
    grid = Grid(256, 256, 1.0)
    noise = band(np.random.default_rng(2), grid, wavelength_mm=16)
    power = np.abs(np.fft.fft2(noise)) ** 2
    f = np.hypot(np.fft.fftfreq(256)[:, None], np.fft.fftfreq(256)[None])
    assert (power * f).sum() / power.sum() == pytest.approx(1 / 16, rel=0.2)


def test_slow_waves_keep_their_scale_on_any_raster() -> None:
    coarse = waves(np.random.default_rng(3), Grid(128, 96, 2.0), 60)
    fine = waves(np.random.default_rng(3), Grid(512, 384, 0.5), 60)
    shrunk = fine.reshape(128, 4, 96, 4).mean(axis=(1, 3))
    assert np.corrcoef(coarse.ravel(), shrunk.ravel())[0, 1] > 0.99


def test_lumps_lie_along_the_given_direction() -> None:
    grid = Grid(256, 256, 1.0)
    sideways = clustered_lumps(np.random.default_rng(4), grid, np.zeros(grid.shape, np.float32))
    slope_across = np.abs(np.diff(sideways, axis=1)).mean()
    slope_down = np.abs(np.diff(sideways, axis=0)).mean()
    assert slope_down > 1.15 * slope_across


def test_folded_noise_is_brightest_where_the_noise_crosses_zero() -> None:
    sheets = fold(np.array([[-1.0, -0.1, 0.0, 0.1, 1.0]], np.float32))
    assert sheets[0, 2] == 1
    assert sheets[0, 0] == sheets[0, 4] == 0
    assert sheets[0, 1] == sheets[0, 3] > 0.7
