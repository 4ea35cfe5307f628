from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from benchmark.dense.decoder import RareLoss
from benchmark.samples import MaskSample
from benchmark.segmenting import Marking, dice, run
from benchmark.task_rows import AdaptSettings, FindingMasks, TaskRows
from tests.benchmark.dense.discs import STORED, discs, task, tiny
from versamammo.errors import InputError

SETTINGS = AdaptSettings(steps=30, check_every=15, batch=4, seed=1)
TASK = task("segmentation")


@pytest.fixture(scope="module")
def rows(tmp_path_factory: pytest.TempPathFactory) -> TaskRows:
    return discs(tmp_path_factory.mktemp("discs"), "segmentation")


@pytest.fixture(scope="module")
def marked(
    rows: TaskRows, tmp_path_factory: pytest.TempPathFactory
) -> tuple[Path, list[MaskSample]]:
    out = tmp_path_factory.mktemp("out")
    samples = list(run(TASK, tiny(), rows, SETTINGS, out))
    looks = json.loads((out / "fitting.json").read_text())["looks"]
    assert looks[-1]["loss"] < 0.8 * looks[0]["loss"]
    return out, samples


def read(path: Path) -> np.ndarray:
    with Image.open(path) as picture:
        return np.asarray(picture)


def test_a_blob_is_marked_where_it_lies_in_the_file(
    marked: tuple[Path, list[MaskSample]],
) -> None:
    out, samples = marked
    pairs = [(read(out / one.truth), read(out / one.mask)) for one in samples]
    shown = [(truth, mask) for truth, mask in pairs if truth.any()]
    assert len(shown) == 6
    # a disc in the wrong place has Dice 0; the whole breast marked would have 0.07
    assert min(dice(mask, truth) for truth, mask in shown) > 0.6
    assert all(mask.shape == truth.shape == STORED for truth, mask in pairs)


def test_normal_images_keep_an_empty_mask(marked: tuple[Path, list[MaskSample]]) -> None:
    out, samples = marked
    normal = [read(out / one.mask) for one in samples if not read(out / one.truth).any()]
    assert len(normal) == 6
    assert sum(mask.any() for mask in normal) <= 1


def test_samples_name_files_of_one_bit_and_the_spacing_of_the_file(
    rows: TaskRows, marked: tuple[Path, list[MaskSample]]
) -> None:
    out, samples = marked
    assert [one.id for one in samples] == [row.id for row in rows.test]
    for one in samples:
        assert one.spacing_mm == pytest.approx((0.5, 0.5))
        assert Image.open(out / one.mask).mode == "1"
    assert len({one.mask for one in samples} | {one.truth for one in samples}) == 24


def test_the_seed_decides_everything(rows: TaskRows, tmp_path: Path) -> None:
    few = replace(rows, test=rows.test[:2])
    short = replace(SETTINGS, steps=3, check_every=3)
    masks = []
    for number, seed in enumerate((1, 1, 2)):
        out = tmp_path / str(number)
        list(run(TASK, tiny(), few, replace(short, seed=seed), out))
        masks.append((out / "fitting.json").read_bytes())
    assert masks[0] == masks[1]
    assert masks[0] != masks[2]


def test_a_copy_of_a_vit_is_tuned_and_the_encoder_left(rows: TaskRows, tmp_path: Path) -> None:
    encoder = tiny("test_vit")
    before = {key: tensor.clone() for key, tensor in encoder.state_dict().items()}
    few = replace(rows, test=rows.test[:1])
    short = replace(SETTINGS, steps=2, check_every=2, probe="finetune")
    assert len(list(run(TASK, encoder, few, short, tmp_path))) == 1
    assert all(torch.equal(before[key], now) for key, now in encoder.state_dict().items())


def test_a_task_without_a_mask_to_learn_from_is_refused(rows: TaskRows, tmp_path: Path) -> None:
    normal = [
        row for row in rows.train if isinstance(row.truth, FindingMasks) and not row.truth.masks
    ]
    with pytest.raises(InputError, match="no training image") as refused:
        next(run(TASK, tiny(), replace(rows, train=normal), SETTINGS, tmp_path))
    assert refused.value.reason == "nothing-to-learn"


def test_the_loss_asks_for_tiny_findings_and_for_empty_masks() -> None:
    loss, truth = RareLoss(), torch.zeros(1, 1, 64, 64)
    truth[..., 30:33, 30:33] = 1  # nine pixels of 4,096
    sure = torch.full_like(truth, 20.0)
    right, silent, everywhere = (2 * truth - 1) * sure, -sure, sure
    assert loss(right, truth) < 0.01 < 1 < loss(silent, truth)
    assert loss(everywhere, truth) > 1
    empty = torch.zeros_like(truth)
    assert loss(silent, empty) < 0.01 < loss(right, empty)
    # a step from calling everything healthy goes towards the finding
    start = torch.full_like(truth, -4.0, requires_grad=True)
    loss(start, truth).backward()
    assert start.grad is not None
    assert (start.grad[truth > 0] < 0).all()
    assert (start.grad[truth == 0] > 0).all()


def test_a_piece_is_outlined_low_and_kept_only_if_it_is_sure_somewhere() -> None:
    heat = np.zeros((6, 9), np.float32)
    heat[1:4, 1:4] = 0.4
    heat[2, 2] = 0.9  # a piece with a sure middle
    heat[1:4, 6:8] = 0.4  # a piece without
    marked = Marking(outline=0.3, peak=0.8).of(heat)
    assert marked[1:4, 1:4].all()
    assert marked.sum() == 9
    assert Marking(outline=0.3, peak=0.3).of(heat).sum() == 15
    assert not Marking(outline=0.3, peak=0.95).of(heat).any()
    assert not Marking(outline=0.5, peak=0.5).of(np.zeros_like(heat)).any()


def test_dice_of_empty_masks_is_one() -> None:
    empty, full = np.zeros((2, 2), np.bool_), np.ones((2, 2), np.bool_)
    half = np.array([[True, True], [False, False]])
    assert dice(empty, empty) == 1.0
    assert dice(empty, full) == 0.0
    assert dice(half, full) == pytest.approx(2 / 3)
