"""Class-balanced accuracy of groups of questions, with the interval of that same figure.

A figure is the mean over topics of the mean over classes of the share answered rightly. Patients
are drawn with replacement, all their questions together; only counts per patient and class are
needed, so 2,000 resamples are one sparse matrix product.
"""

from __future__ import annotations

from collections.abc import Hashable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_array

from benchmark.metrics import bootstrap as resampling

Floats = NDArray[np.float64]
Cell = tuple[tuple[str, str], str, Hashable]  # (dataset, kind), topic, class


@dataclass(frozen=True)
class Estimate:
    """A figure with its 95 % interval (NaN where a single patient allows none), n and patients."""

    value: float
    low: float
    high: float
    n: int
    patients: int


@dataclass(frozen=True)
class CountTable:
    """Counts that every figure is made of; a cell is one (part, topic, class).

    Args:
        cells: what each column counts.
        asked: questions per patient and cell [P, C].
        right: of which answered rightly [P, C].
    """

    cells: tuple[Cell, ...]
    asked: csr_array
    right: csr_array


def tabulate(
    patients: Sequence[str],
    cells: Sequence[Cell],
    correct: Sequence[bool],
) -> CountTable:
    """Count questions and right answers per patient and cell; one entry per question."""
    row_of = {patient: row for row, patient in enumerate(dict.fromkeys(patients))}
    column_of = {cell: column for column, cell in enumerate(dict.fromkeys(cells))}
    rows = [row_of[patient] for patient in patients]
    columns = [column_of[cell] for cell in cells]
    shape = (len(row_of), len(column_of))
    asked = csr_array((np.ones(len(rows)), (rows, columns)), shape=shape)
    right = csr_array((np.asarray(correct, dtype=float), (rows, columns)), shape=shape)
    return CountTable(tuple(column_of), asked, right)


def balanced(table: CountTable, asked: Floats, right: Floats, columns: Sequence[int]) -> Floats:
    """Compute the figure of some cells from totals [R, C]; classes not drawn are left out [R]."""
    classes: dict[tuple[str, Hashable], list[int]] = {}
    for column in columns:
        _, topic, klass = table.cells[column]
        classes.setdefault((topic, klass), []).append(column)
    topics: dict[str, list[Floats]] = {}
    for (topic, _), members in classes.items():
        total = asked[:, members].sum(axis=1)
        hits = right[:, members].sum(axis=1)
        share = np.divide(hits, total, out=np.full(len(total), np.nan), where=total > 0)
        topics.setdefault(topic, []).append(share)
    return _mean([_mean(shares) for shares in topics.values()])


def estimate(
    table: CountTable, groups: Sequence[Sequence[int]], *, resamples: int = 2000, seed: int = 0
) -> tuple[Estimate, ...]:
    """Estimate each group of columns with one set of resampled patients."""
    asked, right = _totals(table)
    drawn: list[list[Floats]] = [[] for _ in groups]
    for weights in draw(table.asked.shape[0], resamples, seed):
        totals, hits = weights @ table.asked, weights @ table.right
        for figures, columns in zip(drawn, groups, strict=True):
            figures.append(balanced(table, totals, hits, columns))
    made = []
    for figures, columns in zip(drawn, groups, strict=True):
        patients = int((table.asked[:, list(columns)].sum(axis=1) > 0).sum())
        spread = np.concatenate(figures)
        low, high = np.nanpercentile(spread, [2.5, 97.5]) if patients > 1 else (np.nan, np.nan)
        value = float(balanced(table, asked, right, columns)[0])
        n = int(asked[0, list(columns)].sum())
        made.append(Estimate(value, float(low), float(high), n, patients))
    return tuple(made)


def draw(patients: int, resamples: int, seed: int) -> Iterator[Floats]:
    """Return how often each patient is drawn, in chunks [r, P]."""
    for counts in resampling.draw(np.zeros(patients, dtype=np.int64), resamples, seed):
        yield counts.T


@dataclass(frozen=True)
class AccuracyDifference:
    """How far one model is above another, with interval and two-sided p of no difference."""

    value: float
    low: float
    high: float
    p: float
    n: int
    patients: int


def compare(
    first: CountTable,
    second: CountTable,
    columns: Sequence[int],
    *,
    resamples: int = 2000,
    seed: int = 0,
) -> AccuracyDifference:
    """Compare two models on the same questions, patient by patient.

    The interval comes from resampled patients, the p-value from exchanging the two models'
    answers of whole patients at random (a permutation test of the same figure).
    """
    asked, right = _totals(first)
    other = _totals(second)[1]
    value = float(
        (balanced(first, asked, right, columns) - balanced(first, asked, other, columns))[0]
    )
    spread = []
    for weights in draw(first.asked.shape[0], resamples, seed):
        totals = weights @ first.asked
        gain = balanced(first, totals, weights @ first.right, columns)
        spread.append(gain - balanced(first, totals, weights @ second.right, columns))
    patients = int((first.asked[:, list(columns)].sum(axis=1) > 0).sum())
    low, high = (
        np.nanpercentile(np.concatenate(spread), [2.5, 97.5]) if patients > 1 else (np.nan,) * 2
    )
    # with the questions fixed the figure is linear in the right answers: one share per patient
    share = (first.right - second.right) @ _shares(first, asked, columns)
    rng = np.random.default_rng(seed)
    signs = rng.choice([-1.0, 1.0], size=(resamples, len(share)))
    extreme = int((np.abs(signs @ share) >= abs(value) - 1e-12).sum())
    n = int(asked[0, list(columns)].sum())
    return AccuracyDifference(
        value, float(low), float(high), (1 + extreme) / (1 + resamples), n, patients
    )


def _shares(table: CountTable, asked: Floats, columns: Sequence[int]) -> Floats:
    """What one right answer in each cell adds to the figure [C]."""
    topics: dict[str, dict[Hashable, float]] = {}
    for column in columns:
        _, topic, klass = table.cells[column]
        classes = topics.setdefault(topic, {})
        classes[klass] = classes.get(klass, 0.0) + float(asked[0, column])
    shares = np.zeros(len(table.cells))
    for column in columns:
        _, topic, klass = table.cells[column]
        shares[column] = 1 / (len(topics) * len(topics[topic]) * topics[topic][klass])
    return shares


def _totals(table: CountTable) -> tuple[Floats, Floats]:
    return table.asked.sum(axis=0)[None, :], table.right.sum(axis=0)[None, :]


def _mean(figures: Sequence[Floats]) -> Floats:
    """Mean over figures [R] that were drawn; NaN where none was."""
    stacked = np.stack(figures)
    there = ~np.isnan(stacked)
    count = there.sum(axis=0)
    total = np.where(there, stacked, 0.0).sum(axis=0)
    mean: Floats = np.divide(total, count, out=np.full(len(total), np.nan), where=count > 0)
    return mean
