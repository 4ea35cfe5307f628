"""What scripts that question trained networks have in common: figures with intervals, and runs."""

from __future__ import annotations

import argparse
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.stats import t as student_t

from versamammo.data.dataset import Archive
from versamammo.phantoms.default_phantoms import PhantomArchive, phantom_archive


@dataclass(frozen=True, eq=False)
class Answer:
    """One question put to one network.

    Attributes:
        figure: over all patients.
        resampled: the same of every resampling of patients; NaN if there are none.
    """

    figure: float
    resampled: NDArray[np.float64]


def figure(answers: Sequence[Answer]) -> str:
    """Write the mean over seeds, and its 95 % interval over patients."""
    low, high = np.percentile(np.mean([one.resampled for one in answers], axis=0), [2.5, 97.5])
    mean = f"{np.mean([one.figure for one in answers]):.3f}"
    return mean if np.isnan(low) else f"{mean} [{low:.3f}, {high:.3f}]"


def above(answers: Sequence[Answer], others: Sequence[Answer]) -> str:
    """Write a mean difference, its interval over patients, and over seeds if there are several."""
    pairs = list(zip(answers, others, strict=False))
    apart = [one.figure - other.figure for one, other in pairs]
    resampled = np.mean([one.resampled - other.resampled for one, other in pairs], axis=0)
    low, high = np.percentile(resampled, [2.5, 97.5])
    text = f"{np.mean(apart):+.3f}" + ("" if np.isnan(low) else f" [{low:+.3f}, {high:+.3f}]")
    if len(apart) < 2:
        return text
    half = student_t.ppf(0.975, len(apart) - 1) * np.std(apart, ddof=1) / len(apart) ** 0.5
    return f"{text} ± {half:.3f}"


def asked_for(description: str) -> tuple[dict[str, list[Path]], Archive]:
    """Read NAME=FOLDER words from the command line; opens the held-out phantoms too."""
    parser = argparse.ArgumentParser(description=description)
    parser.add_argument("runs", nargs="+", metavar="NAME=FOLDER")
    parser.add_argument("--exams", type=int, default=160, help="held-out phantom patients")
    parser.add_argument("--seed", type=int, default=1000, help="of the held-out phantoms")
    given = parser.parse_args()
    runs: dict[str, list[Path]] = defaultdict(list)
    for name, _, folder in (one.partition("=") for one in given.runs):
        runs[name].append(Path(folder))
    torch.set_num_threads(1)
    return dict(runs), held_out(given.exams, given.seed)


def held_out(exams: int, seed: int) -> Archive:
    """Open phantom patients from whom nothing was learnt, making them if need be."""
    phantoms = PhantomArchive(exams=exams, seed=seed, size=(384, 256), shares=(0.0, 0.0, 1.0))
    return Archive.open(phantom_archive(phantoms), ["test"])
