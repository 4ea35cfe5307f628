"""Hits and misses drawn on the images, so that a figure can be looked at.

Solid lines are what the model drew, dashed ones what is true. Which images are shown follows from
their scores alone, never from taste: the surest hits, the lesions that were missed, the surest
false findings.
"""

from __future__ import annotations

import base64
import io
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from html import escape
from pathlib import Path
from typing import cast

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw
from scipy.ndimage import binary_dilation, binary_erosion

from benchmark.metrics.bootstrap import Floats
from benchmark.metrics.matching import touches
from benchmark.metrics.segmentation import measured, read_mask
from benchmark.metrics.task_figures import TaskDescription
from benchmark.samples import BoxesSample, MaskSample, Sample
from versamammo.data.dataset import Picture
from versamammo.input.preprocess import WHITE

EACH = 3  # examples of a sort
SIDE = 320  # longest side of a picture, in pixels
TRUE, SAID = (72, 214, 255), (255, 166, 43)
QUALITY = 82
BOXES_SHOWN = 3  # of one image
HALF = 0.5  # Dice from which a mask is framed as a hit


@dataclass(frozen=True)
class ExampleImage:
    """One image and why it is shown."""

    sample: Sample
    sort: str
    words: str


def examples(
    task: TaskDescription, samples: Sequence[Sample], root: Path, pictures: Mapping[str, Picture]
) -> str:
    """Draw a task's examples side by side; nothing for tasks without a place or a picture."""
    if task.kind == "detection":
        found = _of_boxes(cast(Sequence[BoxesSample], samples))
    elif task.kind == "segmentation":
        found = _of_masks(cast(Sequence[MaskSample], samples), root)
    else:
        return ""
    drawn = [_figure(one, root, pictures[one.sample.id])
             for one in found if one.sample.id in pictures]  # fmt: skip
    return f'<div class="examples">{"".join(drawn)}</div>' if drawn else ""


def _of_boxes(samples: Sequence[BoxesSample]) -> list[ExampleImage]:
    """Choose the surest hits, missed lesions and the surest false boxes on normal images."""
    hits, misses, false = [], [], []
    for sample in samples:
        best = max(sample.scores, default=0.0)
        if not sample.truth:
            false.append((best, ExampleImage(sample, "false", f"normal image, score {best:.2f}")))
            continue
        boxes, truth = _array(sample.boxes), _array(sample.truth)
        hitting = touches(boxes, truth).sum(axis=1)
        right = max((sample.scores[place] for place in np.flatnonzero(hitting)), default=-1.0)
        if right >= best > 0:
            hits.append((right, ExampleImage(sample, "hit", f"hit, score {right:.2f}")))
        else:
            words = "lesion missed" if right < 0 else f"lesion {right:.2f}, elsewhere {best:.2f}"
            misses.append((best - right, ExampleImage(sample, "miss", words)))
    return _surest(hits) + _surest(misses) + _surest([one for one in false if one[0] > 0])


def _of_masks(samples: Sequence[MaskSample], root: Path) -> list[ExampleImage]:
    """Choose the best and the worst overlaps, and drawings on images without lesion."""
    there, false = [], []
    for sample in samples:
        found = measured(sample, root)
        if not found.empty_truth:
            there.append((found.dice, sample))
        elif not found.empty_mask:
            false.append((0.0, ExampleImage(sample, "false", "drawn on an image without lesion")))
    there.sort(key=lambda pair: (-pair[0], pair[1].id))
    best, worst = there[:EACH], there[EACH:][-EACH:]
    shown = [
        ExampleImage(one, "hit" if dice >= HALF else "miss", f"Dice {dice:.2f}")
        for dice, one in best + worst
    ]
    return shown + _surest(false)


def _surest(found: Sequence[tuple[float, ExampleImage]]) -> list[ExampleImage]:
    ordered = sorted(found, key=lambda pair: (-pair[0], pair[1].sample.id))
    return [example for _, example in ordered[:EACH]]


