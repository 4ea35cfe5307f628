"""Several looks at one mammogram or exam, as a radiologist takes them: nearer, brighter, softer.

One channel of 16-bit levels throughout. What natural-image recipes do to hue is left out, and
so is solarisation, which would turn the brightest tissue, calcifications and dense strands,
dark. Everything random follows from (seed, epoch, index) alone, never from the worker.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from pretrain.views.crops import CropSettings, Geometry, Levels, TissueMap, draw_box
from pretrain.views.pairs import PairKind
from versamammo.imaging.mammogram import Box

Image = NDArray[np.float32]
ReadRows = Callable[[slice], Levels]  # reads rows [start:stop] of one cached image, full width

_OVERVIEW = CropSettings(2, (336, 224), (80.0, 180.0), least_tissue=0.3)
_DETAIL = CropSettings(8, (98, 98), (15.0, 50.0), least_tissue=0.7)


@dataclass(frozen=True)
class LookSettings:
    """How a crop's brightness, sharpness and side are varied; 0 switches a thing off.

    Attributes:
        black: largest shift of the level shown black, as a share of full scale; small, since
            fatty tissue lies just above air and would be cut off.
        white: largest shift of the level shown white.
        gamma: largest gamma, as a log factor.
        blur: chance of blurring.
        blur_pixels: smallest and largest sigma, in pixels of the view.
        noise: chance of adding noise.
        noise_level: largest noise of white pixels, as a share of full scale; it grows with the
            root of brightness, as counts of X-ray quanta do.
        flip: chance of turning upside down and of mirroring.
    """

    black: float = 0.05
    white: float = 0.15
    gamma: float = 0.3
    blur: float = 0.3
    blur_pixels: tuple[float, float] = (0.3, 1.2)
    noise: float = 0.3
    noise_level: float = 0.02
    flip: tuple[float, float] = (0.5, 0.5)


@dataclass(frozen=True)
class ViewSettings:
    """Which views an image is shown in.

    Attributes:
        overview: the global crops, which teacher and student see.
        detail: the local crops, which only the student sees.
        look: how brightness and sharpness vary.
        pairs: what the crops of one sample have in common: the `image`, or else every second one
            is of another picture of the same `breast` or of the same `exam`.
        full_scale: the level that counts as white.
        mean: subtracted from brightness 0..1, as the encoder's input contract says.
        std: divides after that.
    """

    overview: CropSettings = _OVERVIEW
    detail: CropSettings = _DETAIL
    look: LookSettings = LookSettings()
    pairs: PairKind = "image"
    full_scale: int = 65535
    mean: float = 0.5
    std: float = 0.25


@dataclass(frozen=True, eq=False)
class ViewSource:
    """An image that views are taken of: how to read its rows, and where its breast is."""

    read: ReadRows
    tissue: TissueMap


@dataclass(frozen=True, eq=False)
class Views:
    """All looks at one image, or at two that belong together.

    Attributes:
        overview: float32 [G, 1, H, W], normalised.
        detail: float32 [L, 1, H', W'], normalised.
        of: which of the images each view shows, the overview's first.
        geometry: where in that image it came from, in the same order.
        tissue: share of tissue under each view, in the same order.
    """

    overview: NDArray[np.float32]
    detail: NDArray[np.float32]
    of: tuple[int, ...]
    geometry: tuple[Geometry, ...]
    tissue: tuple[float, ...]


def make_views(
    images: Sequence[ViewSource], settings: ViewSettings, *, seed: int, epoch: int, index: int
) -> Views:
    """Draw the views of one image, or of several by turns.

    Places are drawn before a pixel is read, and then only the rows that some view needs.

    Args:
        images: of one sample, one or more.
        settings: how many views of which kind.
        seed: of the run.
        epoch: how often the archive was seen before.
        index: of the first image in the archive.
    """
    random = np.random.default_rng((seed, epoch, index))
    kinds = [settings.overview] * settings.overview.number
    kinds += [settings.detail] * settings.detail.number
    split = settings.overview.number
    images = images[: max(split, settings.detail.number)]  # no view is left for any more
    # by turns within each kind
    of = [place % len(images) for count in (split, len(kinds) - split) for place in range(count)]
    boxes = [draw_box(random, images[i].tissue, kind) for i, kind in zip(of, kinds, strict=True)]
    rows = [
        _read(image.read, [box for i, box in zip(of, boxes, strict=True) if i == number])
        for number, image in enumerate(images)
    ]
    pictures, geometry = [], []
    for i, box, kind in zip(of, boxes, kinds, strict=True):
        picture, flipped = _look(_cut(*rows[i], box, kind.size), random, settings)
        pictures.append(picture)
        geometry.append(Geometry(_in_mm(box, images[i].tissue), kind.size, flipped))
    return Views(
        _stack(pictures[:split], settings.overview.size),
        _stack(pictures[split:], settings.detail.size),
        tuple(of),
        tuple(geometry),
        tuple(images[i].tissue.share(box) for i, box in zip(of, boxes, strict=True)),
    )


def _read(read: ReadRows, boxes: Sequence[Box]) -> tuple[Levels, int]:
    """Read the rows that some box needs, and say which is the first."""
    first = int(min(box.y1 for box in boxes))
    return read(slice(first, int(max(box.y2 for box in boxes)))), first


def _cut(rows: Levels, first: int, box: Box, size: tuple[int, int]) -> Levels:
    """Resize one box of the rows read; shrinking averages, so that no calcification is skipped."""
    top, bottom = int(box.y1) - first, int(box.y2) - first
    region = rows[top:bottom, int(box.x1) : int(box.x2)]
    shrinks = region.shape[0] >= size[0] and region.shape[1] >= size[1]
    how = cv2.INTER_AREA if shrinks else cv2.INTER_LINEAR
    return np.asarray(cv2.resize(region, (size[1], size[0]), interpolation=how), dtype=np.uint16)


def _look(
    levels: Levels, random: np.random.Generator, settings: ViewSettings
) -> tuple[Image, tuple[bool, bool]]:
    picture = levels.astype(np.float32) / np.float32(settings.full_scale)
    picture = vary(picture, random, settings.look)
    upside_down, mirrored = (bool(random.random() < chance) for chance in settings.look.flip)
    picture = picture[:: -1 if upside_down else 1, :: -1 if mirrored else 1]
    return (picture - settings.mean) / settings.std, (upside_down, mirrored)


def vary(picture: Image, random: np.random.Generator, look: LookSettings) -> Image:
    """Change the window, sharpness and noise of a picture [H, W] in 0..1."""
    picture = _window(picture, random, look)
    if random.random() < look.blur:
        sigma = random.uniform(*look.blur_pixels)
        soft = cv2.GaussianBlur(picture, (0, 0), sigma, borderType=cv2.BORDER_REPLICATE)
        picture = np.asarray(soft, dtype=np.float32)
    if random.random() < look.noise:
        grain = random.standard_normal(picture.shape, dtype=np.float32)
        strength = np.float32(random.uniform(0, look.noise_level))
        picture = np.clip(picture + strength * np.sqrt(picture) * grain, 0, 1)
    return picture


def _window(picture: Image, random: np.random.Generator, look: LookSettings) -> Image:
    black = random.uniform(-look.black, look.black)
    white = 1 + random.uniform(-look.white, look.white)
    gamma = np.exp(random.uniform(-look.gamma, look.gamma))
    shown = (picture - np.float32(black)) / np.float32(white - black)
    windowed: Image = np.clip(shown, 0, 1) ** np.float32(gamma)
    return windowed


def _in_mm(box: Box, tissue: TissueMap) -> Box:
    down, across = tissue.spacing_mm
    return Box(box.x1 * across, box.y1 * down, box.x2 * across, box.y2 * down)


def _stack(pictures: list[Image], size: tuple[int, int]) -> NDArray[np.float32]:
    stacked = np.empty((len(pictures), 1, *size), dtype=np.float32)
    for i, picture in enumerate(pictures):
        stacked[i, 0] = picture
    return stacked
