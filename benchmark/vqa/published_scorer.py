"""The published MammoVQA scoring, faults included, so that figures can be set side by side.

Written from a description of what it does; for every other purpose use `scoring`. It takes the
option that looks most like the whole answer, so refusals and gibberish score by chance; it picks
options of multiple choice by shared words; its interval is that of the plain accuracy; unanswered
questions do not count. Unlike the original, the resampling is seeded.

It prints four groups of figures, which are kept apart here by their scope: one per dataset of the
result file, one per topic over all datasets, and Pathology and Abnormality once more, each in two
parts, of whole breasts and of finding crops.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from difflib import SequenceMatcher

import numpy as np
from rapidfuzz import fuzz, utils
from scipy.stats import bootstrap, ttest_rel

from benchmark.vqa.answers import ModelAnswer
from versamammo.errors import InputError
from versamammo.vqa import Item, Kind

Candidate = tuple[str, str, str]  # "A", "A: Normal", "Normal"

ABNORMALITY = "Abnormality"
PARTED = ("Pathology", ABNORMALITY)

# the classes that the published scorer counts; any other truth stops it with a KeyError
CLASSES = {
    "View": ("MLO", "CC"),
    "Laterality": ("Right", "Left"),
    "ACR": tuple(f"Level {letter}" for letter in "ABCD"),
    "Bi-Rads": tuple(f"Bi-Rads {n}" for n in range(6)),
    "Background tissue": ("Fatty-glandular", "Fatty", "Dense-glandular"),
    "Pathology": ("Normal", "Malignant", "Benign"),
    "Subtlety": ("Normal", *(f"Level {n}" for n in range(1, 6))),
    "Masking potential": tuple(f"Level {n}" for n in range(1, 9)),
}


@dataclass(frozen=True)
class LegacyFigure:
    """Plain accuracy with its BCa interval, and the weighted accuracy, which had none.

    Attributes:
        scope: "dataset", "topic" (over all datasets), or "part" of a topic.
    """

    scope: str
    name: str
    accuracy: float
    low: float
    high: float
    weighted: float | None
    n: int


@dataclass(frozen=True)
class Share:
    """That an answer counts in one figure.

    Attributes:
        scope: "topic" or "part".
        name: of the figure.
        klass: the rarer it is, the more the answer weighs; of one topic all weigh alike.
        scored: whether the answer is scored there, or only its class counted.
    """

    scope: str
    name: str
    klass: tuple[str, ...]
    scored: bool = True


@dataclass(frozen=True)
class ScoredAnswer:
    """One answer of the result file; one that the bench does not know has no class of its own."""

    item: Item
    value: int
    known: bool


def published_prompt(item: Item) -> str:
    """Lay out a question as the published scorer needs it, options in the order of the file."""
    listed = ", ".join(f"{chr(65 + n)}: {option}" for n, option in enumerate(item.options))
    return f"### Question: {item.question} ### Options: {listed}. ### Answer:"


def legacy_score(answer: str, prompt: str, item: Item) -> int:
    """Score one answer 0 or 1 as published."""
    candidates = _candidates(prompt, item)
    if item.kind is Kind.MULTIPLE:
        return int(_by_shared_words(answer, candidates) == set(item.answer))
    chosen = _nearest(answer, candidates, _difflib_ratio) or _nearest(answer, candidates, _fuzzy)
    return int(chosen == item.answer[0])


def legacy_report(
    items: Sequence[Item], answers: Sequence[ModelAnswer], *, resamples: int = 9999, seed: int = 0
) -> tuple[LegacyFigure, ...]:
    """Return the published figures of what the answer file holds: topics, their parts, datasets.

    An id that the bench does not know adds a zero to the dataset that came before it, and to
    Abnormality if that was the topic; other topics leave it out again. Abnormality over all
    datasets is not weighted. Its breasts are scored only in sets whose names end in `breast`, while
    their classes are counted in all sets of whole breasts.

    Raises:
        InputError: a truth is no class of the published scorer, which stops there too.
    """
    scored = _scored(items, answers)
    counted: dict[tuple[str, str], list[tuple[Share, int]]] = {}
    for one in scored:
        for share in shares_of(one.item):
            if one.known or (share.scope, share.name) == ("topic", ABNORMALITY):
                counted.setdefault((share.scope, share.name), []).append((share, one.value))
    made = []
    for (scope, name), pairs in sorted(counted.items(), key=lambda at: (at[0][0] == "part", at[0])):
        values = [value for share, value in pairs if share.scored]
        if values:
            weighted = weighted_accuracy([(share.klass, v, share.scored) for share, v in pairs])
            made.append(_figure(scope, name, values, weighted, resamples, seed))
    for dataset in sorted({one.item.dataset for one in scored}):
        values = [one.value for one in scored if one.item.dataset == dataset]
        made.append(_figure("dataset", dataset, values, None, resamples, seed))
    return tuple(made)


def shares_of(item: Item) -> tuple[Share, ...]:
    """Return the figures, of a topic and of its part, that an answer to an item counts in.

    Raises:
        InputError: the truth is no class of the published scorer.
    """
    klass = _class_of(item)
    made = [Share("topic", item.topic, () if item.topic == ABNORMALITY else klass)]
    if item.topic in PARTED:
        part = "finding" if item.dataset.endswith("finding") else "breast"
        scored = item.topic != ABNORMALITY or item.dataset.endswith(part)
        made.append(Share("part", f"{item.topic} ({part})", klass, scored))
    return tuple(made)


def weighted_accuracy(counted: Sequence[tuple[tuple[str, ...], int, bool]]) -> float:
    """Return the accuracy of scored answers, each weighed by how rare its class is among all.

    Args:
        counted: class, score of 0 or 1, and whether it is scored, of every answer; some are.
    """
    count = Counter(klass for klass, _, _ in counted)
    weights = [(1 / count[klass], value) for klass, value, scored in counted if scored]
    return sum(weight * value for weight, value in weights) / sum(weight for weight, _ in weights)


def _scored(items: Sequence[Item], answers: Sequence[ModelAnswer]) -> list[ScoredAnswer]:
    by_id = {item.id: item for item in items}
    found: list[ScoredAnswer] = []
    for answer in answers:
        item = by_id.get(answer.id)
        if item is None:
            if not found:
                raise InputError(
                    f"id {answer.id} is not in the bench", field="id", reason="unknown-id"
                )
            found.append(ScoredAnswer(found[-1].item, 0, known=False))
            continue
        _class_of(item)
        prompt = answer.prompt or published_prompt(item)
        found.append(ScoredAnswer(item, legacy_score(answer.text or "", prompt, item), known=True))
    return found


def legacy_p(first: Sequence[int], second: Sequence[int]) -> float:
    """Compare two models' scores by the published paired t-test; of unlike lengths it says 1."""
    if len(first) != len(second):
        return 1.0
    return float(ttest_rel(first, second).pvalue)


