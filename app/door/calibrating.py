"""Tries each source of a model alone, and fits from its scores the probabilities it is given."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize

from app.chat.evidence.contracts import EvidenceSource
from app.chat.evidence.deciding import Weights
from app.chat.evidence.examining import Examiner
from app.chat.evidence.trials import Calibration, Domain, SourceTrial
from app.door.cases import Case
from versamammo.scoring.topic_scores import score_topic
from versamammo.vocabulary import BY_NAME, YES
from versamammo.vqa import Kind
from vlm.option_words import chosen, yes_or_no

SMALLEST_SLOPE = 0.05  # a source whose scores mean nothing is left flat, never turned round


@dataclass
class Tried:
    """What one source said of one topic, picture after picture."""

    weights: list[Weights] = field(default_factory=list)
    truths: list[str] = field(default_factory=list)
    patients: list[str] = field(default_factory=list)


Table = dict[tuple[EvidenceSource, str], Tried]


def try_sources(examiner: Examiner, some: Iterable[Case]) -> Table:
    """Return what every source says of every picture of some cases."""
    table: Table = {}
    for case in some:
        for number in range(len(case.exam.images)):
            asked = frozenset(topic for topic, image in case.truths if image == number)
            looked = examiner.look(case.exam, number, dict.fromkeys(EvidenceSource, asked))
            for (source, topic), weights in looked.weights.items():
                truth = case.truths.get((topic, number))
                if truth is not None and truth in weights:
                    kept = table.setdefault((source, topic), Tried())
                    kept.weights.append(weights)
                    kept.truths.append(truth)
                    kept.patients.append(case.patient)
    return table


def calibrate(table: Table) -> dict[tuple[EvidenceSource, str], Calibration]:
    """Return a calibration for each source and yes/no topic of which both answers are known."""
    made = {}
    for (source, name), tried in table.items():
        yes = np.array([truth == YES for truth in tried.truths])
        if BY_NAME[name].kind is Kind.YES_NO and yes.any() and not yes.all():
            made[source, name] = fit(_scores(tried), yes)
    return made


def fit(scores: NDArray[np.float64], yes: NDArray[np.bool_]) -> Calibration:
    """Return the calibration under which both answers, weighed alike, are likeliest (Platt).

    Args:
        scores: 0..1, of each picture [N].
        yes: whether it shows the finding [N].
    """
    safe = np.clip(scores, 1e-6, 1 - 1e-6)
    odds = np.log(safe / (1 - safe))
    weight = np.where(yes, 0.5 / yes.sum(), 0.5 / (~yes).sum())
    sign = np.where(yes, 1.0, -1.0)

    def loss(found: NDArray[np.float64]) -> float:
        margins = sign * (found[0] * odds + found[1])
        return float((weight * np.logaddexp(0, -margins)).sum()) + 1e-4 * float(found[0] ** 2)

    bounds = [(SMALLEST_SLOPE, 10.0), (-30.0, 30.0)]
    found = minimize(loss, np.array([1.0, -float(np.median(odds))]), bounds=bounds)
    return Calibration(float(found.x[0]), float(found.x[1]))


def trials_of(
    table: Table, domain: Domain, data: str, *, calibrated: bool, seed: int = 0
) -> list[SourceTrial]:
    """Return how each source would answer if it alone spoke.

    Args:
        table: what the sources said.
        domain: what kind of pictures.
        data: name of the set.
        calibrated: whether yes and no are calibrated already; otherwise that is done here, each
            half of the patients by the other half's calibration.
        seed: of the resampling of patients.
    """
    made = []
    for (source, name), tried in table.items():
        topic = BY_NAME[name]
        weights: Sequence[Weights] = tried.weights
        if topic.kind is Kind.YES_NO and not calibrated:
            if len(set(tried.truths)) < 2:
                continue
            weights = _by_the_other_half(tried)
        answers = [chosen(topic, one) for one in weights]
        scores = [one[YES] for one in weights] if topic.kind is Kind.YES_NO else None
        score = score_topic(
            name, topic.options, tried.truths, answers, tried.patients, scores=scores, seed=seed
        )
        made.append(SourceTrial(domain, source, data, score))
    return made


def _by_the_other_half(tried: Tried) -> list[Weights]:
    """Calibrate each half of the patients by the other half."""
    scores, yes = _scores(tried), np.array([truth == YES for truth in tried.truths])
    order = {patient: n % 2 for n, patient in enumerate(sorted(set(tried.patients)))}
    half = np.array([order[patient] for patient in tried.patients])
    made: list[Weights] = [yes_or_no(0.5)] * len(scores)
    for own in (0, 1):
        learned = half != own
        if not yes[learned].any() or yes[learned].all():
            continue
        calibration = fit(scores[learned], yes[learned])
        for place in np.flatnonzero(half == own):
            made[place] = yes_or_no(calibration.probability(float(scores[place])))
    return made


def _scores(tried: Tried) -> NDArray[np.float64]:
    return np.array([weights[YES] for weights in tried.weights])
