"""Draws what is seen by its substance: masses, lymph nodes, asymmetries, architectural distortion.

Each function returns the added absorption, 0..1, and how much a pixel belongs to the finding,
0..1 with the outline at one half, both on the fine raster of a window.
"""

from __future__ import annotations

import numpy as np

from versamammo.phantoms.grid import Field, Grid, logistic, read_at, smooth_step
from versamammo.phantoms.lesions import Lesion
from versamammo.phantoms.texture import band
from versamammo.phantoms.window import FineWindow

ASPECTS = {
    "round": (1.0, 1.12),
    "oval": (1.35, 1.75),
    "lobulated": (1.1, 1.35),
    "irregular": (1.0, 1.4),
}
Drawn = tuple[Field, Field]


def draw_mass(rng: np.random.Generator, lesion: Lesion, window: FineWindow) -> Drawn:
    """Draw a mass, or a lymph node, by its shape and margin."""
    shape, margin = lesion.look.shape or "oval", lesion.look.margin or "circumscribed"
    angle, aspect = float(rng.uniform(0, np.pi)), float(rng.uniform(*ASPECTS[shape]))
    radius = lesion.radius
    if margin == "spiculated":
        radius *= 0.42  # the lesion's radius includes its spicules
    u, v = _turned(window, angle)
    theta = np.arctan2(v * np.float32(aspect), u)
    rho = np.hypot(u, v * np.float32(aspect)) / np.float32(radius)
    wavy = _outline_waves(rng, shape, margin, theta)
    t = rho / wavy
    softness = {"indistinct": 0.22 * radius, "spiculated": 0.14 * radius, "microlobulated": 0.5}
    soft = np.float32(softness.get(margin, 0.4))
    away = (t - 1) * np.float32(radius)  # mm outside the outline, about
    body = logistic(away / (-0.5 * soft))
    added = body * (0.7 + 0.3 * np.sqrt(np.maximum(1 - t * t, 0)))
    if margin == "circumscribed":
        added -= 0.12 * np.exp(-(((away - 1.3) / 0.9) ** 2))  # the fatty halo
    elif margin == "obscured":
        seen = smooth_step(u * np.float32(np.cos(angle) / radius), -0.9, 0.2)
        added *= 0.2 + 0.8 * seen
    member = body
    if margin == "spiculated":
        spicules = _spicules(rng, theta, rho, np.float32(radius))
        added = np.maximum(added, spicules)
        member = np.maximum(body, smooth_step(spicules, 0.1, 0.5))
    return added, member


def _turned(window: FineWindow, angle: float) -> tuple[Field, Field]:
    c, s = np.float32(np.cos(angle)), np.float32(np.sin(angle))
    return c * window.u + s * window.v, c * window.v - s * window.u


def _outline_waves(rng: np.random.Generator, shape: str, margin: str, theta: Field) -> Field:
    """Radius of the outline around its mean, by harmonics of the angle."""
    strength = {"round": 0.015, "oval": 0.02, "lobulated": 0.03, "irregular": 0.10}[shape]
    wavy = np.ones_like(theta)
    for k in range(2, 8):
        size = np.float32(strength * rng.normal() / (k / 2) ** 0.7)
        wavy += size * np.cos(k * theta + np.float32(rng.uniform(0, 2 * np.pi)))
    if shape == "lobulated":
        lobes = int(rng.integers(3, 5))
        wavy += 0.34 * _scallops(rng, theta, lobes) - 0.24
    if margin == "microlobulated":
        count = int(rng.integers(9, 14))
        wavy += 0.13 * _scallops(rng, theta, count) - 0.08
    return np.maximum(wavy, np.float32(0.4))


def _scallops(rng: np.random.Generator, theta: Field, count: int) -> Field:
    """Round lobes with sharp notches between them, 0..1."""
    lobes: Field = np.abs(np.sin(0.5 * count * theta + np.float32(rng.uniform(0, np.pi))))
    return lobes


