from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from sklearn.neighbors import KNeighborsClassifier

from pretrain.monitoring.knn_probe import ask_neighbours, neighbour_probe


def test_the_vote_equals_scikit_learn_s_where_every_image_is_a_patient() -> None:
    random = np.random.default_rng(0)
    features = random.normal(size=(60, 8)).astype(np.float32)
    labels = random.integers(0, 3, 60)
    unit = features / np.linalg.norm(features, axis=1, keepdims=True)
    right = 0
    for i in range(60):
        others = np.arange(60) != i
        oracle = KNeighborsClassifier(
            7, algorithm="brute", weights=lambda d: np.exp((1 - d**2 / 2) / 0.1)
        ).fit(unit[others], labels[others])
        right += int(oracle.predict(unit[i : i + 1])[0] == labels[i])

    score = ask_neighbours(
        torch.from_numpy(features),
        labels.tolist(),
        [str(i) for i in range(60)],
        k=7,
        temperature=0.1,
        rows_at_once=13,
    ).score()

    assert score.accuracy == pytest.approx(right / 60)
    assert (score.images, score.classes) == (60, 3)


def test_a_patient_is_not_recognised() -> None:
    # two images per patient, equal but for noise; labels differ between patients at random
    generator = torch.Generator().manual_seed(0)
    patients = [f"p{i // 2}" for i in range(400)]
    features = torch.randn(200, 16, generator=generator).repeat_interleave(2, 0)
    labels = torch.randint(0, 2, (200,), generator=generator).repeat_interleave(2).tolist()

    honest = neighbour_probe(features, labels, patients, k=5)
    fooled = neighbour_probe(features, labels, [str(i) for i in range(400)], k=1)

    assert abs(honest.accuracy - 0.5) < 0.1
    assert fooled.accuracy == 1.0


def test_separable_features_are_probed_perfectly_and_unknown_labels_left_out() -> None:
    features = torch.tensor([[1.0, 0.1], [1.0, -0.1], [0.1, 1.0], [-0.1, 1.0], [5.0, 5.0]])

    score = neighbour_probe(features, [1.0, 1.0, 4.0, 4.0, math.nan], list("abcde"), k=1)

    assert score.accuracy == 1.0
    assert (score.images, score.classes) == (4, 2)


def test_a_common_class_does_not_decide_the_balanced_accuracy() -> None:
    features = torch.ones(10, 2)  # nothing to tell, so the common class wins everywhere

    score = neighbour_probe(features, [0.0] * 8 + [1.0] * 2, [str(i) for i in range(10)], k=9)

    assert score.accuracy == pytest.approx(0.8)
    assert score.balanced_accuracy == pytest.approx(0.5)


def test_one_label_or_one_patient_is_no_probe() -> None:
    with pytest.raises(ValueError, match="two labels and two patients"):
        neighbour_probe(torch.randn(3, 2), [1.0, 1.0, 1.0], list("abc"))
    with pytest.raises(ValueError, match="two labels and two patients"):
        neighbour_probe(torch.randn(3, 2), [1.0, 2.0, 1.0], list("aaa"))
