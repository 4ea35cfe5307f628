"""Logistic regression on frozen features: what a network is worth without its own heads."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV, StratifiedGroupKFold
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from scripts.cbis_report.figures import Figure, area, class_figures, difference
from scripts.cbis_report.whole_films import (
    Told,
    both_views,
    calibration,
    class_question,
    one_view,
)
from versamammo.data.attributes import UNKNOWN_CLASS

Floats = NDArray[np.float32]
STRENGTHS = (1e-5, 1e-4, 1e-3, 1e-2, 1e-1)  # sklearn's C
FOLDS = 5


@dataclass(frozen=True, eq=False)
class FilmAnswers:
    """What one network, or probes on its features, say of N films.

    Attributes:
        chance: that each film is malignant [N], learnt from mass films.
        classes: of each attribute that was learnt [N].
        strengths: C of each probe, chosen on training patients.
    """

    chance: Floats
    classes: dict[str, NDArray[np.int64]]
    strengths: dict[str, float] = field(default_factory=dict)


def fitted(
    features: Floats, truth: NDArray[np.int64], patients: Sequence[str], scoring: str
) -> tuple[Any, float]:
    """Fit a logistic regression whose strength patients of the training side choose.

    Args:
        features: [n, D].
        truth: classes [n].
        patients: [n]; no patient is on both sides of a fold.
        scoring: sklearn's name of what is to be best.

    Returns:
        the fitted model, and its C.
    """
    balanced = "balanced" if scoring == "balanced_accuracy" else None
    model = make_pipeline(
        StandardScaler(), LogisticRegression(max_iter=400, class_weight=balanced, tol=1e-3)
    )
    folds = StratifiedGroupKFold(FOLDS, shuffle=True, random_state=0)
    grid = {"logisticregression__C": list(STRENGTHS)}
    search = GridSearchCV(model, grid, scoring=scoring, cv=folds)
    search.fit(features.astype(np.float64), truth, groups=np.array(patients))
    return search.best_estimator_, float(search.best_params_["logisticregression__C"])


def probe(known: Floats, films: Told, new: Floats) -> FilmAnswers:
    """Fit probes on features [n, D] of training films and ask them of others [N, D]."""
    said: dict[str, NDArray[Any]] = {}
    strengths: dict[str, float] = {}
    for name, rows, truth, scoring in (
        ("malignancy", films.mass, films.malignant, "roc_auc"),
        ("density", films.classes["density"] != UNKNOWN_CLASS, films.classes["density"],
         "balanced_accuracy"),
        ("view", films.classes["view"] != UNKNOWN_CLASS, films.classes["view"], "accuracy"),
    ):  # fmt: skip
        chosen = np.flatnonzero(rows)
        patients = [films.patients[row] for row in chosen]
        model, strengths[name] = fitted(known[chosen], truth[chosen], patients, scoring)
        wide = new.astype(np.float64)
        said[name] = (
            model.predict_proba(wide)[:, 1] if name == "malignancy" else model.predict(wide)
        )
    return FilmAnswers(said.pop("malignancy"), said, strengths)


def answer_figures(films: Told, said: FilmAnswers) -> list[Figure]:
    """Return the figures of one network."""
    together = both_views(films, said.chance)[0]
    found = [
        area("malignancy AUC, mass films", one_view(films, said.chance)),
        area("malignancy AUC, breasts with two mass films, both views", together),
    ]
    for name, classes in said.classes.items():
        ordinal = name == "density"
        found += class_figures(name, class_question(films, name, classes), ordinal=ordinal)
    return [*found, calibration(films, said.chance)[0]]


def against(films: Told, own: FilmAnswers, other: FilmAnswers) -> list[Figure]:
    """Return how far one network is above another, in what both were taught."""
    pairs = zip(
        ("malignancy AUC, mass films", "malignancy AUC, both views"),
        (one_view(films, own.chance), both_views(films, own.chance)[0]),
        (one_view(films, other.chance), both_views(films, other.chance)[0]),
        strict=True,
    )
    found = [difference(name, one, theirs) for name, one, theirs in pairs]
    for name in (one for one in own.classes if one in other.classes):
        first, second = (class_question(films, name, said.classes[name]) for said in (own, other))
        found.append(difference(f"{name}: balanced accuracy", first, second))
    return found