def _class_of(item: Item) -> tuple[str, ...]:
    known = CLASSES.get(item.topic)
    if known is not None and item.answer[0] not in known:
        message = (
            f"id {item.id}: the published scoring stops here with a KeyError, {item.answer[0]!r} "
            f"being none of its classes {', '.join(known)}"
        )
        raise InputError(message, field="Answer", reason="published-key-error")
    return tuple(sorted(item.answer))


def _figure(
    scope: str, name: str, values: Sequence[int], weighted: float | None, resamples: int, seed: int
) -> LegacyFigure:
    low, high = _interval(values, resamples, seed)
    return LegacyFigure(scope, name, float(np.mean(values)), low, high, weighted, len(values))


def _interval(values: Sequence[int], resamples: int, seed: int) -> tuple[float, float]:
    """BCa interval of the plain mean; all answers alike have none."""
    if len(set(values)) < 2:
        return float("nan"), float("nan")
    made = bootstrap(
        (np.asarray(values, dtype=float),),
        np.mean,
        n_resamples=resamples,
        confidence_level=0.95,
        method="BCa",
        batch=100,
        rng=np.random.default_rng(seed),
    )
    return float(made.confidence_interval.low), float(made.confidence_interval.high)


def _candidates(prompt: str, item: Item) -> list[Candidate]:
    found = re.search(r"### Options:(.*?)\. ### Answer:", prompt, re.DOTALL)
    if found is None:
        raise InputError(
            f"id {item.id}: expected '### Options: ... . ### Answer:', as published",
            field="prompt",
            reason="bad-prompt",
        )
    made = []
    for entry in found[1].split(","):
        full = entry.strip()
        letter, _, bare = full.partition(":")
        made.append((letter.strip(), full, bare.strip()))
    return made


def _nearest(
    answer: str, candidates: Sequence[Candidate], alike: Callable[[str, str], float]
) -> str | None:
    """The option with the most similar form; ties by the sum over its forms; else None."""
    likeness = {forms[2]: [alike(answer, form) for form in forms] for forms in candidates}
    for measure in (max, sum):
        best = max(measure(values) for values in likeness.values())
        leaders = [option for option, values in likeness.items() if measure(values) == best]
        if len(leaders) == 1:
            return leaders[0]
    return None


def _difflib_ratio(answer: str, form: str) -> float:
    return SequenceMatcher(None, answer.lower(), form.lower()).ratio()


def _fuzzy(answer: str, form: str) -> float:
    return round(fuzz.WRatio(answer, form, processor=utils.default_process))


def _by_shared_words(answer: str, candidates: Sequence[Candidate]) -> set[str]:
    said = set(_words(answer))
    return {forms[2] for forms in candidates if said & set(_words(" ".join(forms)))}


def _words(text: str) -> list[str]:
    return re.findall(r"\w+", text.lower())
