"""Ligament strands: sheets of connective tissue seen edge-on, as Cooper described them.

A sheet is where some slow noise crosses zero; folding that noise draws it. Layers of several
spacings lie over each other, most of them drawn out towards the nipple, each bent in its own way.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from versamammo.phantoms.frame import NippleFrame
from versamammo.phantoms.grid import Field, Grid, read_at
from versamammo.phantoms.texture import band, waves

SPACINGS_MM = (24.0, 14.0, 8.0, 4.5)
FADING = 1.2  # strength of strands ~ spacing^1.2, which sets the spectral exponent
ARC_MM = 75.0  # from the nipple, where radial strands have their stated spacing
FARTHEST_MM = 260.0  # from the nipple to any corner
STRETCH = (3.0, 5.0)  # length of radial strands over their spacing
SHARED_WAVES = 6  # slow fields that all layers mix, each with weights of its own


@dataclass(frozen=True, eq=False)
class Strands:
    """One layer of ligament sheets, seen where its noise crosses zero, and its strength."""

    noise: Field
    strength: Field


def grow_strands(rng: np.random.Generator, place: NippleFrame) -> tuple[Strands, ...]:
    """Lay two radial and one round layer of sheets per spacing."""
    slow, middle, quick = (
        np.stack([waves(rng, place.grid, wavelength) for _ in range(SHARED_WAVES)])
        for wavelength in (60.0, 35.0, 20.0)
    )
    # radial strands crowd at the nipple, and finer strands are weaker
    crowding = np.minimum(np.hypot(place.dx, place.dy) / ARC_MM + 0.1, 1) ** FADING
    layers = []
    for spacing in SPACINGS_MM:
        for radial in (True, True, False):
            strength = np.clip(0.6 + 0.5 * _mixed(rng, middle), 0, 1.8)
            strength *= np.float32((spacing / 12) ** FADING)
            if radial:
                kink = _mixed(rng, quick)
                bend = 5 * _mixed(rng, slow) + kink, 5 * _mixed(rng, slow) - kink
                layers.append(
                    Strands(_radial_noise(rng, place, spacing, bend), strength * crowding)
                )
            else:
                bend = 4 * _mixed(rng, middle), 4 * _mixed(rng, middle)
                layers.append(Strands(_round_noise(rng, place.grid, spacing, bend), strength))
    return tuple(layers)


def _mixed(rng: np.random.Generator, fields: Field) -> Field:
    """Mix fields [n, h, w] of deviation 1 into a new one [h, w] of deviation about 1."""
    weights = rng.standard_normal(len(fields), dtype=np.float32)
    weights /= np.sqrt((weights**2).sum())
    return np.asarray(np.einsum("n,nhw->hw", weights, fields), np.float32)


def _radial_noise(
    rng: np.random.Generator, place: NippleFrame, spacing: float, bend: tuple[Field, Field]
) -> Field:
    """Make noise drawn out along lines that meet a little before the nipple; bends in mm."""
    cell = spacing / 4
    stretch = float(rng.uniform(*STRETCH))
    rows = math.ceil(2 * math.pi * ARC_MM / cell)
    noise = band(rng, Grid(rows, math.ceil(FARTHEST_MM / STRETCH[0] / cell), cell), spacing, 0.45)
    dx = place.dx + bend[0] + np.float32(rng.uniform(10, 50))
    dy = place.dy + bend[1] + np.float32(rng.normal(0, 8))
    row = np.arctan2(dy, dx) * np.float32(ARC_MM / cell) + np.float32(rows / 2)
    column = np.hypot(dx, dy) * np.float32(1 / (cell * stretch))
    return read_at(noise, column, row, "repeat")


def _round_noise(
    rng: np.random.Generator, grid: Grid, spacing: float, bend: tuple[Field, Field]
) -> Field:
    """Make noise without direction, bent a little so that no two layers are parallel."""
    noise = band(rng, grid, spacing, 0.45)
    per_pixel = np.float32(1 / grid.pixel_mm)
    column = np.arange(grid.columns, dtype=np.float32) + per_pixel * bend[0]
    row = np.arange(grid.rows, dtype=np.float32)[:, None] + per_pixel * bend[1]
    return read_at(noise, column, row, "mirror")
