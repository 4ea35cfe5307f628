from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from pretrain.monitoring.lesion_patch_probe import lesion_probe, lesion_share
from tests.pretrain.archives import write_archive
from versamammo.data.dataset import Archive
from versamammo.input.contract import InputContract


def test_a_lesion_covers_the_patches_it_lies_on(tmp_path: Path) -> None:
    picture = Archive.open(write_archive(tmp_path / "data"), ["test"])[2]  # box 20, 60, 52, 92

    share = lesion_share(picture, InputContract(size=(168, 112)), 14)

    assert share.shape == (12, 8)
    assert share[5, 2] == 1.0  # rows 70..84, columns 28..42
    assert share[4, 1] == pytest.approx((10 / 14) * (8 / 14))
    assert share.sum() * 14**2 == pytest.approx(32 * 32)
    assert lesion_share(replace(picture, labels=replace(picture.labels, findings=())),
                        InputContract(size=(168, 112)), 14).sum() == 0  # fmt: skip


def test_the_probe_finds_what_is_there_and_nothing_else() -> None:
    random = np.random.default_rng(0)
    patients = np.repeat([f"p{i}" for i in range(20)], 20)
    lesion = random.random(400) < 0.3
    noise = random.standard_normal((400, 6))
    telling = noise + np.outer(lesion, [2, 0, 1, 0, 0, 0])

    assert lesion_probe(torch.from_numpy(telling), lesion, patients).auroc > 0.9
    silent = lesion_probe(torch.from_numpy(noise), lesion, patients)
    assert silent.auroc == pytest.approx(0.5, abs=0.08)
    assert (silent.lesion_patches, silent.patches) == (int(lesion.sum()), 400)


def test_a_patient_is_never_on_both_sides() -> None:
    # features that name the patient: a probe that saw the patient before would be perfect
    patients = np.repeat([f"p{i}" for i in range(20)], 10)
    lesion = np.repeat(np.random.default_rng(1).random(20) < 0.5, 10)
    features = torch.eye(20).repeat_interleave(10, dim=0)

    assert lesion_probe(features, lesion, patients).auroc == pytest.approx(0.5, abs=0.01)


def test_one_patient_is_too_few() -> None:
    with pytest.raises(ValueError, match="both halves"):
        lesion_probe(torch.eye(4), np.array([True, False, False, False]), np.array(["p"] * 4))
