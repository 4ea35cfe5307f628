"""Random textures of breast tissue, each with a published model behind it.

Power-law noise: Burgess, Jacobson, Judy, "Human observer detection experiments with mammograms
and power-law noise", Med Phys 28 (2001): mammograms have a power spectrum 1 / f^beta, beta near 3.
Clustered lumps: Bochud, Abbey, Eckstein, "Statistical texture synthesis of mammographic images
with clustered lumpy backgrounds", Opt Express 4 (1999).
All lengths are in mm, all fields float32 [h, w] with mean 0 and standard deviation 1.
"""

from __future__ import annotations

import math
from functools import lru_cache

import cv2
import numpy as np
import scipy.fft
from numpy.typing import NDArray

from versamammo.phantoms.grid import Field, Grid, blurred, spread

LUMP_STEEPNESS = 2.1  # alpha of Bochud 1999
LUMP_EXPONENT = 0.5  # beta of Bochud 1999: a sharp peak with long tails
LUMP_DIRECTIONS = 10  # orientations a lump can take; its neighbours differ by 18 degrees


@lru_cache(maxsize=16)
def _frequencies(shape: tuple[int, int], pixel_mm: float) -> Field:
    """Spatial frequency of each coefficient of a real FFT, in cycles per mm."""
    down = scipy.fft.fftfreq(shape[0], pixel_mm).astype(np.float32)[:, None]
    across = scipy.fft.rfftfreq(shape[1], pixel_mm).astype(np.float32)[None]
    return np.asarray(np.hypot(down, across), np.float32)


def _roomy(grid: Grid) -> tuple[int, int]:
    """Return the next larger shape that a Fourier transform is quick on."""
    h, w = (scipy.fft.next_fast_len(count, real=True) for count in grid.shape)
    return h, w


def _filtered(rng: np.random.Generator, amplitude: Field, roomy: tuple[int, int]) -> Field:
    white = rng.standard_normal(roomy, dtype=np.float32)
    return np.asarray(scipy.fft.irfft2(scipy.fft.rfft2(white) * amplitude, s=roomy), np.float32)


def _standard(field: Field, grid: Grid) -> Field:
    """Cut a field to a raster and bring it to mean 0 and deviation 1."""
    cut = field[: grid.rows, : grid.columns]
    scaled: Field = (cut - cut.mean()) / cut.std()
    return scaled


@lru_cache(maxsize=16)
def _power_amplitude(
    shape: tuple[int, int], pixel_mm: float, exponent: float, largest_mm: float
) -> Field:
    f = _frequencies(shape, pixel_mm)
    amplitude: Field = (f**2 + np.float32(1 / largest_mm**2)) ** np.float32(-exponent / 4)
    amplitude[0, 0] = 0
    return amplitude


def power_law(
    rng: np.random.Generator, grid: Grid, exponent: float = 3.0, largest_mm: float = 50.0
) -> Field:
    """Make noise whose power falls as 1 / f^exponent, flat beyond `largest_mm` (Burgess 2001)."""
    roomy = _roomy(grid)
    amplitude = _power_amplitude(roomy, grid.pixel_mm, exponent, largest_mm)
    return _standard(_filtered(rng, amplitude, roomy), grid)


@lru_cache(maxsize=64)
def _band_amplitude(
    shape: tuple[int, int], pixel_mm: float, wavelength_mm: float, octaves: float
) -> Field:
    f = np.maximum(_frequencies(shape, pixel_mm), np.float32(1e-6))
    amplitude: Field = np.exp(-0.5 * (np.log(f * np.float32(wavelength_mm)) / octaves) ** 2)
    return amplitude


def band(
    rng: np.random.Generator, grid: Grid, wavelength_mm: float, octaves: float = 0.35
) -> Field:
    """Make noise of about one wavelength: a log-normal band, `octaves` wide in natural logs."""
    roomy = _roomy(grid)
    amplitude = _band_amplitude(roomy, grid.pixel_mm, wavelength_mm, octaves)
    return _standard(_filtered(rng, amplitude, roomy), grid)


def waves(rng: np.random.Generator, grid: Grid, wavelength_mm: float) -> Field:
    """Make a slow variation over `grid`, computed on ten samples per wavelength."""
    cell = max(grid.pixel_mm, wavelength_mm / 10)
    size = [max(4, math.ceil(count * grid.pixel_mm / cell)) for count in grid.shape]
    coarse = band(rng, Grid(size[0], size[1], cell), wavelength_mm)
    return np.asarray(
        cv2.resize(coarse, grid.shape[::-1], interpolation=cv2.INTER_CUBIC), np.float32
    )


