"""Mammograms to pictures: outline, boxes and captions drawn, several hung on one sheet.

Pictures are for looking only and are the one place where intensities become 8 bits.
"""

from __future__ import annotations

import io
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont

from versamammo import NOTICE
from versamammo.errors import InputError
from versamammo.files import write_atomically
from versamammo.imaging.mammogram import Box

OUTLINE = (64, 200, 255)
FINDING = (255, 176, 32)
TEXT = (235, 235, 235)
GROUND = (16, 16, 18)
LINE = 18  # height of a caption line, in pixels of the picture


@dataclass(frozen=True)
class Panel:
    """One picture of a sheet.

    Attributes:
        pixels: float32 [H, W] in 0..1.
        caption: lines of text below the picture.
        outline: polygon [P, 2] of (x, y) in pixels of this picture, or None.
        boxes: rectangles with a word for each.
    """

    pixels: NDArray[np.float32]
    caption: tuple[str, ...] = ()
    outline: NDArray[np.float64] | None = None
    boxes: tuple[tuple[Box, str], ...] = ()


def font(size: int) -> ImageFont.FreeTypeFont | ImageFont.ImageFont:
    """Return the font that Pillow carries, so that no font file is looked for."""
    return ImageFont.load_default(size)


def draw_panel(panel: Panel, height: int, width: int | None = None) -> Image.Image:
    """Draw one panel `height` pixels high, no wider than `width`, with a caption below.

    Returns:
        An RGB picture; its picture part keeps the aspect of the pixels.
    """
    rows, columns = panel.pixels.shape
    scale = height / rows if width is None else min(height / rows, width / columns)
    size = (max(1, round(columns * scale)), max(1, round(rows * scale)))  # (W, H)
    grey = cv2.resize(panel.pixels, size, interpolation=cv2.INTER_AREA)
    picture = Image.fromarray(np.round(np.clip(grey, 0, 1) * 255).astype(np.uint8)).convert("RGB")

    canvas = Image.new("RGB", (width or size[0], height + LINE * len(panel.caption) + 6), GROUND)
    canvas.paste(picture, ((canvas.width - size[0]) // 2, 0))
    pen = ImageDraw.Draw(canvas)
    origin = np.array([(canvas.width - size[0]) // 2, 0.0])
    per_pixel = np.array([size[0] / columns, size[1] / rows])
    if panel.outline is not None and len(panel.outline) > 1:
        points = [tuple(p) for p in panel.outline * per_pixel + origin]
        pen.line([*points, points[0]], fill=OUTLINE, width=2)
    for box, word in panel.boxes:
        corners = np.array(box.as_tuple()).reshape(2, 2) * per_pixel + origin
        pen.rectangle([*corners[0], *corners[1]], outline=FINDING, width=2)
        pen.text((corners[0, 0], max(0.0, corners[0, 1] - 14)), word, fill=FINDING, font=font(12))
    for number, line in enumerate(panel.caption):
        pen.text((4, height + 4 + number * LINE), line, fill=TEXT, font=font(13))
    return canvas


def shrink(panel: Panel, height: int) -> Panel:
    """Reduce a panel to at most `height` rows, overlays included, so that many fit in memory."""
    rows, columns = panel.pixels.shape
    scale = min(1.0, height / rows)
    size = (max(1, round(columns * scale)), max(1, round(rows * scale)))  # (W, H)
    per_pixel = np.array([size[0] / columns, size[1] / rows])
    reduced = cv2.resize(panel.pixels, size, interpolation=cv2.INTER_AREA)
    return Panel(
        reduced.astype(np.float32, copy=False),
        panel.caption,
        None if panel.outline is None else panel.outline * per_pixel,
        tuple((Box(*(box.as_tuple() * np.tile(per_pixel, 2))), word) for box, word in panel.boxes),
    )


def draw_sheet(
    panels: Sequence[Panel], *, columns: int, height: int, title: str, gap: int = 8
) -> Image.Image:
    """Lay panels out in rows of `columns`, under a title and over the research notice."""
    if not panels:
        raise InputError("there is nothing to draw", reason="nothing-to-draw")
    width = max(round(p.pixels.shape[1] * height / p.pixels.shape[0]) for p in panels)
    drawn = [draw_panel(panel, height, width) for panel in panels]
    lines = max(len(panel.caption) for panel in panels)
    cell = (width + gap, height + LINE * lines + 6 + gap)
    rows = -(-len(drawn) // columns)
    sheet = Image.new("RGB", (columns * cell[0] + gap, rows * cell[1] + 64), GROUND)
    pen = ImageDraw.Draw(sheet)
    pen.text((gap, 6), title, fill=TEXT, font=font(18))
    for index, picture in enumerate(drawn):
        row, column = divmod(index, columns)
        sheet.paste(picture, (gap + column * cell[0], 34 + row * cell[1]))
    pen.text((gap, sheet.height - 24), NOTICE, fill=FINDING, font=font(14))
    return sheet


def save_png(picture: Image.Image, path: Path) -> None:
    """Write a PNG so that either the whole file is there or none of it.

    Raises:
        InputError: the folder is missing or the name does not end in .png.
    """
    if path.suffix.lower() != ".png":
        raise InputError(
            f"a picture is written as .png, got {path.suffix or 'no ending'}", file=path
        )
    if not path.parent.is_dir():
        raise InputError("its folder does not exist", file=path, field="--png")
    encoded = io.BytesIO()
    picture.save(encoded, format="PNG", optimize=True)
    write_atomically(path, encoded.getvalue())