def _spicules(rng: np.random.Generator, theta: Field, rho: Field, radius: np.float32) -> Field:
    """Draw thin, slightly bent lines outwards from the body, fading towards their ends."""
    count = int(rng.integers(14, 24))
    angles = np.linspace(0, 2 * np.pi, count, endpoint=False) + rng.normal(0, 0.12, count)
    lengths, bends = rng.uniform(1.5, 2.4, count), rng.normal(0, 0.15, count)
    widths, weights = rng.uniform(0.35, 0.8, count), rng.uniform(0.6, 1.0, count)
    total = np.zeros_like(theta)
    for angle, length, bend, width, weight in zip(
        angles, lengths, bends, widths, weights, strict=True
    ):
        turn = _between(theta, float(angle)) - np.float32(bend) * (rho - 1)
        line = np.float32(weight) * np.exp(-((turn * rho * radius / np.float32(width)) ** 2))
        total = np.maximum(total, line * smooth_step(-rho, -float(length), -0.8))
    return total


def draw_asymmetry(rng: np.random.Generator, lesion: Lesion, window: FineWindow) -> Drawn:
    """Draw a ragged island that looks like gland: no outline, fat in between."""
    half = 2.2 * lesion.radius
    cells = Grid(96, 96, 2 * half / 96)
    ragged, inner = (_seen(band(rng, cells, w, 0.5), half, window) for w in (9.0, 4.0))
    u, v = _turned(window, float(rng.uniform(0, np.pi)))
    rho = np.hypot(u, v * np.float32(rng.uniform(1.1, 1.5))) / np.float32(lesion.radius)
    island = logistic((0.75 + 0.22 * ragged - rho) / 0.13)
    added = island * np.clip(0.75 + 0.25 * inner, 0.2, 1.3)
    return added, logistic((0.9 - rho) / 0.05)


def _seen(cells: Field, half: float, window: FineWindow) -> Field:
    """Show a square of noise, 2 `half` mm wide around the middle, on a window that may be cut."""
    scale = np.float32(cells.shape[0] / (2 * half))
    return read_at(
        cells, (window.u + half) * scale - 0.5, (window.v + half) * scale - 0.5, "mirror"
    )


def draw_distortion(rng: np.random.Generator, lesion: Lesion, window: FineWindow) -> Drawn:
    """Draw lines that run to one point without a mass there."""
    rho: Field = np.hypot(window.u, window.v)
    theta = np.arctan2(window.v, window.u)
    count = int(rng.integers(12, 19))
    angles = rng.uniform(-np.pi, np.pi, count)
    lengths, starts = rng.uniform(0.5, 1.0, count) * lesion.radius, rng.uniform(0, 0.25, count)
    widths, bends = rng.uniform(0.3, 0.6, count), rng.normal(0, 0.25, count)
    weights = rng.uniform(0.35, 1.0, count)
    total = np.zeros_like(rho)
    for angle, length, start, width, bend, weight in zip(
        angles, lengths, starts, widths, bends, weights, strict=True
    ):
        turn = _between(theta, float(angle)) - np.float32(bend / lesion.radius) * rho
        line = np.float32(weight) * np.exp(-((turn * rho / np.float32(width)) ** 2))
        line *= smooth_step(-rho, -float(length), -0.15 * lesion.radius)
        line *= smooth_step(rho, float(start) * lesion.radius - 1, float(start) * lesion.radius + 1)
        total = np.maximum(total, line)
    middle = 0.25 * np.exp(-((rho / (0.3 * lesion.radius)) ** 2))
    between = -0.2 * np.exp(-(((rho / lesion.radius - 0.5) / 0.25) ** 2))  # fat drawn in
    added: Field = (total + middle + between * (1 - total)).astype(np.float32)
    return added, logistic((np.float32(0.85 * lesion.radius) - rho) / np.float32(0.3))


def _between(theta: Field, angle: float) -> Field:
    """Angle from `angle` to each pixel, in -pi..pi."""
    turn: Field = np.mod(theta - np.float32(angle - np.pi), np.float32(2 * np.pi))
    return turn - np.float32(np.pi)
