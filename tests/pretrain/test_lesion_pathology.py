"""Stage 2 learns which findings are malignant, from their boxes, and tells it of new patients."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from sklearn.metrics import roc_auc_score

from pretrain import stage2
from pretrain.student.student import at_cells
from pretrain.views.whole_breast import WholeSettings, grades_of
from tests.pretrain.archives import LESION, SIZE, half_disc, row_of
from versamammo.data.cache import write_levels
from versamammo.data.dataset import Archive
from versamammo.data.labels import Finding
from versamammo.data.manifest import write_manifest
from versamammo.input.preprocess import to_input
from versamammo.model.encoder import VersaMammoModel
from versamammo.training.run import lines_of

CONFIG = """
run: {seed: 3, log_every: 1, checkpoint_every: 100, threads: 1, track: []}
terms: {pooled: false, relational: false, dense: false, consistency: false, lesion_pathology: true}
workers: 0
graph: false
validation: [test]
# layer norms of the first layers would hide how bright a lesion is
student: {backbone: test_efficientnet, head_width: 16, channels_last: true}
views: {size: [160, 112], low: [80, 56], close: 2, close_size: 64, mirror: 0.5,
        look: {black: 0, white: 0, gamma: 0, blur: 0, noise: 0, flip: [0.0, 0.0]}}
optim: {max_steps: 60, batch_size: 4, warmup_steps: 2, momentum: 0.9, base_learning_rate: 0.05}
"""


def spotted(index: int, malignant: bool) -> NDArray[np.uint16]:
    """A breast with a lesion, which is brighter if it is malignant."""
    y, x = np.mgrid[: SIZE[0], : SIZE[1]]
    spot = np.hypot(y - 76, x - 36) < 16
    levels = half_disc(index) / 65535 + (0.5 if malignant else 0.1) * spot
    return (np.clip(levels, 0, 1) * 65535).astype(np.uint16)


def write_lesions(folder: Path) -> Path:
    """Write lesions in every image, malignant ones of every other patient."""
    (folder / "cache").mkdir(parents=True)
    rows = []
    for split, first, patients in (("train", 0, 8), ("test", 100, 8)):
        for index in range(first, first + 2 * patients):
            patient = first + (index - first) // 2
            malignant = patient % 2 == 1
            write_levels(folder / "cache" / f"{index}.tif", spotted(index, malignant))
            found = Finding("mass", lesion_id=str(index), pathology=float(malignant))
            row = row_of(index, patient, split, 1, lesion=True)
            findings = [{**vars(found), "box": LESION}]
            rows.append(row | {"pathology": 1.0 + malignant, "findings": findings})
    write_manifest(folder / "manifest.parquet", rows)
    return folder


def test_malignant_is_told_from_benign_on_new_patients(tmp_path: Path) -> None:
    data, config = write_lesions(tmp_path / "data"), tmp_path / "config.yaml"
    config.write_text(CONFIG)
    words = ["--config", str(config), "--data", str(data), "--run.output", str(tmp_path / "run")]
    assert stage2.main(words) == 0

    lines = [line for line in lines_of(tmp_path / "run/metrics.jsonl") if "loss" in line]
    for term in ("loss/lesions", "loss/close_lesions"):
        paid = [line[term] for line in lines]
        assert np.mean(paid[:2]) == pytest.approx(1, abs=0.5)
        assert np.mean(paid[-10:]) < 0.7

    encoder = VersaMammoModel.from_pretrained(tmp_path / "run/encoder").eval()
    odds, truth, image_odds = told(encoder, Archive.open(data, ["test"]))
    assert roc_auc_score(truth, odds) > 0.9
    assert roc_auc_score(truth, image_odds) > 0.9


@torch.no_grad()
def told(encoder: VersaMammoModel, archive: Archive) -> tuple[list[float], list[int], list[float]]:
    """Return log odds at the lesion, whether it is malignant, and the image's own likelihood."""
    heads, settings = encoder.heads, WholeSettings(size=SIZE, low=(80, 56))
    assert heads is not None
    assert heads.lesions is not None
    at_lesion, truth, of_image = [], [], []
    for picture in archive:
        image = to_input(picture.levels(), encoder.config.input_contract)[None]
        features = encoder.encode(image)
        odds = heads.lesions(features.pyramid)
        grades = torch.from_numpy(grades_of(picture, settings, None, 8))[None]
        cover = at_cells(grades, odds).sum(dim=1)
        at_lesion.append(float((odds[:, 0] * cover).sum() / cover.sum()))
        truth.append(int(picture.labels.pathology == 2))
        of_image.append(encoder.probabilities(image)[0]["pathology"]["malignant"])
    return at_lesion, truth, of_image
