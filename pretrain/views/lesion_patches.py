"""Close-ups: small windows on findings and on tissue, from which places of findings are learnt.

A finding covers a hundredth of a breast, so that a whole image teaches little of how one looks for
all it costs. Close-ups at the scale of the fine view, every other one on a finding, teach that at
a few hundredths of the cost, and the network, being convolutional, then sees it in whole breasts
(Shen et al. 2019 train on patches first, and on whole images after).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from torch import nn

from pretrain.views.augmentations import Image, vary
from pretrain.views.whole_breast import (
    WholeSettings,
    draw_turn,
    grades_of,
    moved,
    normal,
    places_of,
)
from versamammo.data.dataset import Picture

JITTER = 1 / 3  # of the window's side: how far a finding may lie from its middle
STATISTICS = (nn.BatchNorm2d, nn.SyncBatchNorm)


@dataclass(frozen=True, eq=False)
class LesionPatch:
    """One window and what lies in it.

    Attributes:
        image: float32 [1, S, S], normalised.
        cover: share of each cell that findings of each kind cover, [K, s, s].
        placed: [K], whether it is known where findings of a kind lie.
        grades: share of each cell that benign and malignant findings cover, [2, s, s].
    """

    image: NDArray[np.float32]
    cover: NDArray[np.float32]
    placed: NDArray[np.bool_]
    grades: NDArray[np.float32]


@dataclass(frozen=True, eq=False)
class LesionPatches:
    """The n windows of one draw, laid out as `LesionPatch` behind a first axis [n, ...]."""

    images: NDArray[np.float32]
    cover: NDArray[np.float32]
    placed: NDArray[np.bool_]
    grades: NDArray[np.float32]

    @classmethod
    def of(cls, windows: Sequence[LesionPatch]) -> LesionPatches:
        """Lay out one window or more."""
        return cls(
            np.stack([one.image for one in windows]),
            np.stack([one.cover for one in windows]),
            np.stack([one.placed for one in windows]),
            np.stack([one.grades for one in windows]),
        )


def close_up(
    picture: Picture,
    shown: Image,
    settings: WholeSettings,
    cell: int,
    random: np.random.Generator,
    *,
    on_finding: bool,
) -> LesionPatch:
    """Draw one window; turned, scaled and mirrored either way, since findings have no upright.

    Args:
        picture: one prepared mammogram.
        shown: the same at the scale of the fine view, `shown_at`.
        settings: the window's side.
        cell: side in pixels of the cells on which findings are counted.
        random: draws place and look.
        on_finding: near the middle lies a finding, if the picture has any with a box.
    """
    size = (settings.close_size, settings.close_size)
    middle = _on_finding(picture, settings, random) if on_finding else None
    if middle is None:
        middle = _on_tissue(shown, settings.air, random)
    move = _draw(middle, settings, random)
    placed, cover = places_of(picture, settings, move, cell, size)
    grades = grades_of(picture, settings, move, cell, size)
    image = vary(moved(shown, move, size), random, settings.look)
    return LesionPatch(normal(image, settings), cover, placed, grades)


def _on_finding(
    picture: Picture, settings: WholeSettings, random: np.random.Generator
) -> NDArray[np.float64] | None:
    """Choose a point (x, y) of the fine view near a finding; None if no box lies in it."""
    boxes = [one.box.as_tuple() for one in picture.labels.findings if one.box is not None]
    found = picture.crop.within(settings.size).boxes_to_input(np.reshape(boxes, (-1, 4)))
    found = found[~np.isnan(found).any(axis=1)]
    if not len(found):
        return None
    x1, y1, x2, y2 = found[random.integers(len(found))]
    jitter = random.uniform(-JITTER, JITTER, 2) * settings.close_size
    middle: NDArray[np.float64] = np.array([(x1 + x2) / 2, (y1 + y2) / 2]) + jitter
    return middle


def _on_tissue(shown: Image, air: float, random: np.random.Generator) -> NDArray[np.float64]:
    """Choose a point (x, y) of tissue, or anywhere if there is none."""
    tissue = np.flatnonzero(shown > air)
    place = int(random.choice(tissue)) if tissue.size else int(random.integers(shown.size))
    row, column = divmod(place, shown.shape[1])
    return np.array([column + 0.5, row + 0.5])


def _draw(
    middle: NDArray[np.float64], settings: WholeSettings, random: np.random.Generator
) -> NDArray[np.float64]:
    """Draw the move [2, 3] that brings a point of the fine view to the window's middle."""
    # each column by a sign: mirrored across, upside down
    turned = draw_turn(random, settings) * random.choice([-1.0, 1.0], 2)
    return np.column_stack([turned, settings.close_size / 2 - turned @ middle])


def close_rates(
    rates: NDArray[np.float64], images: float, showing: float, settings: WholeSettings
) -> NDArray[np.float64]:
    """Reckon what share of close-ups' cells findings of each kind cover.

    Every other window is on a finding, which then lies in it whole; the others are of any tissue.

    Args:
        rates: [K'], share of all cells of whole images.
        images: that are drawn.
        showing: of these with a finding.
        settings: sizes of the fine view and of the window.
    """
    times = images / (showing or 1) * np.prod(settings.size) / settings.close_size**2
    return np.asarray((0.5 * rates * times + 0.5 * rates).clip(1e-4, 0.4))


@contextmanager
def settled_statistics(network: nn.Module) -> Iterator[None]:
    """Keep running moments: those of windows, which hold no air, shall not shift a breast's.

    Windows are normalised by their own moments. By the running ones, which lag behind what is
    learnt, masses were hardly learnt (area 0.58 instead of 0.72 after 600 steps).
    """
    layers = [one for one in network.modules() if isinstance(one, STATISTICS)]
    momenta = [layer.momentum for layer in layers]
    for layer in layers:
        layer.momentum = 0.0
    try:
        yield
    finally:
        for layer, momentum in zip(layers, momenta, strict=True):
            layer.momentum = momentum


@contextmanager
def fixed_statistics(network: nn.Module) -> Iterator[None]:
    """Normalise by the running moments, and keep them as they are."""
    layers = [one for one in network.modules() if isinstance(one, STATISTICS) and one.training]
    for layer in layers:
        layer.eval()
    try:
        yield
    finally:
        for layer in layers:
            layer.train()
