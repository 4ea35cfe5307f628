"""From slow fields to what a detector would record and a vendor would show.

Absorption is in arbitrary units (fat about 0.25, gland adds up to about 0.4); `develop` turns it
into brightness 0..1 the way processed mammograms are shown: fat dark grey, gland light, skin seen.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from versamammo.phantoms.anatomy import Patient
from versamammo.phantoms.grid import BASE_ROWS, Field, Grid, logistic, smooth_step, spread
from versamammo.phantoms.texture import detail, fold
from versamammo.phantoms.tissue import TissueFields
from versamammo.phantoms.vessels import vessel_absorption

STRAND_MEAN = 0.223  # average of folded noise
STRAND_SPREAD = 1.04  # spread of the sum of all layers


@dataclass(frozen=True, eq=False)
class Absorption:
    """What the breast takes from the beam on one raster, [h, w].

    Attributes:
        total: absorption.
        depth: mm under the skin.
        edge: 1 inside the skin, 0 in the air.
    """

    grid: Grid
    total: Field
    depth: Field
    edge: Field


def strand_sum(tissue: TissueFields, grid: Grid) -> Field:
    """Add up all layers of sheets on one raster; mean about 0, standard deviation about 1."""
    total = np.zeros(grid.shape, np.float32)
    for layer in tissue.strands:
        sheets = fold(spread(layer.noise, grid))
        sheets -= np.float32(STRAND_MEAN)
        sheets *= spread(layer.strength, grid, slow=True)
        total += sheets
    total /= np.float32(STRAND_SPREAD)
    return total


def fine_noise(
    tissue: TissueFields, patient: Patient, grid: Grid, rng: np.random.Generator
) -> Field:
    """Continue the power law beyond the base raster, octave by octave (power ~ 1 / f^3)."""
    total = np.zeros(grid.shape, np.float32)
    part = tissue.grid.columns / Grid.over(patient.panel_mm, BASE_ROWS).columns
    rows, strength = 2 * BASE_ROWS, 1.0
    while rows <= grid.rows:
        octave = detail(rng, Grid.over(patient.panel_mm, rows, part), grid)
        total += np.float32(strength) * octave
        rows, strength = 2 * rows, strength * 0.5**0.5
    return total


def gland_threshold(tissue: TissueFields, strands: Field) -> float:
    """Find the score above which exactly the planned share of the breast is gland.

    `strands` is the sum on the base raster; the pectoral muscle does not count as breast.
    """
    score = tissue.score + np.float32(tissue.composition.strands) * strands
    breast = (tissue.depth > 0) & (tissue.muscle < 0.5)
    return float(np.quantile(score[breast], 1 - tissue.plan.gland_share))


def absorb(
    tissue: TissueFields, grid: Grid, threshold: float, strands: Field, noise: Field
) -> Absorption:
    """Put fat, gland, strands, muscle and skin together on one raster."""
    depth = spread(tissue.depth, grid)
    lumps, cloud = spread(tissue.lumps, grid), spread(tissue.cloud, grid)
    muscle = spread(tissue.muscle, grid)
    mixture = tissue.composition
    score = spread(tissue.score, grid) - np.float32(threshold)
    score += np.float32(mixture.strands) * strands + 0.03 * noise
    gland = logistic(score * np.float32(1 / mixture.softness))
    level = np.clip(
        mixture.level + 0.11 * lumps + 0.13 * cloud + 0.08 * strands + 0.03 * noise, 0.1, 1.4
    )
    # The paddle leaves the rim thinner: half a circle seen from the side.
    rim = np.clip(depth * np.float32(2 / tissue.plan.breast.thickness), 0, 1)
    thick = np.sqrt(1 - (1 - rim) ** 2)
    total = (0.215 + 0.022 * cloud + 0.018 * lumps + 0.01 * noise) * (0.38 + 0.62 * thick)
    total += 0.42 * gland * level * (0.55 + 0.45 * thick)
    bright = 0.077 * np.maximum(strands - 1.2, 0) + 0.032 * strands
    total += spread(_strand_strength(tissue), grid) * bright
    total += vessel_absorption(tissue.vessels, grid)
    total *= 1 - 0.35 * muscle
    total += spread(tissue.muscle * _muscle_level(tissue), grid)
    total += spread(tissue.skin, grid) * np.exp(-(((depth - 0.7) / 0.8) ** 2))
    areola: Field = (0.10 * np.exp(-((tissue.radius / 7) ** 4))).astype(np.float32)
    total += spread(areola, grid)
    edge = smooth_step(depth, -0.3, 0.6 + grid.pixel_mm)
    return Absorption(grid, total * edge, depth, edge)


def _strand_strength(tissue: TissueFields) -> Field:
    """Strands fade towards the chest wall, under the skin and over the muscle."""
    far = tissue.back / np.float32(0.75 * tissue.plan.breast.reach)
    strength: Field = smooth_step(tissue.depth, 0, 8) * (1 - 0.8 * tissue.muscle)
    strength *= 0.45 + 0.55 * np.exp(-(far**2))
    return strength


def _muscle_level(tissue: TissueFields) -> Field:
    muscle = tissue.plan.pectoral
    if muscle is None:
        return np.zeros_like(tissue.muscle)
    inner = smooth_step(tissue.muscle_depth, 0, 45)
    level: Field = muscle.level + 0.14 * inner + 0.02 * tissue.cloud + 0.012 * tissue.fibres
    return level


def film(absorption: Field) -> Field:
    """Brightness of absorption under plain processing, without grain; above 1 it is cut later."""
    shown = 1 - np.exp(np.float32(-1.6) * np.maximum(absorption, 0))
    return np.asarray((shown - 0.10) * np.float32(1.45), np.float32)


def develop(
    absorption: Field, edge: Field, grain: Field, pixel_mm: float, gain: float, air: float
) -> Field:
    """Turn absorption into brightness 0..1, with the grain of the detector's quanta.

    Args:
        absorption: [h, w].
        edge: 1 inside the skin, 0 in the air.
        grain: white noise of standard deviation 1.
        pixel_mm: averaging over larger pixels makes less grain.
        gain: contrast of the vendor's processing.
        air: brightness where nothing absorbs.
    """
    strength = np.float32(0.012 * min(1.0, 0.14 / pixel_mm))
    seen = absorption + grain * strength * np.sqrt(np.clip(absorption, 0, 1) + 0.1) * edge
    bright = film(seen) * np.float32(gain)
    if air > 0:
        bright = np.maximum(bright, np.float32(air) * (1 + 0.3 * grain))
    picture: Field = np.clip(bright, 0, 1)
    return picture
