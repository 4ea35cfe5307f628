"""Our training beside a frozen network and plain fine-tuning, five folds over the patients.

    python scripts/cbis_folds.py --data PREPARED --out runs/cbis_folds

The training and validation patients of PREPARED, never its test patients, are dealt into five
folds. For each fold three ways learn from the other four: ours by
`configs/pretrain/stage2_cbis_ablation.yaml`, which keeps a tenth of those patients to choose its
epoch; the open ImageNet network that it begins from, frozen, with a logistic regression; and the
same network plainly fine-tuned on whole films, as often through them. All see 256 x 144 pixels.
OUT/figures.md tells the mean over the folds, and how far ours is above each of the others, paired
by patient. A way that is finished in a fold is not done again.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from benchmark.metrics.bootstrap import evaluate, interval, two_sided
from pretrain import stage2
from scripts.cbis_figures import write_sections
from scripts.cbis_report.figures import RESAMPLES, Asked, Figure
from scripts.cbis_report.logistic_probes import probe
from scripts.cbis_report.plain_finetuning import PlainFinetuning, asked_of, finetuned
from scripts.cbis_report.seeing import frozen_start, see
from scripts.cbis_report.whole_films import (
    Told,
    both_views,
    class_question,
    malignancy,
    one_view,
    told,
)
from versamammo.data.dataset import Archive
from versamammo.data.manifest import read_manifest, write_manifest
from versamammo.files import write_atomically
from versamammo.model.encoder import VersaMammoModel

CONFIG = Path("configs/pretrain/stage2_cbis_ablation.yaml")
FOLDS = 5
VALIDATION = 10  # one patient of so many of the learning folds chooses our best epoch
OURS = "ours"
PLAIN = "plain fine-tuning"
WAYS = (OURS, "frozen ImageNet, logistic regression", PLAIN)
BATCH = 16
QUESTIONS = ("malignancy AUC, mass films", "malignancy AUC, both views", "density, balanced")
Answers = dict[str, tuple[NDArray[np.float64], NDArray[np.int64]]]  # way -> chance, density


@dataclass(frozen=True, eq=False)
class Fold:
    """What was said of the films of one fold.

    Attributes:
        films: their labels.
        answers: of each way, how probable malignant is [N] and the density [N].
    """

    films: Told
    answers: Answers

    def questions(self, way: str) -> tuple[Asked, ...]:
        """Put what one way says to `QUESTIONS`."""
        chance, density = self.answers[way]
        return (
            one_view(self.films, chance),
            both_views(self.films, chance)[0],
            class_question(self.films, "density", density),
        )


def deal(data: Path, out: Path, fold: int) -> Path:
    """Write a prepared folder in which one fold's patients are test and the others learn."""
    folder = out / f"fold_{fold}"
    if (folder / "manifest.parquet").is_file():
        return folder
    rows = read_manifest(data).to_pylist()
    rows = [row for row in rows if row["split"] in ("train", "val")]
    patients = sorted({str(row["patient_id"]) for row in rows})
    order = np.random.default_rng(0).permutation(len(patients))
    of = {patients[int(place)]: number % FOLDS for number, place in enumerate(order)}
    learning = [patients[int(place)] for place in order if of[patients[int(place)]] != fold]
    validation = set(learning[::VALIDATION])
    for row in rows:
        patient = str(row["patient_id"])
        held = "val" if patient in validation else "train"
        row["split"] = "test" if of[patient] == fold else held
    shutil.rmtree(folder, ignore_errors=True)
    # the same files again, not copies of them
    shutil.copytree(data / "cache", folder / "cache", copy_function=os.link)
    write_manifest(folder / "manifest.parquet", rows)
    return folder


def asked_fold(data: Path, out: Path, fold: int, epochs: int, also: Sequence[str] = ()) -> Fold:
    """Let every way learn, and ask it about one fold."""
    folder = deal(data, out, fold)
    learning = Archive.open(folder, ["train", "val"])
    held = Archive.open(folder, ["test"])
    kept = out / f"answers_{fold}.json"
    told_before = json.loads(kept.read_text()) if kept.is_file() else {}
    answers: Answers = {way: _read(one) for way, one in told_before.items()}
    if not answers.keys() >= set(WAYS):
        encoder = ours(folder, out, fold, epochs, also)
        contract = encoder.config.input_contract
    for way in WAYS:
        if way in answers:
            continue
        if way == OURS:
            seen = see(encoder, held, out / "cache", f"ours_{fold}")
            chance = malignancy(seen.probabilities["pathology"].astype(float))
            answers[way] = chance, seen.alike["density"].argmax(axis=1)
        elif way == PLAIN:
            settings = PlainFinetuning(epochs=epochs, seed=fold)
            plain = finetuned(list(learning), contract, settings)
            answers[way] = asked_of(plain, list(held), contract)
        else:
            start = frozen_start(contract)
            features = [
                see(start, some, out / "cache", f"start_{fold}").pooled for some in (learning, held)
            ]
            probed = probe(features[0], told(list(learning)), features[1])
            answers[way] = probed.chance.astype(float), probed.classes["density"]
        record = {one: [c.tolist(), d.tolist()] for one, (c, d) in answers.items()}
        write_atomically(kept, json.dumps(record).encode())
    return Fold(told(list(held)), answers)


