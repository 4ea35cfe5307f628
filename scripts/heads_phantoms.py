"""What encoders say by their own heads, image by image, on phantom patients held out from them.

    python scripts/heads_phantoms.py demo=runs/stage2_demo/encoder --exams 480 --seed 3000

Areas under the ROC curve of each finding, by the strongest cell of the heat map and by the head of
the whole image, and balanced accuracy of the other attributes, with 95 % intervals from resampled
patients. All figures are phantom figures; phantoms are not real data.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from sklearn.metrics import balanced_accuracy_score, roc_auc_score

from scripts.held_out import Answer, asked_for, figure
from versamammo import NOTICE
from versamammo.data.attributes import ATTRIBUTES, UNKNOWN_CLASS, classes_of
from versamammo.data.dataset import Archive
from versamammo.input.preprocess import to_input
from versamammo.model.encoder import VersaMammoModel

RESAMPLES = 500
AT_ONCE = 32
LEAST = 10  # images of a class, below which nothing is stated
Score = Callable[[NDArray[np.int64], NDArray[np.float64]], float]


@torch.no_grad()
def see(folder: Path, archive: Archive) -> dict[str, NDArray[np.float64]]:
    """Return what the heads say of every image: [n, K] by attribute, [n] by `heat KIND`."""
    encoder = VersaMammoModel.from_pretrained(folder)
    heads = encoder.heads
    assert heads is not None, f"{folder} has no heads"
    found: dict[str, list[NDArray[np.float64]]] = {}
    pictures = list(archive)
    for start in range(0, len(pictures), AT_ONCE):
        contract = encoder.config.input_contract
        some = [to_input(one.levels(), contract) for one in pictures[start : start + AT_ONCE]]
        inputs = encoder.head_inputs(torch.stack(some))
        heat = inputs.heat
        said = dict(heads.attributes.probabilities(inputs.whole))
        if heat is not None and heads.findings is not None:
            strongest = heat.amax(dim=(2, 3)).unbind(1)
            said |= {f"heat {k}": x for k, x in zip(heads.findings.kinds, strongest, strict=True)}
        for name, values in said.items():
            found.setdefault(name, []).append(values.double().numpy())
    return {name: np.concatenate(values) for name, values in found.items()}


def answer(
    score: Score, truth: NDArray[np.int64], said: NDArray[np.float64], patients: NDArray[np.str_]
) -> Answer:
    """Score all patients, and resamplings of them that hold more than one class."""
    names, owners = np.unique(patients, return_inverse=True)
    rows = [np.flatnonzero(owners == i) for i in range(len(names))]
    random = np.random.default_rng(0)
    resampled = []
    for _ in range(RESAMPLES):
        drawn = np.concatenate([rows[i] for i in random.integers(len(rows), size=len(rows))])
        if len(np.unique(truth[drawn])) == len(np.unique(truth)):
            resampled.append(score(truth[drawn], said[drawn]))
    return Answer(score(truth, said), np.array(resampled))


def accuracy(truth: NDArray[np.int64], said: NDArray[np.float64]) -> float:
    """Return balanced accuracy; a class is named where it is likelier than it is on the average.

    The average is that of the images asked about, without their labels.
    """
    return float(balanced_accuracy_score(truth, (said / said.mean(0)).argmax(1)))


def area(truth: NDArray[np.int64], said: NDArray[np.float64]) -> float:
    """Return the area under the ROC curve of class 1."""
    return float(roc_auc_score(truth == 1, said if said.ndim == 1 else said[:, 1]))


def row_of(
    asked: str,
    said: dict[str, NDArray[np.float64]],
    truth: NDArray[np.int64],
    patients: NDArray[np.str_],
) -> str:
    """Write how a question is answered: by the head, and by the heat map if it has such a kind."""
    two = said[asked].shape[1] == 2
    scored: list[tuple[Score, NDArray[np.float64]]] = [(area if two else accuracy, said[asked])]
    if f"heat {asked}" in said:
        scored.append((area, said[f"heat {asked}"]))
    known = truth != UNKNOWN_CLASS
    cells = [
        figure([answer(score, truth[known], values[known], patients[known])])
        for score, values in scored
    ]
    name = "area" if two else "balanced accuracy"
    return f"{name} | {' | '.join(cells)} |" + ("" if len(cells) > 1 else " |")


def main() -> None:
    """Print one row for each encoder and question."""
    runs, archive = asked_for(__doc__.splitlines()[0])
    pictures = list(archive)
    classes = np.stack([classes_of(p.labels, p.view, p.laterality) for p in pictures])
    patients = np.array([p.patient for p in pictures])
    print("Phantom figures; phantoms are not real data.\n")
    print("| encoder | question | n | rarest class | figure | by the head | strongest cell |")
    print("|---|---|---|---|---|---|---|")
    for name, folder in ((name, folder) for name, each in runs.items() for folder in each):
        said = see(folder, archive)
        for asked, truth in zip(ATTRIBUTES, classes.T, strict=True):
            counts = np.bincount(truth[truth != UNKNOWN_CLASS])
            counts = counts[counts > 0]
            if asked in said and len(counts) > 1 and counts.min() >= LEAST:
                row = row_of(asked, said, truth, patients)
                print(f"| {name} | {asked} | {counts.sum()} | {counts.min()} | {row}")
    print(f"\n{len(np.unique(patients))} patients. {NOTICE}")


if __name__ == "__main__":
    main()
