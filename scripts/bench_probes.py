"""Time probes on cached features, and a search with its intervals, beside the published way.

    python scripts/bench_probes.py probes --images 400 --tasks 30 --epochs 20
    python scripts/bench_probes.py retrieval --queries 2000 --gallery 50000 --width 2048

Published ways, written from their description: a probe shows the frozen encoder every image again
in each epoch; retrieval sorts the whole gallery for each query and resamples in a Python loop. Of
the first only some epochs of one task are timed, and the rest is reckoned and said to be. Both
retrievals state the same accuracies, which are compared.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TypeVar

import numpy as np
import torch
from sklearn.metrics.pairwise import cosine_similarity

from benchmark.frozen_features import FeatureStore, as_input
from benchmark.logistic import LINKS, fit_path
from benchmark.metrics import score
from benchmark.retrieving import BLOCK, Collection, search
from benchmark.samples import NeighboursSample
from benchmark.task_rows import AdaptSettings, Row
from benchmark.tasks import load_tasks
from versamammo.data.cache import write_levels
from versamammo.data.dataset import Picture
from versamammo.data.labels import Labels
from versamammo.input.contract import InputContract
from versamammo.input.geometry import Crop
from versamammo.model.configuration import VersaMammoConfig
from versamammo.model.encoder import VersaMammoModel

T = TypeVar("T")
TIMED_EPOCHS = 2
RESAMPLES = 1000


def timed(work: Callable[[], T]) -> tuple[T, float]:
    start = time.perf_counter()
    found = work()
    return found, time.perf_counter() - start


def pictures(folder: Path, count: int, size: tuple[int, int]) -> list[Row]:
    """Write made-up pictures."""
    random = np.random.default_rng(0)
    rows = []
    for n in range(count):
        file = folder / f"{n}.tif"
        write_levels(file, random.integers(0, 65535, size).astype(np.uint16))
        crop = Crop(size, (0, 0, size[1], size[0]), False, size, size)
        picture = Picture(f"{n}", file, crop, None, f"p{n}", "L", "CC", Labels())
        rows.append(Row(f"{n}", picture, f"p{n}", None, n % 4, key=f"{n}"))
    return rows


def time_probes(args: argparse.Namespace) -> None:
    size = (args.height, args.height * 3 // 4)
    config = VersaMammoConfig(backbone=args.backbone, contract=InputContract(size=size).to_dict())
    encoder = VersaMammoModel(config).eval()
    settings = AdaptSettings(batch=16)
    with TemporaryDirectory() as name, torch.no_grad():
        rows = pictures(Path(name), args.images, size)
        y = torch.tensor([row.truth for row in rows])
        store = FeatureStore(Path(name) / "features", encoder, "a", settings)
        x, encoding = timed(lambda: store.pooled(rows))
        with torch.enable_grad():
            _, fitting = timed(lambda: [fit_path(link, x, y, 4) for link in LINKS["ordinal"]])
        ours = encoding + args.tasks * fitting
        contract = encoder.config.input_contract

        def epoch() -> None:
            for start in range(0, len(rows), 16):
                batch = [as_input(row, contract, settings) for row in rows[start : start + 16]]
                encoder.encode(torch.stack(batch))

        _, again = timed(lambda: [epoch() for _ in range(TIMED_EPOCHS)])
    theirs = again / TIMED_EPOCHS * args.epochs * args.tasks
    print(
        f"{args.images} images {size} of {args.backbone}, {args.tasks} tasks:\n"
        f"  cached: encoding once {encoding:.1f} s, a probe of 10 fits {fitting:.2f} s, "
        f"all {ours:.1f} s\n"
        f"  encoding in each epoch: {again / TIMED_EPOCHS:.1f} s an epoch (of {TIMED_EPOCHS} "
        f"timed), {args.epochs} epochs of all tasks {theirs:.0f} s (reckoned)\n"
        f"  ratio {theirs / ours:.0f}"
    )


def collection(n: int, width: int, classes: int, random: np.random.Generator) -> Collection:
    """Draw vectors that lean towards their class."""
    labels = random.integers(0, classes, n)
    centres = np.random.default_rng(1).normal(size=(classes, width)).astype(np.float32)
    vectors = random.standard_normal((n, width), np.float32) + np.float32(0.04) * centres[labels]
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    shown = np.eye(classes, dtype=np.bool_)[labels]
    return Collection(vectors, shown, np.arange(n) + random.integers(10**9), np.full(n, -1))


def ours(queries: Collection, gallery: Collection) -> dict[str, tuple[float, float, float]]:
    samples = []
    for start in range(0, len(queries.vectors), BLOCK):
        some = slice(start, start + BLOCK)
        part = Collection(*(getattr(queries, name)[some] for name in
                            ("vectors", "classes", "patients", "exams")))  # fmt: skip
        found = search(part, gallery)
        for place in range(len(part.vectors)):
            samples.append(
                NeighboursSample(
                    f"{start + place}", f"p{start + place}",
                    truth=(int(part.classes[place].argmax()),),
                    ranked=tuple(map(bool, found.ranked[place])),
                    relevant=int(found.relevant[place]),
                    average_precision=float(found.average_precision[place]),
                )
            )  # fmt: skip
    task = next(task for task in load_tasks() if task.id == "ret.vindr.birads")
    figures = score(task, samples, resamples=RESAMPLES)
    return {one.metric: (one.value, one.low, one.high) for one in figures}


def published(queries: Collection, gallery: Collection) -> tuple[dict[str, float], float]:
    """Sort everything, and resample in a loop; also gives the seconds of the resampling."""
    truth, labels = queries.classes.argmax(1), gallery.classes.argmax(1)
    hits = []
    for start in range(0, len(truth), 1000):
        alike = cosine_similarity(queries.vectors[start : start + 1000], gallery.vectors)
        order = np.argsort(-alike, axis=1)
        for q, ranked in enumerate(order, start=start):
            hits.append([labels[i] == truth[q] for i in ranked[:10]])
    began = time.perf_counter()
    random = np.random.default_rng()
    for k in (1, 2, 3):
        replicates = []
        for _ in range(RESAMPLES):
            drawn = random.choice(len(hits), len(hits), replace=True)
            replicates.append(np.mean([any(hits[i][:k]) for i in drawn]))
        np.percentile(replicates, [2.5, 97.5])
    found = {f"legacy_acc_at_{k}": float(np.mean([any(h[:k]) for h in hits])) for k in (1, 2, 3)}
    return found, time.perf_counter() - began


def time_retrieval(args: argparse.Namespace) -> None:
    random = np.random.default_rng(0)
    gallery = collection(args.gallery, args.width, 5, random)
    queries = collection(args.queries, args.width, 5, random)
    mine, own = timed(lambda: ours(queries, gallery))
    (theirs, looping), their_time = timed(lambda: published(queries, gallery))
    worst = max(abs(theirs[k] - mine[k][0]) for k in theirs)
    print(
        f"{args.queries} queries in {args.gallery} x {args.width}, {RESAMPLES} resamples:\n"
        f"  ours: {own:.1f} s for {len(mine)} figures with intervals, mAP over the whole gallery "
        f"among them ({mine['map'][0]:.4f})\n"
        f"  published way: {their_time:.1f} s for 3 figures, {looping:.1f} s of it resampling\n"
        f"  ratio {their_time / own:.1f}; the same ACC@1, 2 and 3 to {worst:.1e}, "
        "but for the published mean of resamples"
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parts = parser.add_subparsers(dest="part", required=True)
    probes = parts.add_parser("probes")
    probes.add_argument("--images", type=int, default=400)
    probes.add_argument("--tasks", type=int, default=30)
    probes.add_argument("--epochs", type=int, default=20)
    probes.add_argument("--height", type=int, default=512)
    probes.add_argument("--backbone", default="resnet18")
    retrieval = parts.add_parser("retrieval")
    retrieval.add_argument("--queries", type=int, default=2000)
    retrieval.add_argument("--gallery", type=int, default=50000)
    retrieval.add_argument("--width", type=int, default=2048)
    args = parser.parse_args()
    (time_probes if args.part == "probes" else time_retrieval)(args)


if __name__ == "__main__":
    main()