def ours(
    folder: Path, out: Path, fold: int, epochs: int, also: Sequence[str] = ()
) -> VersaMammoModel:
    """Train on the learning patients of a fold, as often through their films as the others.

    `also` are further settings of stage 2, such as "terms.closeups=false".
    """
    run = out / f"ours_{fold}"
    if not (run / "done").is_file():
        steps = epochs * (len(Archive.open(folder, ["train"])) // BATCH)
        words = [
            "--config", str(CONFIG), "--data", str(folder), "--run.output", str(run),
            "--optim.max_steps", str(steps), "--optim.batch_size", str(BATCH),
            *(f"--{one}" for one in also),
        ]  # fmt: skip
        print(f"fold {fold}: pretrain/stage2.py", *words, flush=True)
        if stage2.main(words):
            raise SystemExit(f"{run} was not trained")
        (run / "done").touch()
    return VersaMammoModel.from_pretrained(run / "encoder")


def _read(one: Sequence[Sequence[float]]) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
    return np.array(one[0], float), np.array(one[1], np.int64)


def compared(folds: Sequence[Fold]) -> list[tuple[str, list[Figure]]]:
    """Return the figures of each way, and how far ours is above each other one."""
    values: dict[tuple[str, int], NDArray[np.float64]] = {}
    spreads: dict[tuple[str, int], NDArray[np.float64]] = {}
    counts: dict[int, tuple[int, int]] = {}
    for question in range(len(QUESTIONS)):
        each = [[fold.questions(way)[question] for way in WAYS] for fold in folds]
        counts[question] = (
            sum(len(one[0].truth) for one in each), sum(one[0].clusters.count for one in each)
        )  # fmt: skip
        # the same resamples for all ways of a fold, others for each fold
        told_of = [
            evaluate(
                [one.statistic() for one in ways],
                ways[0].clusters,
                resamples=RESAMPLES,
                seed=fold,
            )
            for fold, ways in enumerate(each)
        ]
        for number, way in enumerate(WAYS):
            values[way, question] = np.array([found[0][number][0] for found in told_of])
            spreads[way, question] = np.stack([found[1][number][0] for found in told_of])
    sections = []
    for way in WAYS:
        rows = []
        for question, name in enumerate(QUESTIONS):
            ends = interval(spreads[way, question].mean(axis=0))
            each_fold = ", ".join(f"{one:.3f}" for one in values[way, question])
            rows.append(
                Figure(
                    name, float(values[way, question].mean()), ends.low, ends.high,
                    *counts[question], note=f"folds: {each_fold}",
                )
            )  # fmt: skip
        sections.append((way, rows))
    for way in WAYS[1:]:
        rows = []
        for question, name in enumerate(QUESTIONS):
            resampled = (spreads[OURS, question] - spreads[way, question]).mean(axis=0)
            apart = float((values[OURS, question] - values[way, question]).mean())
            ends = interval(resampled)
            n, patients = counts[question]
            rows.append(
                Figure(
                    name, apart, ends.low, ends.high, n, patients, two_sided(resampled, patients)
                )
            )
        sections.append((f"{OURS} minus {way}", rows))
    return sections


def report(folds: Sequence[Fold], out: Path) -> None:
    """Write OUT/figures.json and OUT/figures.md."""
    films = sum(len(fold.films.patients) for fold in folds)
    patients = sum(len(set(fold.films.patients)) for fold in folds)
    head = (
        f"# Five folds on real films\n\n{films} films of {patients} patients, each asked about "
        f"once ({len(folds)} of {FOLDS} folds). Means over folds; 95 %, patients resampled "
        "within folds.\n"
    )
    write_sections(out, head, compared(folds))


def main(argv: Sequence[str] | None = None) -> int:
    """Do what folds are not done, then write the report; returns 0."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    add = parser.add_argument
    add("--data", type=Path, required=True, help="prepared films")
    add("--out", type=Path, default=Path("runs/cbis_folds"))
    add("--folds", type=int, nargs="+", default=list(range(FOLDS)), choices=range(FOLDS))
    add("--epochs", type=int, default=8, help="times through the films, of ours and plain")
    add("--also", nargs="*", default=[], help="settings of ours, such as terms.closeups=false")
    given = parser.parse_args(argv)
    given.out.mkdir(parents=True, exist_ok=True)
    folds = [
        asked_fold(given.data, given.out, fold, given.epochs, given.also) for fold in given.folds
    ]
    report(folds, given.out)
    return 0


if __name__ == "__main__":
    sys.exit(main())
