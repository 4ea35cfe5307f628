"""What is drawn on the images, and which images are chosen."""

from __future__ import annotations

import io
from pathlib import Path

import numpy as np
from PIL import Image

from benchmark.report.example_pictures import SAID, TRUE, draw, examples
from benchmark.samples import BoxesSample, MaskSample
from tests.benchmark.metrics.made_up import LESIONS, MASKS
from versamammo.data.cache import write_levels
from versamammo.data.dataset import Picture
from versamammo.data.labels import Labels
from versamammo.input.geometry import Crop

SIZE = (320, 240)


def picture(folder: Path, mirrored: bool = False) -> Picture:
    file = folder / "levels.tif"
    write_levels(file, np.full(SIZE, 20_000, dtype=np.uint16))
    crop = Crop(SIZE, (0, 0, SIZE[1], SIZE[0]), mirrored, SIZE, SIZE)
    return Picture("i", file, crop, None, "p", "L", "CC", Labels())


def near(data: bytes, color) -> np.ndarray:
    pixels = np.asarray(Image.open(io.BytesIO(data)), dtype=int)
    return np.abs(pixels - np.array(color)).sum(axis=2) < 120


def test_boxes_are_drawn_where_they_lie_also_on_a_mirrored_image(tmp_path):
    sample = BoxesSample(
        "i", "p", size=SIZE, truth=((20, 40, 60, 90),), truth_classes=(0,),
        boxes=((150, 200, 200, 280),), classes=(0,), scores=(0.8,),
    )  # fmt: skip
    for mirrored in (False, True):
        data = draw(sample, tmp_path, picture(tmp_path, mirrored))
        for color, box in ((TRUE, (20, 40, 60, 90)), (SAID, (150, 200, 200, 280))):
            rows, columns = np.nonzero(near(data, color))
            x1, _, x2, y2 = box
            expected = (SIZE[1] - x2, SIZE[1] - x1) if mirrored else (x1, x2)
            assert abs(columns.min() - expected[0]) <= 4
            assert abs(columns.max() - expected[1]) <= 4
            assert abs(rows.max() - y2) <= 4


def test_masks_are_drawn_as_outlines(tmp_path):
    for name, rows in (("truth", slice(50, 100)), ("mask", slice(150, 250))):
        mask = np.zeros(SIZE, dtype=np.uint8)
        mask[rows, 60:160] = 255
        Image.fromarray(mask).save(tmp_path / f"{name}.png")
    sample = MaskSample("i", "p", truth="truth.png", mask="mask.png")
    data = draw(sample, tmp_path, picture(tmp_path))
    assert abs(np.nonzero(near(data, SAID))[0].max() - 249) <= 3
    assert abs(np.nonzero(near(data, TRUE))[0].min() - 50) <= 3
    assert not near(data, SAID)[200, 110]
    html = examples(MASKS, [sample], tmp_path, {"i": picture(tmp_path)})
    assert "Dice 0.00" in html


def test_hits_misses_and_false_boxes_are_chosen_by_their_scores(tmp_path):
    box = ((10, 10, 60, 60),)
    there = {"truth": box, "truth_classes": (0,), "size": SIZE}
    samples = [
        BoxesSample("sure", "a", boxes=box, classes=(0,), scores=(0.9,), **there),
        BoxesSample("silent", "b", **there),
        BoxesSample("astray", "c", boxes=((100, 100, 140, 140),), classes=(0,), scores=(0.7,),
                    **there),
        BoxesSample("normal", "d", boxes=box, classes=(0,), scores=(0.6,), size=SIZE),
        BoxesSample("quiet", "e", size=SIZE),
    ]  # fmt: skip
    shown = {sample.id: picture(tmp_path) for sample in samples}
    html = examples(LESIONS, samples, tmp_path, shown)
    sorts = [part.split('"')[0] for part in html.split('<figure class="')[1:]]
    assert sorts == ["hit", "miss", "miss", "false"]
    assert html.index("sure") < html.index("astray") < html.index("silent") < html.index("normal")
    assert "quiet" not in html
    assert examples(LESIONS, samples, tmp_path, {}) == ""
