"""The reliability curve and the sheet of lesions found and missed, as PNG files."""

from __future__ import annotations

import io
from collections.abc import Sequence
from pathlib import Path

import matplotlib as mpl

mpl.use("Agg")

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure as Canvas
from matplotlib.patches import Rectangle

from benchmark.samples import BoxesSample
from versamammo.data.dataset import Picture
from versamammo.files import write_atomically

EACH = 12  # lesions found, and lesions missed
COLUMNS = 8
SHOWN = 3  # marks drawn on one film


def save(canvas: Canvas, file: Path) -> None:
    """Write a figure as PNG."""
    packed = io.BytesIO()
    canvas.savefig(packed, format="png", dpi=110, bbox_inches="tight")
    plt.close(canvas)
    write_atomically(file, packed.getvalue())


def draw_reliability(points: Sequence[dict[str, float]], title: str, file: Path) -> None:
    """Draw how often what was said came true, with how many films each point stands for."""
    canvas, axes = plt.subplots(figsize=(4.5, 4.5))
    axes.plot([0, 1], [0, 1], color="grey", linewidth=1)
    axes.plot([one["said"] for one in points], [one["seen"] for one in points], marker="o")
    for one in points:
        axes.annotate(f"{one['n']:g}", (one["said"], one["seen"]), (4, -10),
                      textcoords="offset points", fontsize=8)  # fmt: skip
    axes.set(xlim=(0, 1), ylim=(0, 1), title=title, xlabel="probability of malignant, as told",
             ylabel="share that was malignant")  # fmt: skip
    save(canvas, file)


def draw_sheet(
    pictures: dict[str, Picture],
    samples: Sequence[BoxesSample],
    lesions: Sequence[tuple[int, int, bool]],
    threshold: float,
    file: Path,
) -> None:
    """Draw twelve lesions that were found and twelve that were missed, drawn by chance.

    Args:
        pictures: by image id.
        samples: true and found boxes.
        lesions: sample, place in it and whether it was found, of each.
        threshold: marks above it are drawn.
        file: to write.
    """
    chosen: list[tuple[int, int, bool]] = []
    for wanted in (True, False):
        some = [one for one in lesions if one[2] is wanted]
        order = np.random.default_rng(0).permutation(len(some))[:EACH]
        chosen += [some[place] for place in sorted(order)]
    rows = max(1, -(-len(chosen) // COLUMNS))
    canvas, grid = plt.subplots(rows, COLUMNS, figsize=(2 * COLUMNS, 3.4 * rows), squeeze=False)
    for axes in grid.flat:
        axes.axis("off")
    for axes, (number, lesion, hit) in zip(grid.flat, chosen, strict=False):
        sample = samples[number]
        _draw_film(axes, pictures[sample.id], sample, lesion, threshold)
        axes.set_title(f"{'found' if hit else 'missed'}\n{Path(sample.id).stem}", fontsize=7)
    save(canvas, file)


def _draw_film(
    axes: Axes, picture: Picture, sample: BoxesSample, lesion: int, threshold: float
) -> None:
    """Draw one film, chest wall left: the lesion in green, other lesions dashed, marks in red."""
    axes.imshow(picture.levels(), cmap="gray")
    crop = picture.crop
    truth = crop.boxes_to_input(list(sample.truth))
    for place, box in enumerate(truth):
        _frame(axes, box, "lime", "-" if place == lesion else ":")
    strong = [n for n, score in enumerate(sample.scores) if score > threshold][:SHOWN]
    marks = crop.boxes_to_input([sample.boxes[n] for n in strong]) if strong else []
    for n, box in zip(strong, marks, strict=True):
        _frame(axes, box, "red", "-")
        axes.text(box[0], box[1], f"{sample.scores[n]:.2f}", color="red", fontsize=6)


def _frame(axes: Axes, box: np.ndarray, color: str, style: str) -> None:
    x1, y1, x2, y2 = box
    axes.add_patch(
        Rectangle((x1, y1), x2 - x1, y2 - y1, fill=False, edgecolor=color, linestyle=style)
    )
