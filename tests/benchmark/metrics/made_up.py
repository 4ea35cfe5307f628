"""Records of made-up tasks, seeded: answers right more often than by chance."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from benchmark.samples import BoxesSample, ClassSample, LabelsSample, NeighboursSample


@dataclass(frozen=True)
class AskedTask:
    """A stand-in for benchmark.tasks.Task."""

    id: str
    kind: str
    classes: tuple[str, ...]
    metric: str = ""


BINARY = AskedTask("cls.x.cancer", "binary", ("no", "yes"))
DENSITY = AskedTask("cls.x.density", "ordinal", tuple("ABCD"))
FINDINGS = AskedTask("cls.x.findings", "multilabel", ("mass", "calcification", "distortion"))
LESIONS = AskedTask("det.x.lesion", "detection", ("mass", "calcification"))
MASKS = AskedTask("seg.x.mass", "segmentation", ("mass",))
SEARCH = AskedTask("ret.x.birads", "retrieval", tuple("01234"))


def class_samples(n=200, classes=2, seed=0, patients=40, digits=2, skill=1.5, shares=None):
    rng = np.random.default_rng(seed)
    truth = rng.choice(classes, size=n, p=shares)
    logits = rng.normal(size=(n, classes)) + skill * np.eye(classes)[truth]
    scores = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
    if classes == 2:  # rounded, so that scores tie
        scores[:, 1] = scores[:, 1].round(digits)
        scores[:, 0] = 1 - scores[:, 1]
    return [
        ClassSample(f"i{k}", f"p{rng.integers(patients)}", truth=int(truth[k]),
                    scores=tuple(map(float, scores[k])))
        for k in range(n)
    ]  # fmt: skip


def label_samples(n=150, labels=3, seed=0, unknown=0.15):
    rng = np.random.default_rng(seed)
    truth = (rng.random((n, labels)) < 0.3).astype(float)
    scores = np.clip(0.3 * truth + rng.random((n, labels)) * 0.7, 0, 1).round(2)
    truth[rng.random((n, labels)) < unknown] = np.nan
    return [
        LabelsSample(f"i{k}", f"p{k % 30}", truth=tuple(truth[k]), scores=tuple(scores[k]))
        for k in range(n)
    ]


def boxes_samples(images=60, classes=2, seed=0, boxes=12, digits=2):
    """Half the images are normal; some boxes are lesions moved a little, scores tie."""
    rng = np.random.default_rng(seed)
    made = []
    for number in range(images):
        lesions = rng.integers(1, 4) if number % 2 else 0
        corner = rng.uniform(0, 350, size=(lesions, 2))
        truth = np.hstack([corner, corner + rng.uniform(20, 120, size=(lesions, 2))]).round()
        kinds = rng.integers(classes, size=lesions)
        near = [
            (box + rng.normal(scale=rng.choice([0, 4, 15]), size=4), kind)
            for box, kind in zip(truth, kinds, strict=True)
            for _ in range(rng.integers(0, 3))
        ]
        start = rng.uniform(0, 350, size=(rng.integers(boxes), 2))
        false = np.hstack([start, start + rng.uniform(20, 120, size=start.shape)])
        said = [np.r_[np.minimum(box[:2], box[2:] - 5), box[2:]] for box, _ in near] + list(false)
        classes_said = [kind for _, kind in near] + list(rng.integers(classes, size=len(false)))
        scores = np.clip(
            np.r_[rng.beta(4, 2, size=len(near)), rng.beta(2, 3, size=len(false))], 0, 1
        ).round(digits)
        made.append(
            BoxesSample(
                f"i{number}", f"p{number // 3}", size=(500, 500),
                truth=tuple(map(tuple, truth.tolist())), truth_classes=tuple(map(int, kinds)),
                boxes=tuple(tuple(map(float, box)) for box in said),
                classes=tuple(map(int, classes_said)), scores=tuple(map(float, scores)),
            )
        )  # fmt: skip
    return made


def neighbours_samples(queries=40, gallery=80, ranks=10, seed=0):
    """Queries with their whole ranking, and the records made of its first ranks."""
    rng = np.random.default_rng(seed)
    relevant = rng.random((queries, gallery)) < rng.choice([0.0, 0.05, 0.4], size=(queries, 1))
    made = []
    for number, row in enumerate(relevant):
        places = np.flatnonzero(row)
        precision = np.arange(1, len(places) + 1) / (places + 1)
        made.append(
            NeighboursSample(
                f"q{number}", f"p{number // 2}", truth=(number % 3,),
                ranked=tuple(map(bool, row[:ranks])), relevant=len(places),
                average_precision=float(precision.mean()) if len(places) else float("nan"),
            )
        )  # fmt: skip
    return made, relevant


def values_of(figures):
    """Return every figure's value by its metric."""
    return {figure.metric: figure.value for figure in figures}
