from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from torchvision.ops import box_iou

from benchmark.dense.anchors import anchor_sizes
from benchmark.dense.canvas import Canvas
from benchmark.dense.detector import DetectedBoxes
from benchmark.detecting import average_precision, run
from benchmark.samples import BoxesSample
from benchmark.task_rows import AdaptSettings, Places, TaskRows
from tests.benchmark.dense.discs import STORED, discs, task, tiny
from versamammo.errors import InputError
from versamammo.input.contract import InputContract

SETTINGS = AdaptSettings(steps=40, check_every=20, batch=4, seed=1)
TASK = task("detection")


@pytest.fixture(scope="module")
def rows(tmp_path_factory: pytest.TempPathFactory) -> TaskRows:
    return discs(tmp_path_factory.mktemp("discs"), "detection")


@pytest.fixture(scope="module")
def found(rows: TaskRows, tmp_path_factory: pytest.TempPathFactory) -> list[BoxesSample]:
    out = tmp_path_factory.mktemp("out")
    samples = list(run(TASK, tiny(), rows, SETTINGS, out))
    looks = json.loads((out / "fitting.json").read_text())["looks"]
    assert looks[-1]["loss"] < 0.7 * looks[0]["loss"]
    return samples


def best_overlap(sample: BoxesSample) -> float:
    """Return the IoU of the most likely box with the true one, in pixels of the file."""
    return float(box_iou(torch.tensor(sample.boxes[:1]), torch.tensor(sample.truth)).max())


def test_a_blob_is_found_where_it_lies_in_the_file(found: list[BoxesSample]) -> None:
    shown = [sample for sample in found if sample.truth]
    assert len(shown) == 6
    # a box of its size thrown on the breast at random overlaps that much once in fifty
    assert sum(best_overlap(sample) > 0.4 for sample in shown) >= 5


def test_normal_images_are_among_the_samples_and_score_low(found: list[BoxesSample]) -> None:
    highest = [max(sample.scores, default=0.0) for sample in found]
    shown = [bool(sample.truth) for sample in found]
    assert min(np.array(highest)[shown]) > max(np.array(highest)[np.logical_not(shown)])


def test_samples_tell_pixels_of_the_file_and_probabilities(found: list[BoxesSample]) -> None:
    assert any(sample.boxes for sample in found)
    for sample in found:
        assert sample.size == STORED
        assert sample.groups == {"view": "CC"}
        assert list(sample.scores) == sorted(sample.scores, reverse=True)
        for score, (x1, y1, x2, y2) in zip(sample.scores, sample.boxes, strict=True):
            assert 0 <= score <= 1
            assert 20 <= x1 < x2 <= 140
            assert 10 <= y1 < y2 <= 190


def test_the_seed_decides_everything(rows: TaskRows, tmp_path: Path) -> None:
    few = replace(rows, test=rows.test[:2])
    short = replace(SETTINGS, steps=3, check_every=3)
    once, again, other = (
        list(run(TASK, tiny(), few, replace(short, seed=seed), tmp_path)) for seed in (1, 1, 2)
    )
    assert once == again
    assert once != other


def test_the_encoder_is_left_as_it_was_even_if_a_copy_is_tuned(
    rows: TaskRows, tmp_path: Path
) -> None:
    encoder = tiny("test_efficientnet")
    before = {key: tensor.clone() for key, tensor in encoder.state_dict().items()}
    few = replace(rows, test=rows.test[:1])
    short = replace(SETTINGS, steps=2, check_every=2, probe="finetune")
    assert len(list(run(TASK, encoder, few, short, tmp_path))) == 1
    assert all(torch.equal(before[key], now) for key, now in encoder.state_dict().items())


def test_a_vit_is_read_at_another_size_than_its_own(rows: TaskRows, tmp_path: Path) -> None:
    few = replace(rows, test=rows.test[:1])
    short = replace(SETTINGS, steps=1, check_every=1, size=(160, 96))
    (sample,) = run(TASK, tiny("test_vit"), few, short, tmp_path)
    assert sample.size == STORED


def test_a_task_without_a_finding_to_learn_from_is_refused(rows: TaskRows, tmp_path: Path) -> None:
    normal = [row for row in rows.train if isinstance(row.truth, Places) and not row.truth.boxes]
    with pytest.raises(InputError, match="no training image") as refused:
        next(run(TASK, tiny(), replace(rows, train=normal), SETTINGS, tmp_path))
    assert refused.value.reason == "nothing-to-learn"


def test_anchors_rise_from_level_to_level_and_follow_millimetres(rows: TaskRows) -> None:
    fine = anchor_sizes(rows.train, Canvas.of(InputContract(size=(192, 128)), None), 4)
    flat = [side for level in fine for side in level]
    assert flat == sorted(set(flat))
    # files have 0.5 mm per pixel, and the levels as well: 4 mm are 8 pixels, 64 mm are 128
    assert flat[0] == pytest.approx(8)
    assert flat[-1] == pytest.approx(128)
    half = anchor_sizes(rows.train, Canvas.of(InputContract(size=(96, 64)), None), 4)
    assert half[-1][-1] == pytest.approx(128 * 96 / 180, rel=0.05)


def test_anchors_follow_the_boxes_where_no_spacing_is_known(rows: TaskRows) -> None:
    blind = [replace(row, picture=replace(row.picture, spacing_mm=None)) for row in rows.train]
    canvas = Canvas.of(InputContract(size=(192, 128)), None)
    flat = [side for level in anchor_sizes(blind, canvas, 4) for side in level]
    sides = [2 * radius for radius in range(9, 16)]
    assert min(sides) / 2 <= flat[0] <= max(sides) / 2
    assert flat[-1] <= 2 * max(sides)


def boxes(*sides: tuple[float, float, float, float]) -> torch.Tensor:
    return torch.tensor(sides).reshape(-1, 4)


def test_average_precision_by_hand() -> None:
    a, b, far = (0.0, 0.0, 10.0, 10.0), (20.0, 0.0, 30.0, 10.0), (50.0, 50.0, 60.0, 60.0)

    def seen(*pairs: tuple[tuple[float, float, float, float], float]) -> DetectedBoxes:
        sides = boxes(*(side for side, _ in pairs))
        scores = torch.tensor([score for _, score in pairs])
        return DetectedBoxes(sides, torch.zeros(len(pairs), dtype=torch.int64), scores)

    truth = [boxes(a, b), boxes()]
    assert average_precision(truth, [seen((a, 0.9), (b, 0.8)), seen()], 0.5) == 1.0
    # ranked: hit, miss on the normal image, second box on the same finding, hit: (1 + 2/4) / 2
    found = [seen((a, 0.9), (a, 0.7), (b, 0.6)), seen((far, 0.8))]
    assert average_precision(truth, found, 0.5) == pytest.approx(0.75)
    assert average_precision(truth, [seen(), seen((far, 0.8))], 0.5) == 0.0
