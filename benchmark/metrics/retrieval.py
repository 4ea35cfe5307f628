"""Figures of retrieval, computed per query and averaged over queries."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from benchmark.metrics.bootstrap import Clusters
from benchmark.metrics.counting import Measure, MeasurePanel, means
from benchmark.metrics.metric_results import PUBLISHED_RANKS, RANKS
from benchmark.metrics.published_definitions import accuracy_at
from benchmark.samples import NeighboursSample


def retrieval_panels(samples: Sequence[NeighboursSample], clusters: Clusters) -> list[MeasurePanel]:
    """Build the panels of a retrieval task; queries are drawn by their patients."""
    rows = np.array([_figures(sample) for sample in samples]).reshape(-1, 1 + 2 * len(RANKS))
    answerable = int(np.isfinite(rows[:, 0]).sum())
    left_out = len(samples) - answerable
    note = f"{left_out} queries without any relevant image left out" if left_out else ""
    names = ["map", *(f"precision_at_{k}" for k in RANKS), *(f"recall_at_{k}" for k in RANKS)]
    measures = [Measure(name, answerable, note) for name in names]
    any_right = np.array([[accuracy_at(one, k) for k in PUBLISHED_RANKS] for one in samples])
    rule = "right if any of the first k is; the value is the mean of the resamples, as published"
    published = [
        Measure(f"legacy_acc_at_{k}", len(samples), rule, legacy=True, mean_of_resamples=True)
        for k in PUBLISHED_RANKS
    ]
    return [
        means(measures, rows, clusters),
        means(published, any_right.reshape(-1, len(PUBLISHED_RANKS)), clusters),
    ]


def _figures(sample: NeighboursSample) -> list[float]:
    """Average precision, then precision and recall at each rank; NaN if nothing is relevant."""
    if not sample.relevant:
        return [float("nan")] * (1 + 2 * len(RANKS))
    found = [sum(sample.ranked[:k]) for k in RANKS]
    precision = [hits / k for hits, k in zip(found, RANKS, strict=True)]
    return [sample.average_precision, *precision, *(hits / sample.relevant for hits in found)]
