"""Two looks at a whole breast for the student, one fine and one coarse, with places kept.

The chest wall stays on the left, as the encoder's contract says: a look turns, scales and shifts
the breast a little around the middle of the chest wall, and changes window, sharpness and noise.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from pretrain.views.augmentations import Image, LookSettings, vary
from pretrain.views.box_cover import cover_of
from versamammo.data.attributes import classes_of
from versamammo.data.dataset import Picture
from versamammo.data.labels import FINDINGS
from versamammo.input.contract import InputContract
from versamammo.input.geometry import fit_within
from versamammo.input.preprocess import WHITE
from versamammo.input.resampling import resize_area

_LOOK = LookSettings(flip=(0.0, 0.0))


@dataclass(frozen=True)
class WholeSettings:
    """How a whole breast is shown.

    Attributes:
        size: (H, W) of the fine view, and of the exported encoder's input.
        low: (H, W) of the coarse view.
        mean: subtracted from brightness 0..1, as the encoder's input contract says.
        std: divides after that.
        scale: smallest and largest factor, drawn evenly on a log scale.
        turn: largest angle in degrees.
        mirror: how often the view is turned upside down; chest walls stay where they are.
        shift: largest shift, as a share of the view's sides.
        look: how brightness and sharpness vary; `flip` is not used.
        air: brightness above which a pixel is tissue.
        close: close-ups for each image, every other one on a finding; 0 leaves them out.
        close_size: side of a close-up, in pixels of the fine view.
    """

    size: tuple[int, int] = (256, 192)
    low: tuple[int, int] = (128, 96)
    mean: float = 0.2
    std: float = 0.2
    scale: tuple[float, float] = (0.85, 1.15)
    turn: float = 8.0
    mirror: float = 0.0
    shift: float = 0.04
    look: LookSettings = _LOOK
    air: float = 0.05
    close: int = 2
    close_size: int = 64

    @property
    def contract(self) -> InputContract:
        """How images are prepared for the exported encoder."""
        return InputContract(size=self.size, mean=self.mean, std=self.std)


@dataclass(frozen=True, eq=False)
class Whole:
    """One image's looks and what is known of it.

    Attributes:
        high: float32 [1, H, W], normalised.
        low: float32 [1, H', W'], normalised.
        move: [2, 3], from the input of the encoder's contract to `high`, (x, y) in pixels.
        tissue: share of tissue, float32 [gh, gw] on cells of `high`.
        cover: share that findings of each kind cover, float32 [K, gh, gw].
        placed: [K], whether it is known where findings of a kind lie.
        grades: share that benign and malignant findings cover, float32 [2, gh, gw].
        classes: int64 [A], -1 where unknown.
    """

    high: NDArray[np.float32]
    low: NDArray[np.float32]
    move: NDArray[np.float64]
    tissue: NDArray[np.float32]
    cover: NDArray[np.float32]
    placed: NDArray[np.bool_]
    grades: NDArray[np.float32]
    classes: NDArray[np.int64]


def whole_views(
    picture: Picture,
    shown: Image,
    settings: WholeSettings,
    cell: int,
    *,
    seed: int,
    epoch: int,
    index: int,
) -> Whole:
    """Draw both looks at one image; everything random follows from (seed, epoch, index).

    Args:
        picture: one prepared mammogram.
        shown: the same at the scale of the fine view, `shown_at`.
        settings: how it is shown.
        cell: side in pixels of the cells on which tissue and findings are counted.
        seed: of the run.
        epoch: how often the archive was seen before.
        index: of the image in the archive.
    """
    random = np.random.default_rng((seed, epoch, index, 2))
    move, coarse = (draw_move(random, size, settings) for size in (settings.size, settings.low))
    plain = moved(shown, move, settings.size)
    low = moved(resize_area(shown, fit_within(shown.shape, settings.low)), coarse, settings.low)
    placed, cover = places_of(picture, settings, move, cell)
    return Whole(
        normal(vary(plain, random, settings.look), settings),
        normal(vary(low, random, settings.look), settings),
        move,
        on_cells((plain > settings.air).astype(np.float32), cell),
        cover,
        placed,
        grades_of(picture, settings, move, cell),
        classes_of(picture.labels, picture.view, picture.laterality),
    )


def shown_at(picture: Picture, size: tuple[int, int]) -> Image:
    """Return brightness 0..1 of a picture, shrunk to fit within size (H, W)."""
    levels = picture.levels().astype(np.float32) / np.float32(WHITE)
    return resize_area(levels, fit_within(levels.shape, size))


def draw_move(
    random: np.random.Generator, size: tuple[int, int], settings: WholeSettings
) -> NDArray[np.float64]:
    """Draw a turn, a scale and a shift around the middle of the chest wall, as [2, 3]."""
    turned = draw_turn(random, settings)
    if settings.mirror and random.random() < settings.mirror:
        turned = turned @ np.diag([1.0, -1.0])
    middle = np.array([0.0, size[0] / 2])
    shift = random.uniform(-settings.shift, settings.shift, 2) * np.array([size[1], size[0]])
    return np.column_stack([turned, middle + shift - turned @ middle])


def draw_turn(random: np.random.Generator, settings: WholeSettings) -> NDArray[np.float64]:
    """Draw a turn and a scale, as [2, 2]."""
    angle = np.deg2rad(random.uniform(-settings.turn, settings.turn))
    low, high = np.log(settings.scale)
    factor = np.exp(random.uniform(low, high))
    turned: NDArray[np.float64] = factor * np.array(
        [[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]]
    )
    return turned


def moved(picture: Image, move: NDArray[np.float64], size: tuple[int, int]) -> Image:
    """Show a picture [h, w] through a move, on black, as [H, W]."""
    # OpenCV counts from the middle of the first pixel, we from its corner
    centred = move.copy()
    centred[:, 2] += move[:, :2] @ np.array([0.5, 0.5]) - 0.5
    shown = cv2.warpAffine(picture, centred, (size[1], size[0]), flags=cv2.INTER_LINEAR)
    return np.asarray(shown, dtype=np.float32)


def on_cells(picture: Image, cell: int) -> NDArray[np.float32]:
    """Average [H, W] over cells, padded with zeros to whole cells."""
    height, width = picture.shape
    rows, columns = -(-height // cell), -(-width // cell)
    padded = np.zeros((rows * cell, columns * cell), np.float32)
    padded[:height, :width] = picture
    means: NDArray[np.float32] = padded.reshape(rows, cell, columns, cell).mean(axis=(1, 3))
    return means


def places_of(
    picture: Picture,
    settings: WholeSettings,
    move: NDArray[np.float64] | None,
    cell: int,
    size: tuple[int, int] | None = None,
) -> tuple[NDArray[np.bool_], NDArray[np.float32]]:
    """Return which kinds' places are known [K], and what share of each cell [K, h, w] they cover.

    A kind's places are known where it is absent, and where every finding of it has a box; a kind
    that is present somewhere, or that nobody looked for, teaches nothing about places.

    Args:
        picture: one prepared mammogram.
        settings: size of the fine view.
        move: from the fine view to what is shown; None shows the fine view itself.
        cell: side in pixels.
        size: (H, W) of what is shown, that of the fine view by default.
    """
    size = size or settings.size
    height, width = size
    placed = np.zeros(len(FINDINGS), np.bool_)
    cover = np.zeros((len(FINDINGS), -(-height // cell), -(-width // cell)), np.float32)
    for k, kind in enumerate(FINDINGS):
        found = [one for one in picture.labels.findings if one.kind == kind]
        boxes = [one.box.as_tuple() for one in found if one.box is not None]
        absent = getattr(picture.labels, kind) == 0 and not found
        placed[k] = absent or (len(boxes) > 0 and len(boxes) == len(found))
        if boxes:
            cover[k] = _cover(boxes, picture, settings, move, cell, size)
    return placed, cover


def grades_of(
    picture: Picture,
    settings: WholeSettings,
    move: NDArray[np.float64] | None,
    cell: int,
    size: tuple[int, int] | None = None,
) -> NDArray[np.float32]:
    """Return what share of each cell benign and malignant findings cover, [2, h, w].

    Findings without a box or whose pathology is unknown cover nothing; arguments as `places_of`.
    """
    size = size or settings.size
    cover = np.zeros((2, -(-size[0] // cell), -(-size[1] // cell)), np.float32)
    for grade in range(2):
        boxes = [
            one.box.as_tuple()
            for one in picture.labels.findings
            if one.box is not None and one.pathology == grade
        ]
        if boxes:
            cover[grade] = _cover(boxes, picture, settings, move, cell, size)
    return cover


def _cover(
    boxes: Sequence[tuple[float, float, float, float]],
    picture: Picture,
    settings: WholeSettings,
    move: NDArray[np.float64] | None,
    cell: int,
    size: tuple[int, int],
) -> NDArray[np.float32]:
    covered = cover_of(boxes, picture.crop, settings.size).astype(np.float32)
    return on_cells(covered if move is None else moved(covered, move, size), cell)


def normal(picture: Image, settings: WholeSettings) -> NDArray[np.float32]:
    """Normalise a picture [H, W] as the encoder's contract says, [1, H, W]."""
    made: NDArray[np.float32] = (picture[None] - np.float32(settings.mean)) / np.float32(
        settings.std
    )
    return made
