"""Time the benchmark's scoring beside the usual ways, in the same run and on the same records.

    python scripts/bench_metrics.py [--samples 100000 --images 5000 --published 20]

Bootstrap: one patient per ten samples, 1,000 resamples, against scikit-learn called for each
resample on its written-out rows (`--published` of them are timed and scaled). Boxes: AP50 and
AP50:95 against pycocotools, which has to give the same figures. Seconds are of CPU time, all
threads together, so that a busy machine does not blur the ratios. All records are made up.
"""

from __future__ import annotations

import argparse
import contextlib
import io
import os
import time
from collections.abc import Callable, Sequence
from types import SimpleNamespace
from typing import Any

import numpy as np
from pycocotools.coco import COCO
from pycocotools.cocoeval import COCOeval
from sklearn.metrics import average_precision_score, balanced_accuracy_score, roc_auc_score

from benchmark.metrics import score
from benchmark.metrics.bootstrap import draw
from benchmark.metrics.classification import class_arrays
from benchmark.metrics.task_figures import prepare
from benchmark.samples import BoxesSample, ClassSample

RESAMPLES = 1000
BINARY = SimpleNamespace(id="binary", kind="binary", classes=("no", "yes"), metric="auroc")
BOXES = SimpleNamespace(id="boxes", kind="detection", classes=("mass",), metric="ap50")


def timed(work: Callable[[], Any]) -> tuple[float, Any]:
    start = time.process_time()
    made = work()
    return time.process_time() - start, made


def answers(count: int, positives: float, seed: int = 0) -> list[ClassSample]:
    rng = np.random.default_rng(seed)
    truth = rng.random(count) < positives
    said = 1 / (1 + np.exp(-rng.normal(1.2 * truth - 0.6)))
    return [
        ClassSample(str(k), f"p{k // 10}", truth=int(true), scores=(1 - one, one))
        for k, (true, one) in enumerate(zip(truth.tolist(), said.tolist(), strict=True))
    ]


def bench_bootstrap(count: int, positives: float, published: int) -> None:
    samples = answers(count, positives)
    seconds, figures = timed(lambda: score(BINARY, samples, resamples=RESAMPLES))
    found = {figure.metric: figure for figure in figures}
    truth, scores = class_arrays(samples)
    clusters = prepare(BINARY, samples).clusters
    drawn = next(draw(clusters.strata, published, 0)).T

    def one_by_one() -> list[tuple[float, ...]]:
        told = []
        for counts in drawn:
            rows = np.repeat(np.arange(count), counts[clusters.of].astype(int))
            true, said = truth[rows], scores[rows, 1]
            told.append((roc_auc_score(true, said), average_precision_score(true, said),
                         balanced_accuracy_score(true, said >= 0.5)))  # fmt: skip
        return told

    loop, _ = timed(one_by_one)
    loop *= RESAMPLES / published
    assert abs(found["auroc"].value - roc_auc_score(truth, scores[:, 1])) < 1e-9
    print(
        f"bootstrap: {count:,} samples of {clusters.count:,} patients, {positives:.0%} positive, "
        f"{RESAMPLES} resamples: {len(figures)} figures in {seconds:.2f} s; scikit-learn for each "
        f"resample, 3 figures: {loop:.0f} s (from {published}); ratio {loop / seconds:.0f}"
    )


def boxes(images: int, per_image: int = 50, seed: int = 0) -> list[BoxesSample]:
    """Make images of which a fifth holds one to three lesions, found or not, among many boxes."""
    rng = np.random.default_rng(seed)
    made = []
    for number in range(images):
        lesions = int(rng.integers(1, 4)) if number % 5 == 0 else 0
        corner = rng.uniform(0, 800, (lesions, 2))
        truth = np.hstack([corner, corner + rng.uniform(30, 150, (lesions, 2))])
        near = np.repeat(truth, 3, axis=0) + rng.normal(scale=6, size=(3 * lesions, 4))
        start = rng.uniform(0, 900, (per_image - len(near), 2))
        said = np.vstack([near, np.hstack([start, start + rng.uniform(20, 150, start.shape)])])
        scores = np.r_[rng.beta(4, 2, len(near)), rng.beta(1, 4, len(start))]
        made.append(
            BoxesSample(
                str(number), f"p{number // 4}", size=(1024, 1024),
                truth=tuple(map(tuple, truth.tolist())), truth_classes=(0,) * lesions,
                boxes=tuple(map(tuple, said.tolist())), classes=(0,) * len(said),
                scores=tuple(scores.tolist()),
            )
        )  # fmt: skip
    return made


def coco(samples: Sequence[BoxesSample]) -> tuple[float, float]:
    """Score by pycocotools, from the same records."""
    truth: list[dict[str, Any]] = []
    said: list[dict[str, Any]] = []
    for image, sample in enumerate(samples, 1):
        for x1, y1, x2, y2 in sample.truth:
            truth.append({
                "id": len(truth) + 1, "image_id": image, "category_id": 0, "iscrowd": 0,
                "bbox": [x1, y1, x2 - x1, y2 - y1], "area": (x2 - x1) * (y2 - y1),
            })  # fmt: skip
        for (x1, y1, x2, y2), one in zip(sample.boxes, sample.scores, strict=True):
            said.append({
                "image_id": image, "category_id": 0, "bbox": [x1, y1, x2 - x1, y2 - y1],
                "score": one,
            })  # fmt: skip
    with contextlib.redirect_stdout(io.StringIO()):
        bank = COCO()
        bank.dataset = {
            "images": [{"id": k} for k in range(1, len(samples) + 1)],
            "categories": [{"id": 0}],
            "annotations": truth,
        }
        bank.createIndex()
        evaluation = COCOeval(bank, bank.loadRes(said), "bbox")
        evaluation.params.areaRng, evaluation.params.areaRngLbl = [[0, 1e10]], ["all"]
        evaluation.params.maxDets = [100]
        evaluation.evaluate()
        evaluation.accumulate()
    precision = evaluation.eval["precision"]  # [IoU, recall, class, area, most]
    return float(precision[0].mean()), float(precision.mean())


def bench_boxes(images: int) -> None:
    samples = boxes(images)
    theirs, expected = timed(lambda: coco(samples))
    bare, figures = timed(lambda: score(BOXES, samples, resamples=0))
    whole, _ = timed(lambda: score(BOXES, samples, resamples=RESAMPLES))
    found = {figure.metric: figure.value for figure in figures}
    assert np.allclose((found["ap50"], found["ap50_95"]), expected, atol=1e-9), (found, expected)
    print(
        f"boxes: {images:,} images, {sum(len(s.boxes) for s in samples):,} boxes: AP50 and AP50:95 "
        f"by pycocotools {theirs:.2f} s (one area, one limit); ours {bare:.2f} s, FROC and the "
        f"published overlap included, same figures; ratio {theirs / bare:.1f}; with {RESAMPLES} "
        f"resamples of all 11 figures {whole:.2f} s, against {theirs * RESAMPLES:.0f} s for "
        f"pycocotools {RESAMPLES} times; ratio {theirs * RESAMPLES / whole:.0f}"
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--samples", type=int, default=100_000)
    parser.add_argument("--images", type=int, default=5_000)
    parser.add_argument("--published", type=int, default=20, help="resamples that are timed")
    given = parser.parse_args()
    print(
        f"CPU seconds; {os.cpu_count()} cores, {os.environ.get('OMP_NUM_THREADS', 'all')} threads"
    )
    for positives in (0.02, 0.5):
        bench_bootstrap(given.samples, positives, given.published)
    bench_boxes(given.images)


if __name__ == "__main__":
    main()
