"""The picture of an exam: four views hung, or one view, with window, overlays and a scale bar."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw

from app.chat.evidence.contracts import Evidence, Findings, HeatMap
from app.chat.evidence.exam import Exam, ExamImage
from app.chat.viewer.exam_layout import PicturePlace, place_all, place_one
from app.chat.viewer.pixels import sent_values
from app.viewer import FINDING, OUTLINE, TEXT, font
from versamammo.imaging.mammogram import Box
from vlm.option_words import figure

SUSPECT = (150, 170, 200)  # a place where a lesion would lie, if there is one
ANSWER = (120, 230, 140)  # what the last answer points to
BAR_MM = 50
COLD = 0.1  # an exam whose warmest place is below this shows no full heat
HEAT = 0.45  # of the colour where the heat is 1
PRESETS = {  # (level, width) in percent of the range that the file's own window shows
    "From the file": (50, 100),
    "Dense tissue": (68, 60),
    "Fat and skin line": (25, 50),
    "Strong contrast": (55, 45),
}


@dataclass(frozen=True)
class DisplaySettings:
    """How the exam is to be drawn.

    Attributes:
        view: number of the picture to show alone, or None for the hanging.
        level: centre of the window, in percent of the shown range.
        width: of the window, in percent of the shown range.
    """

    view: int | None = None
    level: float = 50
    width: float = 100
    invert: bool = False
    outline: bool = False
    boxes: bool = True
    heat: bool = False


def draw(
    exam: Exam,
    look: DisplaySettings,
    findings: Findings | None = None,
    pointed: tuple[Evidence, ...] = (),
    height: int | None = 640,
) -> Image.Image:
    """Draw the exam as an RGB picture.

    Each cell of a hanging is `height` pixels high, and one picture twice that; None draws one
    picture at its own pixels.
    """
    if look.view is None:
        placed, size = place_all(exam, height or 640)
    else:
        placed, size = place_one(exam, look.view, None if height is None else 2 * height)
    canvas = np.zeros((size[1], size[0]), np.uint8)
    for place in placed:
        grey = _grey(place, look)
        x, y = place.left, place.top
        canvas[y : y + grey.shape[0], x : x + grey.shape[1]] = grey
    colour = np.repeat(canvas[..., None], 3, axis=2)
    if findings is not None and look.heat:
        # all pictures on one scale, which a cold exam does not fill
        warmest = max([COLD, *(float(heat.values.max()) for heat in findings.heat)])
        for heat in findings.heat:
            _warm(colour, heat, placed, warmest)
    picture = Image.fromarray(colour)
    pen = ImageDraw.Draw(picture)
    for place in placed:
        unit = max(1.0, (place.cell[3] - place.cell[1]) / 700)
        _overlay(pen, place, look, findings, pointed, unit)
        _letters(pen, place, exam, unit)
    return picture


def _grey(place: PicturePlace, look: DisplaySettings) -> NDArray[np.uint8]:
    """Cut, window, mirror and shrink one picture; uint8 [rows, columns]."""
    x1, y1, x2, y2 = place.cut
    display = place.image.display
    values = sent_values(place.image)[y1:y2, x1:x2]
    shades = cv2.LUT(
        np.ascontiguousarray(values), display.shades(look.level, look.width, look.invert)
    )
    rows, columns = place.size
    if shades.shape != (rows, columns):
        way = cv2.INTER_AREA if rows < shades.shape[0] else cv2.INTER_LINEAR
        shades = cv2.resize(shades, (columns, rows), interpolation=way)
    return np.asarray(shades[:, ::-1] if place.mirrored else shades, np.uint8)


def _warm(
    colour: NDArray[np.uint8], heat: HeatMap, placed: list[PicturePlace], warmest: float
) -> None:
    """Blend a heat map over its picture in place; `warmest` is shown at full strength."""
    for place in placed:
        if place.number != heat.image:
            continue
        corners = place.to_picture(np.array(heat.box.as_tuple()).reshape(2, 2))
        (x1, y1), (x2, y2) = (
            corners.min(axis=0).round().astype(int),
            corners.max(axis=0).round().astype(int),
        )
        if x2 <= x1 or y2 <= y1:
            continue
        spread = np.asarray(cv2.resize(heat.values, (int(x2 - x1), int(y2 - y1))), np.float32)
        spread = spread / warmest
        spread = spread[:, ::-1] if place.mirrored else spread
        top, left = max(y1, 0), max(x1, 0)
        part = colour[top:y2, left:x2]
        spread = np.clip(spread[top - y1 :, left - x1 :][: part.shape[0], : part.shape[1]], 0, 1)
        shades = cv2.applyColorMap((spread * 255).astype(np.uint8), cv2.COLORMAP_INFERNO)[..., ::-1]
        weight = (HEAT * spread)[..., None]
        part[:] = (part * (1 - weight) + shades * weight).astype(np.uint8)


def _overlay(
    pen: ImageDraw.ImageDraw,
    place: PicturePlace,
    look: DisplaySettings,
    findings: Findings | None,
    pointed: tuple[Evidence, ...],
    unit: float,
) -> None:
    breast = place.image.breast
    if look.outline and breast is not None and len(breast.outline) > 1:
        points = [tuple(p) for p in place.to_picture(breast.outline)]
        pen.line([*points, points[0]], fill=OUTLINE, width=2)
    if not look.boxes:
        return
    # what the last answer points to is drawn once, in the answer's colour
    answered = {(one.image, one.box) for one in pointed if one.box is not None}
    for region in findings.regions if findings else ():
        if region.image == place.number and (region.image, region.box) not in answered:
            word = f"{region.word} {figure(region.score)}{_size(place.image, region.box)}"
            _rectangle(pen, place, region.box, word, FINDING, unit)
    for region in findings.suspects if findings else ():
        if region.image == place.number and (region.image, region.box) not in answered:
            word = f"if any, here{_size(place.image, region.box)}"
            _rectangle(pen, place, region.box, word, SUSPECT, unit)
    for evidence in pointed:
        if evidence.image == place.number and evidence.box is not None:
            sure = "" if evidence.confidence is None else f" {figure(evidence.confidence)}"
            word = f"{evidence.word}{sure}{_size(place.image, evidence.box)}"
            _rectangle(pen, place, evidence.box, word, ANSWER, unit)


def _size(image: ExamImage, box: Box) -> str:
    size = image.millimetres(box)
    return "" if size is None else f", {size[0]:.0f} x {size[1]:.0f} mm"


def _rectangle(
    pen: ImageDraw.ImageDraw,
    place: PicturePlace,
    box: Box,
    word: str,
    colour: tuple[int, int, int],
    unit: float,
) -> None:
    corners = place.to_picture(np.array(box.as_tuple()).reshape(2, 2))
    (x1, y1), (x2, y2) = corners.min(axis=0), corners.max(axis=0)
    pen.rectangle([x1, y1, x2 - 1, y2 - 1], outline=colour, width=max(2, round(unit)))
    letters = font(round(14 * unit))
    # above the box, or inside it below the name of the view, and never past the picture's edge
    above = y1 > place.top + 60 * unit
    y = y1 - 20 * unit if above else max(y1, place.cell[1]) + 40 * unit
    x = min(x1 + 4, place.cell[2] - pen.textlength(word, font=letters) - 4)
    pen.text((max(x, place.cell[0] + 4.0), y), word, fill=colour, font=letters,
             stroke_width=2, stroke_fill=(0, 0, 0))  # fmt: skip


def _letters(pen: ImageDraw.ImageDraw, place: PicturePlace, exam: Exam, unit: float) -> None:
    """Write side and view at the outer upper corner, and a scale bar at the outer lower one."""
    x1, y1, x2, y2 = place.cell
    left = place.outer == "left"
    edge = 10 * unit
    at = (x1 + edge if left else x2 - edge, y1 + edge)
    pen.text(at, exam.names[place.number], fill=TEXT, font=font(round(22 * unit)),
             anchor="lt" if left else "rt", stroke_width=2, stroke_fill=(0, 0, 0))  # fmt: skip
    if place.per_mm is None:
        return
    length = BAR_MM * place.per_mm
    x = x1 + edge if left else x2 - edge - length
    y = y2 - 14 * unit
    pen.line([x, y, x + length, y], fill=TEXT, width=2)
    for end in (x, x + length):
        pen.line([end, y - 5 * unit, end, y + 5 * unit], fill=TEXT, width=2)
    pen.text((x + length / 2, y - 6 * unit), f"{BAR_MM} mm", fill=TEXT, anchor="mb",
             font=font(round(13 * unit)), stroke_width=2, stroke_fill=(0, 0, 0))  # fmt: skip
