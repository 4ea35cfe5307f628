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
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from difflib import SequenceMatcher

import numpy as np
from numpy.typing import NDArray
from rapidfuzz import fuzz, utils
from scipy.stats import bootstrap, ttest_rel

from benchmark.vqa.answers import ModelAnswer
from versamammo.errors import InputError
from versamammo.vqa import Item, Kind

Floats = NDArray[np.float64]
Candidate = tuple[str, str, str]  # "A", "A: Normal", "Normal"
Group = tuple[str, str, list[int], Floats | None]  # scope, name, scores, weights

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
    topics = dict.fromkeys(one.item.topic for one in scored)
    groups = [_topic(name, scored) for name in sorted(topics)]
    groups += [made for topic in PARTED for made in _parts(topic, scored)]
    for dataset in sorted({one.item.dataset for one in scored}):
        values = [one.value for one in scored if one.item.dataset == dataset]
        groups.append(("dataset", dataset, values, None))
    return tuple(_figure(group, resamples, seed) for group in groups if group[2])


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


def _topic(topic: str, scored: Sequence[ScoredAnswer]) -> Group:
    """Gather a topic over all datasets."""
    among = [one for one in scored if one.item.topic == topic]
    if topic == ABNORMALITY:
        values = [one.value for one in among]
        return "topic", topic, values, np.ones(len(values))
    among = [one for one in among if one.known]
    return "topic", topic, [one.value for one in among], _weights(among, among)


def _parts(topic: str, scored: Sequence[ScoredAnswer]) -> Iterator[Group]:
    """Gather a topic of whole breasts and of finding crops apart."""
    among = [one for one in scored if one.item.topic == topic and one.known]
    crops = [one for one in among if one.item.dataset.endswith("finding")]
    breasts = [one for one in among if not one.item.dataset.endswith("finding")]
    kept = breasts
    if topic == ABNORMALITY:
        kept = [one for one in breasts if one.item.dataset.endswith("breast")]
    for part, own, counted in (("breast", kept, breasts), ("finding", crops, crops)):
        yield "part", f"{topic} ({part})", [one.value for one in own], _weights(own, counted)


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


def _weights(own: Sequence[ScoredAnswer], counted: Sequence[ScoredAnswer]) -> Floats:
    """Weigh answers by how rare their classes are among those counted."""
    count = Counter(_class_of(one.item) for one in counted)
    return np.array([1 / count[_class_of(one.item)] for one in own])


def _figure(group: Group, resamples: int, seed: int) -> LegacyFigure:
    scope, name, values, weights = group
    low, high = _interval(values, resamples, seed)
    weighted = None
    if weights is not None:
        weighted = float((weights * np.asarray(values)).sum() / weights.sum())
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