@lru_cache(maxsize=8)
def _lump_spectra(
    shape: tuple[int, int], pixel_mm: float, length_mm: float, narrowness: float
) -> NDArray[np.complex64]:
    """Fourier transforms of one lump in each direction, [directions, h, w // 2 + 1]."""
    y = (scipy.fft.fftfreq(shape[0]) * shape[0] * pixel_mm).astype(np.float32)[:, None]
    x = (scipy.fft.fftfreq(shape[1]) * shape[1] * pixel_mm).astype(np.float32)[None]
    spectra = []
    for direction in np.arange(LUMP_DIRECTIONS) * (np.pi / LUMP_DIRECTIONS):
        c, s = np.float32(np.cos(direction)), np.float32(np.sin(direction))
        along, across = (c * x + s * y) / length_mm, (c * y - s * x) / (length_mm * narrowness)
        lump = np.exp(-LUMP_STEEPNESS * np.hypot(along, across) ** LUMP_EXPONENT)
        spectra.append(scipy.fft.rfft2(lump.astype(np.float32)))
    return np.stack(spectra)


def clustered_lumps(
    rng: np.random.Generator,
    grid: Grid,
    direction: Field,
    *,
    cluster_mm: float = 4.5,
    length_mm: float = 4.0,
    narrowness: float = 0.35,
    clusters_per_cm2: float = 0.9,
    lumps_per_cluster: float = 18.0,
) -> Field:
    """Scatter clusters of elongated lumps that lie along `direction` (Bochud 1999).

    Args:
        rng: where positions, numbers and turns come from.
        grid: the raster; positions wrap round its edges.
        direction: angle of the tissue at each pixel, radians, [h, w].
        cluster_mm: spread of a cluster.
        length_mm: characteristic length of a lump.
        narrowness: width of a lump over its length.
        clusters_per_cm2: mean density of clusters (Poisson).
        lumps_per_cluster: mean number of lumps of a cluster (Poisson).
    """
    h, w = _roomy(grid)
    clusters = int(rng.poisson(clusters_per_cm2 * h * w * grid.pixel_mm**2 / 100))
    row, column = rng.uniform(0, h, clusters), rng.uniform(0, w, clusters)
    last = np.array(grid.shape) - 1
    here = np.minimum(row.astype(int), last[0]), np.minimum(column.astype(int), last[1])
    turn = direction[here] + rng.normal(0, 0.45, clusters)
    owner = np.repeat(np.arange(clusters), rng.poisson(lumps_per_cluster, clusters))
    along, across = rng.normal(0, cluster_mm / grid.pixel_mm, (2, owner.size))
    along, across = along * 1.6, across * 0.8
    c, s = np.cos(turn[owner]), np.sin(turn[owner])
    lump_row = (row[owner] + s * along + c * across).astype(int) % h
    lump_column = (column[owner] + c * along - s * across).astype(int) % w
    angle = turn[owner] + rng.normal(0, 0.25, owner.size)
    which = np.round(angle / np.pi * LUMP_DIRECTIONS).astype(int) % LUMP_DIRECTIONS
    places = np.ravel_multi_index((which, lump_row, lump_column), (LUMP_DIRECTIONS, h, w))
    impulses = np.bincount(places, minlength=LUMP_DIRECTIONS * h * w).astype(np.float32)
    spectra = _lump_spectra((h, w), grid.pixel_mm, length_mm, narrowness)
    total = (scipy.fft.rfft2(impulses.reshape(LUMP_DIRECTIONS, h, w)) * spectra).sum(0)
    return _standard(np.asarray(scipy.fft.irfft2(total, s=(h, w)), np.float32), grid)


def fold(field: Field, sharpness: float = 1.15) -> Field:
    """Turn noise into sheets seen edge-on: bright lines along its zero crossings, 0..1."""
    sheets = np.abs(field)
    sheets *= np.float32(-sharpness)
    sheets += np.float32(1)
    np.maximum(sheets, 0, out=sheets)
    sheets *= sheets
    return sheets


def detail(rng: np.random.Generator, octave: Grid, grid: Grid) -> Field:
    """Make the noise that the raster `octave` can carry and one of half its rows cannot."""
    white = rng.standard_normal(octave.shape, dtype=np.float32)
    soft = blurred(white, 0.8)
    fine = soft - blurred(soft, 1.3)
    return spread(fine / fine.std(), grid)
