"""Figures of one class out of K, and of several labels at once."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from benchmark.metrics.bootstrap import Clusters, Floats, Ints
from benchmark.metrics.calibration import brier, calibration_error, fit_temperature, scaled
from benchmark.metrics.counting import Confusion, Measure, MeasurePanel, divide, means
from benchmark.metrics.ranking import Ranking
from benchmark.samples import ClassSample, LabelsSample

SPECIFICITY = SENSITIVITY = 0.9


def class_panels(
    samples: Sequence[ClassSample],
    clusters: Clusters,
    names: Sequence[str],
    *,
    ordinal: bool = False,
    validation: Sequence[ClassSample] = (),
) -> list[MeasurePanel]:
    """Build the panels of a single-label task.

    Args:
        samples: one class each.
        clusters: of the samples.
        names: of the classes.
        ordinal: whether the order of classes means something.
        validation: samples to fit a temperature on, if calibration is to be mended too.
    """
    truth, scores = class_arrays(samples)
    rankings = binary(truth, scores, clusters) if len(names) == 2 else None
    panels = [rankings or one_against_rest(truth, scores, clusters, names)]
    panels.append(_said(truth, scores, clusters, ordinal=ordinal))
    panels.append(means([Measure("brier", len(truth))], brier(truth, scores)[:, None], clusters))
    error = calibration_error(truth, scores, clusters)
    panels.append(MeasurePanel((Measure("ece", len(truth), "15 bins of equal width"),), error))
    if validation:
        temperature = fit_temperature(validation)
        mended = class_arrays(scaled(samples, temperature))[1]
        note = f"temperature {temperature:.3g} fitted on {len(validation)} validation samples"
        measure = Measure("ece_scaled", len(truth), note)
        panels.append(MeasurePanel((measure,), calibration_error(truth, mended, clusters)))
    return panels


def class_arrays(samples: Sequence[ClassSample]) -> tuple[Ints, Floats]:
    """Return true classes [N] and probabilities [N, K]."""
    truth = np.array([sample.truth for sample in samples], dtype=np.int64)
    return truth, np.array([sample.scores for sample in samples], dtype=float)


def binary(truth: Ints, scores: Floats, clusters: Clusters) -> MeasurePanel:
    """AUROC, AUPRC, the operating points at 90 %, and pF1 of the RSNA challenge."""
    positive, said = truth == 1, scores[:, 1]
    ranking = Ranking(said, positive, clusters.of, clusters.count)
    sums = np.stack([
        clusters.sums(said * positive), clusters.sums(said), clusters.sums(positive.astype(float)),
    ])  # fmt: skip

    def statistic(counts: Floats) -> Floats:
        steps = ranking.at(counts)
        hits, said_so, true = sums @ counts
        # 2PR / (P + R) with P = hits / said_so and R = hits / true
        pf1 = divide(2 * hits, np.where(true > 0, said_so + true, 0.0))
        return np.stack([
            steps.auroc(), steps.average_precision(), steps.sensitivity_at(SPECIFICITY),
            steps.specificity_at(SENSITIVITY), pf1,
        ])  # fmt: skip

    n, positives = len(truth), int(positive.sum())
    note = f"{positives} positive"
    missing = "; not defined: one class only" if positives in (0, n) else ""
    return MeasurePanel(
        (
            Measure("auroc", n, note + missing),
            Measure("auprc", n, f"{note}; a coin has {positives / max(n, 1):.3g}"),
            Measure("sensitivity_at_90_specificity", n, note + missing),
            Measure("specificity_at_90_sensitivity", n, note + missing),
            Measure("pf1", n, "probabilistic F1, each sample by itself"),
        ),
        statistic,
    )


def one_against_rest(
    truth: Ints, scores: Floats, clusters: Clusters, names: Sequence[str]
) -> MeasurePanel:
    """Macro AUROC: mean over the classes that the data hold, each against the others."""
    present = [klass for klass in range(len(names)) if 0 < (truth == klass).sum() < len(truth)]
    rankings = [
        Ranking(scores[:, klass], truth == klass, clusters.of, clusters.count) for klass in present
    ]
    absent = [name for klass, name in enumerate(names) if klass not in present]
    note = f"one against the rest, over {len(present)} classes"
    note += f"; without {', '.join(absent)}, of which there is no example" if absent else ""

    def statistic(counts: Floats) -> Floats:
        if not rankings:
            return np.full((1, counts.shape[1]), np.nan)
        areas = np.stack([ranking.at(counts).auroc() for ranking in rankings])
        mean: Floats = areas.mean(axis=0, keepdims=True)
        return mean

    return MeasurePanel((Measure("macro_auroc", len(truth), note),), statistic)


def _said(truth: Ints, scores: Floats, clusters: Clusters, *, ordinal: bool) -> MeasurePanel:
    """Figures of the likeliest class; kappa only where the order of classes means something."""
    confusion = Confusion(truth, scores.argmax(axis=1), scores.shape[1], clusters)
    n, held = len(truth), f"over {len(np.unique(truth))} classes"
    measures = [
        Measure("balanced_accuracy", n, held),
        Measure("accuracy", n),
        Measure("macro_f1", n, held),
        Measure("quadratic_kappa", n),
    ]
    kept = measures if ordinal else measures[:3]

    def statistic(counts: Floats) -> Floats:
        figures = confusion.statistic(counts)[: len(kept)]
        return np.concatenate([figures, confusion.published_f1(counts)])

    published = Measure("legacy_macro_f1", n, "classes that are true or said", legacy=True)
    return MeasurePanel((*kept, published), statistic)


def label_panels(
    samples: Sequence[LabelsSample], clusters: Clusters, names: Sequence[str]
) -> list[MeasurePanel]:
    """Build the panels of a multi-label task; unknown labels count in no figure."""
    truth = np.array([sample.truth for sample in samples], dtype=float)
    scores = np.array([sample.scores for sample in samples], dtype=float)
    known = np.isfinite(truth)
    held = [k for k in range(len(names)) if {0.0, 1.0} <= set(truth[known[:, k], k].tolist())]
    rankings = [
        Ranking(scores[rows, k], truth[rows, k] == 1, clusters.of[rows], clusters.count)
        for k in held
        for rows in [known[:, k]]
    ]

    def statistic(counts: Floats) -> Floats:
        if not rankings:
            return np.full((2, counts.shape[1]), np.nan)
        steps = [ranking.at(counts) for ranking in rankings]
        return np.stack([
            np.mean([one.auroc() for one in steps], axis=0),
            np.mean([one.average_precision() for one in steps], axis=0),
        ])  # fmt: skip

    absent = [name for k, name in enumerate(names) if k not in held]
    note = f"over {len(held)} labels"
    note += f"; without {', '.join(absent)}, never both present and absent" if absent else ""
    n = int(known.any(axis=1).sum())
    ranked = MeasurePanel(
        (Measure("macro_auroc", n, note), Measure("macro_ap", n, note)), statistic
    )
    whole = known.all(axis=1)
    exact = ((scores >= 0.5) == (truth == 1)).all(axis=1)
    rule = "every label right at 0.5; images with an unknown label left out"
    exact_match = Measure("exact_match", int(whole.sum()), rule)
    published = Measure("legacy_exact_match", int(whole.sum()), rule, legacy=True)
    values = np.where(whole, exact, np.nan)
    return [ranked, means([exact_match, published], np.stack([values, values], axis=1), clusters)]
