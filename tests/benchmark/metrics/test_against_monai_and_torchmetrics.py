"""Figures against MONAI and torchmetrics; slow, since importing them takes most of a minute."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from benchmark.metrics import score
from benchmark.metrics.bootstrap import cluster
from benchmark.metrics.classification import class_arrays
from benchmark.metrics.detection import froc_curve
from benchmark.metrics.matching import find_hits
from benchmark.metrics.segmentation import hd95, overlap
from tests.benchmark.metrics.made_up import (
    BINARY,
    DENSITY,
    SEARCH,
    boxes_samples,
    class_samples,
    neighbours_samples,
    values_of,
)
from tests.benchmark.metrics.test_segmentation import blob

pytestmark = pytest.mark.slow


@pytest.mark.parametrize("seed", range(12))
@pytest.mark.parametrize("spacing", [(1.0, 1.0), (0.1, 0.07)])
def test_overlap_and_distance_equal_monais(seed, spacing):
    from monai.metrics import compute_hausdorff_distance, compute_iou
    from monai.metrics.meandice import compute_dice

    rng = np.random.default_rng(seed)
    truth, mask = blob(rng), blob(rng)
    given = [torch.tensor(one)[None, None].float() for one in (mask, truth)]
    dice, iou = overlap(truth, mask)
    assert dice == pytest.approx(float(compute_dice(*given)), abs=1e-6)
    assert iou == pytest.approx(float(compute_iou(*given)), abs=1e-6)
    theirs = compute_hausdorff_distance(
        *given, include_background=True, percentile=95, spacing=list(spacing)
    )
    assert hd95(truth, mask, spacing) == pytest.approx(float(theirs), rel=1e-5)


def test_the_froc_curve_is_monais_at_every_threshold_with_a_hit():
    from monai.metrics import compute_froc_curve_data

    samples = boxes_samples(seed=5, digits=3)
    hits = find_hits(samples, 2)
    false, sensitivity = compute_froc_curve_data(
        hits.false_scores, hits.hit_scores, int(hits.lesions.sum()), len(samples)
    )
    theirs = set(zip(np.round(false, 9), np.round(sensitivity, 9), strict=True))
    patients = cluster([sample.patient for sample in samples])
    ours = froc_curve(samples, 2, patients)
    assert set(zip(*np.round(ours, 9), strict=True)) <= theirs | {(0.0, 0.0)}
    assert ours[1].max() == pytest.approx(max(sensitivity))


@pytest.mark.parametrize("seed", range(5))
def test_calibration_errors_equal_torchmetrics(seed):
    from torchmetrics.functional.classification import (
        binary_calibration_error,
        multiclass_calibration_error,
    )

    samples = class_samples(seed=seed, digits=9)
    truth, scores = map(torch.tensor, class_arrays(samples))
    error = binary_calibration_error(scores[:, 1], truth, n_bins=15, norm="l1")
    assert values_of(score(BINARY, samples, resamples=0))["ece"] == pytest.approx(float(error))
    samples = class_samples(classes=4, seed=seed)
    truth, scores = map(torch.tensor, class_arrays(samples))
    error = multiclass_calibration_error(scores, truth, 4, n_bins=15, norm="l1")
    assert values_of(score(DENSITY, samples, resamples=0))["ece"] == pytest.approx(float(error))


def test_precision_and_recall_at_ranks_equal_torchmetrics():
    from torchmetrics.functional.retrieval import retrieval_precision, retrieval_recall

    samples, relevant = neighbours_samples(seed=1)
    found = values_of(score(SEARCH, samples, resamples=0))
    near = torch.linspace(1, 0, relevant.shape[1])
    rows = [torch.tensor(row) for row in relevant[relevant.any(axis=1)]]
    for k in (1, 3, 5, 10):
        for name, theirs in (("precision", retrieval_precision), ("recall", retrieval_recall)):
            mean = np.mean([float(theirs(near, row, top_k=k)) for row in rows])
            assert found[f"{name}_at_{k}"] == pytest.approx(mean)
