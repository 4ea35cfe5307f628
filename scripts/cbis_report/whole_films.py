"""Figures of films as a whole: malignancy, density, BI-RADS and view, and breasts of two views."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from benchmark.metrics.bootstrap import cluster
from benchmark.metrics.calibration import calibration_error, reliability
from scripts.cbis_report.figures import (
    Asked,
    Figure,
    Floats,
    Ints,
    area,
    asked,
    class_figures,
    difference,
    figure,
)
from scripts.cbis_report.seeing import Seen
from versamammo.data.attributes import ATTRIBUTES, UNKNOWN_CLASS, classes_of
from versamammo.data.dataset import Picture

BENIGN, MALIGNANT = 1, 2
BINS = 10  # of the reliability curve
LEAST = 1e-6  # probabilities nearer to 0 or 1 have no larger log odds


@dataclass(frozen=True, eq=False)
class Told:
    """What is known of N films.

    Attributes:
        patients: [N].
        classes: of each attribute [N], -1 where unknown.
        mass: whether a mass is marked and the film is benign or malignant [N].
        breasts: patient and side [N].
    """

    patients: list[str]
    classes: dict[str, Ints]
    mass: np.ndarray
    breasts: list[str]

    @property
    def malignant(self) -> Ints:
        """Whether each film is malignant, 0 or 1 [N]; only meaningful where `mass`."""
        return (self.classes["pathology"] == MALIGNANT).astype(np.int64)


def told(pictures: Sequence[Picture]) -> Told:
    """Gather the labels of films; those with calcifications alone are no mass films."""
    table = np.stack([classes_of(one.labels, one.view, one.laterality) for one in pictures])
    classes = dict(zip(ATTRIBUTES, table.T, strict=True))
    marked = [any(f.kind == "mass" for f in one.labels.findings) for one in pictures]
    graded = np.isin(classes["pathology"], (BENIGN, MALIGNANT))
    return Told(
        [one.patient for one in pictures],
        classes,
        np.array(marked) & graded,
        [f"{one.patient} {one.laterality}" for one in pictures],
    )


def malignancy(probabilities: Floats) -> Floats:
    """Return how probable malignant is of [N, 3], if the film is benign or malignant [N]."""
    both = probabilities[:, BENIGN] + probabilities[:, MALIGNANT]
    return np.divide(probabilities[:, MALIGNANT], np.maximum(both, 1e-30))


def log_odds(probability: Floats) -> Floats:
    """Return the log odds of probabilities, none beyond those of `LEAST`."""
    held = np.clip(probability.astype(float), LEAST, 1 - LEAST)
    return np.log(held) - np.log1p(-held)


def joined_views(odds: Floats, breasts: Sequence[str]) -> tuple[list[str], Floats, Ints]:
    """Average log odds [N] over the films of each breast.

    Returns:
        names of the breasts in order of their first film, their means [B], and their films [B].
    """
    names = list(dict.fromkeys(breasts))
    place = {name: row for row, name in enumerate(names)}
    of = np.array([place[one] for one in breasts], dtype=np.int64)
    films = np.bincount(of, minlength=len(names))
    return names, np.bincount(of, weights=odds, minlength=len(names)) / films, films


def one_view(films: Told, chance: Floats, where: np.ndarray | None = None) -> Asked:
    """Put the malignancy of mass films, one by one, to the question."""
    rows = np.flatnonzero(films.mass if where is None else films.mass & where)
    patients = [films.patients[row] for row in rows]
    return asked(chance[rows], films.malignant[rows], patients)


def both_views(films: Told, chance: Floats) -> tuple[Asked, Asked, Asked]:
    """Return breasts with two mass films: both together, their films one by one; and all breasts.

    A breast is malignant if one of its films is.
    """
    rows = np.flatnonzero(films.mass)
    breasts = [films.breasts[row] for row in rows]
    names, means, counts = joined_views(log_odds(chance[rows]), breasts)
    worst = {name: 0 for name in names}
    for row, name in zip(rows, breasts, strict=True):
        worst[name] = max(worst[name], int(films.malignant[row]))
    truth = np.array([worst[name] for name in names])
    whose = [name.rpartition(" ")[0] for name in names]
    two = np.flatnonzero(counts > 1)
    paired = {names[row] for row in two}
    single = np.array([row for row in rows if films.breasts[row] in paired], dtype=np.int64)
    together = asked(means[two], truth[two], [whose[row] for row in two])
    # the same patients in the same order and strata, so that both see the same resamples
    order = {p: n for n, p in enumerate(dict.fromkeys(whose[row] for row in two))}
    of = np.array([order[films.patients[row]] for row in single], dtype=np.int64)
    apart = Asked(
        chance[single].astype(float), films.malignant[single],
        type(together.clusters)(of, together.clusters.strata),
    )  # fmt: skip
    return together, apart, asked(means, truth, whose)


def class_question(films: Told, name: str, said: Ints) -> Asked:
    """Put the classes that were given [N] to the question, where the truth is known."""
    rows = np.flatnonzero(films.classes[name] != UNKNOWN_CLASS)
    patients = [films.patients[row] for row in rows]
    classes = len(ATTRIBUTES[name].classes)
    return asked(said[rows], films.classes[name][rows], patients, classes)


def malignancy_figures(films: Told, chance: Floats) -> list[Figure]:
    """Return the figures of malignancy by film and by breast."""
    together, apart, every = both_views(films, chance)
    return [
        area("malignancy AUC, mass films", one_view(films, chance)),
        area("malignancy AUC, breasts with two mass films, both views", together),
        area("malignancy AUC, the films of these breasts one by one", apart),
        difference("both views minus one view, AUC", together, apart),
        area("malignancy AUC, every breast with a mass film, all its views", every),
    ]


def attribute_figures(films: Told, seen: Seen) -> list[Figure]:
    """Return the figures of density, BI-RADS and view, each with and without class frequencies."""
    found: list[Figure] = []
    for name in ("density", "birads", "view"):
        if name not in seen.alike:
            continue
        ordinal = name != "view"
        for words, said in (("", seen.alike), (" (with prior)", seen.probabilities)):
            question = class_question(films, name, said[name].argmax(axis=1))
            found += class_figures(f"{name}{words}", question, ordinal=ordinal)
    return found


def by_group(films: Told, chance: Floats, groups: Mapping[str, np.ndarray]) -> list[Figure]:
    """Return the malignancy AUC of the mass films of each group."""
    return [
        area(f"malignancy AUC, {name}", one_view(films, chance, where))
        for name, where in groups.items()
        if len(np.unique(films.malignant[films.mass & where])) == 2
    ]


def calibration(films: Told, chance: Floats) -> tuple[Figure, list[dict[str, float]]]:
    """Return the calibration error of malignancy of mass films, and its reliability curve."""
    rows = np.flatnonzero(films.mass)
    truth = films.malignant[rows]
    said = chance[rows].astype(float)
    scores = np.stack([1 - said, said], axis=1)
    clusters = cluster([films.patients[row] for row in rows], [[int(one)] for one in truth])
    curve = reliability(truth, scores, BINS)
    error = figure(
        "malignancy ECE, mass films", calibration_error(truth, scores, clusters, BINS), clusters,
        len(rows), f"{BINS} bins of equal width",
    )  # fmt: skip
    points = [
        {"said": float(a), "seen": float(b), "n": int(c)}
        for a, b, c in zip(curve.said, curve.seen, curve.n, strict=True)
    ]
    return error, points
