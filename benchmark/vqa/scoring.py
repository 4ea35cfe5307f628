"""From answers to a report: figures over all, per topic, dataset and kind of question."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from benchmark.vqa.answers import Coverage, ModelAnswer, letters
from benchmark.vqa.intervals import (
    AccuracyDifference,
    CountTable,
    Estimate,
    compare,
    estimate,
    tabulate,
)
from benchmark.vqa.parsing import ParsedAnswer, ParseOutcome, parse
from versamammo.errors import InputError
from versamammo.vqa import Item


@dataclass(frozen=True)
class GroupAccuracy:
    """Class-balanced accuracy of one group; beside it plain accuracy and what was not chosen."""

    scope: str
    name: str
    balanced: Estimate
    accuracy: float
    outcomes: Mapping[str, int]


@dataclass(frozen=True)
class Compared:
    """One group's difference to the other answer file."""

    scope: str
    name: str
    difference: AccuracyDifference


@dataclass(frozen=True)
class Report:
    """What a set of answers scored; the first figure is the headline."""

    figures: tuple[GroupAccuracy, ...]
    coverage: Coverage
    clusters: str

    @property
    def headline(self) -> GroupAccuracy:
        """The mean over topics of class-balanced accuracy, over all questions."""
        return self.figures[0]


@dataclass(frozen=True)
class Graded:
    """Items with what was read from their answers."""

    items: tuple[Item, ...]
    readings: tuple[ParsedAnswer, ...]
    coverage: Coverage = field(default_factory=Coverage)

    @property
    def correct(self) -> list[bool]:
        """Whether the chosen set of options is exactly the right one."""
        pairs = zip(self.items, self.readings, strict=True)
        return [bool(read.chosen) and set(read.chosen) == set(item.answer) for item, read in pairs]


def grade(
    items: Sequence[Item], answers: Mapping[str, ModelAnswer], coverage: Coverage | None = None
) -> Graded:
    """Read the answer of every item that has one; the others are left out, as coverage says."""
    answered = tuple(item for item in items if item.id in answers)
    if not answered:
        raise InputError("no item of the bench is answered", field="id", reason="no-answers")
    readings = []
    for item in answered:
        answer = answers[item.id]
        readings.append(parse(answer.text, item, letters(item, answer.prompt)))
    return Graded(answered, tuple(readings), coverage or Coverage())


def score(graded: Graded, *, resamples: int = 2000, seed: int = 0) -> Report:
    """Score graded answers, headline first, every figure with interval, n and patients."""
    table = _table(graded)
    groups = _groups(table)
    estimates = estimate(table, list(groups.values()), resamples=resamples, seed=seed)
    figures = []
    tallies = _tallies(graded)
    for (scope, name), made in zip(groups, estimates, strict=True):
        right, outcomes = tallies[scope, name]
        shown = {str(outcome): outcomes[outcome] for outcome in ParseOutcome}
        figures.append(GroupAccuracy(scope, name, made, right / made.n, shown))
    return Report(tuple(figures), graded.coverage, cluster_kind(graded.items))


def contrast(
    first: Graded, second: Graded, *, resamples: int = 2000, seed: int = 0
) -> tuple[Compared, ...]:
    """Test two models on the same items, over all and per topic.

    Raises:
        InputError: they did not answer the same items.
    """
    if [item.id for item in first.items] != [item.id for item in second.items]:
        raise InputError(
            f"{len(first.items)} and {len(second.items)} items are answered, not the same ones; "
            "a paired test needs the same items in both",
            field="against",
            reason="not-paired",
        )
    table, other = _table(first), _table(second)
    return tuple(
        Compared(*key, compare(table, other, columns, resamples=resamples, seed=seed))
        for key, columns in _groups(table).items()
        if key[0] in ("all", "topic")
    )


def cluster_kind(items: Sequence[Item]) -> str:
    """Return what the intervals drew: patients, or images where the file names no patient."""
    named = sum(item.patient is not None for item in items)
    if named == len(items):
        return "patients"
    return "image folders (no patient is named)" if not named else "patients, else image folders"


def _table(graded: Graded) -> CountTable:
    cells = [
        ((item.dataset, str(item.kind)), item.group, tuple(sorted(item.answer)))
        for item in graded.items
    ]
    return tabulate([item.cluster for item in graded.items], cells, graded.correct)


def _groups(table: CountTable) -> dict[tuple[str, str], list[int]]:
    groups: dict[tuple[str, str], list[int]] = {("all", "all topics"): []}
    for column, (part, topic, _) in enumerate(table.cells):
        dataset, kind = part
        keys = (("all", "all topics"), ("topic", topic), ("dataset", dataset), ("kind", kind))
        for key in keys:
            groups.setdefault(key, []).append(column)
    order = ("all", "topic", "dataset", "kind")
    return dict(sorted(groups.items(), key=lambda entry: (order.index(entry[0][0]), entry[0][1])))


def _tallies(graded: Graded) -> dict[tuple[str, str], tuple[int, Counter[ParseOutcome]]]:
    right: Counter[tuple[str, str]] = Counter()
    outcomes: dict[tuple[str, str], Counter[ParseOutcome]] = {}
    for item, read, correct in zip(graded.items, graded.readings, graded.correct, strict=True):
        keys = (
            ("all", "all topics"),
            ("topic", item.group),
            ("dataset", item.dataset),
            ("kind", str(item.kind)),
        )
        for key in keys:
            right[key] += correct
            outcomes.setdefault(key, Counter())[read.outcome] += 1
    return {key: (right[key], counted) for key, counted in outcomes.items()}
