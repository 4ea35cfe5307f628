from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from benchmark.archives import Archives
from benchmark.frozen_features import FeatureStore
from benchmark.metrics import score
from benchmark.networks import moments
from benchmark.probing import Side, answers, fit
from benchmark.samples import ClassSample
from benchmark.task_rows import AdaptSettings, TaskRows, select
from benchmark.tasks import load_tasks
from tests.benchmark.made_up_archives import density_rows, small_encoder, write_archive
from versamammo.errors import InputError
from versamammo.model.encoder import VersaMammoModel

TASK = {task.id: task for task in load_tasks()}["cls.vindr.density"]
PROBES = ("linear", "mlp", "attention")


@pytest.fixture(scope="module")
def rows(tmp_path_factory: pytest.TempPathFactory) -> TaskRows:
    folder = tmp_path_factory.mktemp("data")
    write_archive(folder / "vindr-mammo", density_rows(96))
    return select(TASK, Archives(folder))


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> FeatureStore:
    folder = tmp_path_factory.mktemp("encoder")
    encoder = VersaMammoModel.from_pretrained(small_encoder(folder))
    return FeatureStore(folder / "features", encoder, "a", AdaptSettings())


def auroc(rows: TaskRows, store: FeatureStore, settings: AdaptSettings) -> float:
    validation, test = answers(TASK, rows, store, settings)
    figures = score(TASK, list(test), resamples=20, validation=validation)
    return figures[0].value


@pytest.mark.parametrize("probe", PROBES)
def test_a_probe_learns_density_from_an_encoder_that_sees_brightness(
    rows: TaskRows, store: FeatureStore, probe: str
) -> None:
    assert auroc(rows, store, AdaptSettings(probe=probe)) > 0.9  # type: ignore[arg-type]


def test_shuffled_labels_give_chance(rows: TaskRows, store: FeatureStore) -> None:
    found = []
    for seed in range(3):
        random = np.random.default_rng(seed)
        names = sorted({row.patient for row in (*rows.train, *rows.val)})
        dealt = dict(zip(names, (int(n) for n in random.integers(0, 4, len(names))), strict=True))
        sides = {
            side: [replace(row, truth=dealt[row.patient]) for row in getattr(rows, side)]
            for side in ("train", "val")
        }
        found.append(auroc(replace(rows, **sides), store, AdaptSettings()))

    assert np.mean(found) == pytest.approx(0.5, abs=0.2)


def test_what_is_scored_has_no_part_in_the_fit(rows: TaskRows, store: FeatureStore) -> None:
    other = replace(rows, test=[replace(row, truth=0) for row in rows.test[:7]])

    def said(some: TaskRows) -> list[tuple[float, ...]]:
        return [one.scores for one in answers(TASK, some, store, AdaptSettings())[1]
                if isinstance(one, ClassSample)]  # fmt: skip

    np.testing.assert_allclose(said(rows)[:7], said(other), atol=1e-12)


def test_strength_is_chosen_by_validation_patients() -> None:
    random = torch.Generator().manual_seed(0)
    x = torch.randn(60, 40, generator=random)
    y = (x[:, 0] > 0).long()
    noise = Side(torch.randn(60, 40, generator=random), torch.arange(60) % 2)
    task = {task.id: task for task in load_tasks()}["cls.rsna.cancer"]

    doubting = fit(task, Side(x, y), noise, AdaptSettings())
    trusting = fit(task, Side(x, y), Side(x + 0.01, y), AdaptSettings())

    assert doubting.strength > trusting.strength


def test_one_class_is_refused(rows: TaskRows, store: FeatureStore) -> None:
    same = replace(rows, train=[replace(row, truth=2) for row in rows.train])

    with pytest.raises(InputError, match="show one class only") as caught:
        answers(TASK, same, store, AdaptSettings())

    assert caught.value.reason == "one-class"


def test_the_same_seed_gives_the_same_numbers(rows: TaskRows, store: FeatureStore) -> None:
    for probe in PROBES:
        settings = AdaptSettings(probe=probe)  # type: ignore[arg-type]
        assert list(answers(TASK, rows, store, settings)[1]) == list(
            answers(TASK, rows, store, settings)[1]
        )


def test_a_folder_that_was_moved_is_named(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="there is no such folder"):
        Archives(tmp_path / "nowhere")


def test_moments_of_many_halves_are_numpys():
    x = torch.randn(40_000, 3, generator=torch.Generator().manual_seed(0)) * 3 + 7
    x[:, 2] = 5
    mean, std = moments(x.half())
    known = x.half().double().numpy()
    assert np.allclose(mean, known.mean(0), atol=1e-5)
    assert np.allclose(std[:2], known[:, :2].std(0), rtol=1e-5)
    assert std[2] == 1