def _figure(example: ExampleImage, root: Path, picture: Picture) -> str:
    data = base64.b64encode(draw(example.sample, root, picture)).decode()
    sample = example.sample
    return (
        f'<figure class="{example.sort}"><img alt="{escape(example.words)}" '
        f'src="data:image/jpeg;base64,{data}"/><figcaption><b>{escape(example.words)}</b>'
        f"<br/>{escape(sample.id)}</figcaption></figure>"
    )


def draw(sample: Sample, root: Path, picture: Picture) -> bytes:
    """Draw truth and answer on a prepared image, as JPEG."""
    levels = picture.levels()
    scale = SIDE / max(levels.shape)
    size = max(1, round(levels.shape[1] * scale)), max(1, round(levels.shape[0] * scale))
    grey = Image.fromarray((levels.astype(np.float32) * (255 / WHITE)).round().astype(np.uint8))
    canvas = grey.resize(size, Image.Resampling.BOX).convert("RGB")
    if isinstance(sample, BoxesSample):
        _draw_boxes(canvas, sample, picture, scale)
    elif isinstance(sample, MaskSample):
        canvas = _draw_masks(canvas, sample, root, picture)
    stream = io.BytesIO()
    canvas.save(stream, "JPEG", quality=QUALITY)
    return stream.getvalue()


def _draw_boxes(canvas: Image.Image, sample: BoxesSample, picture: Picture, scale: float) -> None:
    pen = ImageDraw.Draw(canvas)
    order = np.argsort([-score for score in sample.scores], kind="stable")[:BOXES_SHOWN]
    said = _array(sample.boxes)[order]
    for box, place in zip(_placed(said, picture) * scale, order, strict=True):
        if np.isfinite(box).all():
            pen.rectangle(tuple(box), outline=SAID, width=2)
            corner = (box[0] + 2, max(0.0, box[1] - 11))
            pen.text(corner, f"{sample.scores[place]:.2f}", fill=SAID)
    for box in _placed(_array(sample.truth), picture) * scale:
        if np.isfinite(box).all():
            _dashed(pen, box)


def _placed(boxes: Floats, picture: Picture) -> Floats:
    """Map boxes to the picture; NaN where nothing of one is left."""
    if not len(boxes):
        return boxes
    flat = (boxes[:, 2:] <= boxes[:, :2]).any(axis=1, keepdims=True)
    placed: Floats = picture.crop.boxes_to_input(np.where(flat, np.nan, boxes))
    return placed


def _dashed(pen: ImageDraw.ImageDraw, box: Floats, dash: float = 5) -> None:
    x1, y1, x2, y2 = map(float, box)
    for start in np.arange(x1, x2, 2 * dash):
        for y in (y1, y2):
            pen.line((start, y, min(start + dash, x2), y), fill=TRUE, width=2)
    for start in np.arange(y1, y2, 2 * dash):
        for x in (x1, x2):
            pen.line((x, start, x, min(start + dash, y2)), fill=TRUE, width=2)


def _draw_masks(
    canvas: Image.Image, sample: MaskSample, root: Path, picture: Picture
) -> Image.Image:
    pixels = np.asarray(canvas).copy()
    for name, color, dashed in ((sample.mask, SAID, False), (sample.truth, TRUE, True)):
        mask = picture.crop.mask_to_input(read_mask(root / name))
        small = np.asarray(Image.fromarray(mask.astype(np.uint8) * 255).resize(canvas.size)) > 127
        edge = _edge(small)
        if dashed:
            rows, columns = np.indices(edge.shape)
            edge &= (rows + columns) % 10 < 6
        pixels[edge] = color
    return Image.fromarray(pixels)


def _edge(mask: NDArray[np.bool_]) -> NDArray[np.bool_]:
    edge: NDArray[np.bool_] = binary_dilation(mask) & ~binary_erosion(mask)
    return edge


def _array(boxes: Sequence[tuple[float, ...]]) -> Floats:
    return np.array(boxes, dtype=float).reshape(-1, 4)
