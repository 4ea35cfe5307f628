"""How questions about a topic went, and whether that is enough to answer them.

A topic is answered only if it was tried on at least `LEAST_ASKED` questions, `LEAST_OF_A_CLASS` of
each right answer, the 95 % interval of its class-balanced accuracy lies above guessing, and it is
at least `LEAST_SKILL` of the way from guessing to always right.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from versamammo.errors import InputError
from versamammo.scoring.roc import PERCENTILES, auroc, patient_draws

LEAST_ASKED = 100
LEAST_OF_A_CLASS = 20
LEAST_SKILL = 0.2  # with many questions one right answer in a hundred lies above guessing, too
YES, NO = "Yes", "No"
_RESULTS = ("balanced_accuracy", "low", "high", "chance")
_OF_YES_NO = ("auroc", "sensitivity", "specificity")


@dataclass(frozen=True)
class TopicScore:
    """How questions about one topic went on patients that were not learned from.

    Attributes:
        topic: its name.
        asked: number of questions.
        classes: every possible answer, and the number of questions of which it is the right one.
        patients: number of patients asked about.
        balanced_accuracy: mean share of right answers over the classes asked.
        low: lower end of its 95 % interval over resampled patients.
        high: upper end.
        chance: balanced accuracy of guessing, one over the number of classes asked.
        auroc: area under the ROC curve of yes/no questions.
        sensitivity: share answered with yes of those whose right answer it is.
        specificity: share answered with no of those whose right answer it is.
    """

    topic: str
    asked: int
    classes: tuple[tuple[str, int], ...]
    patients: int
    balanced_accuracy: float
    low: float
    high: float
    chance: float
    auroc: float | None = None
    sensitivity: float | None = None
    specificity: float | None = None

    @property
    def above_chance(self) -> bool:
        """Whether enough was asked and the whole interval lies above guessing."""
        return not self.why_not()

    def why_not(self) -> str:
        """Return in one sentence why the topic is not answered; empty if it is."""
        if self.asked < LEAST_ASKED:
            return (
                f"it was tried on {self.asked} questions; at least {LEAST_ASKED} are needed to "
                "tell it from guessing"
            )
        asked = [(name, count) for name, count in self.classes if count]
        if len(asked) < 2:
            return f"all {self.asked} questions it was tried on have one answer, {asked[0][0]}"
        name, least = min(asked, key=lambda one: one[1])
        if least < LEAST_OF_A_CLASS:
            return (
                f"it was tried on only {least} cases of {name}; at least {LEAST_OF_A_CLASS} of "
                "each answer are needed to tell it from guessing"
            )
        better = self.low > self.chance and self.skill >= LEAST_SKILL
        return "" if better else f"it was not found better than guessing: {self}"

    @property
    def skill(self) -> float:
        """Share of the way from guessing, 0, to always right, 1."""
        room = 1 - self.chance
        return (self.balanced_accuracy - self.chance) / room if room > 0 else 0.0

    def __str__(self) -> str:
        low, high = _percent(self.low), _percent(self.high)
        return (
            f"tried on {self.asked} questions about {self.patients} patients it had not learned "
            f"from: class-balanced accuracy {_percent(self.balanced_accuracy)} % [{low}, {high}]; "
            f"guessing gets {_percent(self.chance)} %"
        )

    def to_dict(self) -> dict[str, Any]:
        """Return what `from_dict` reads."""
        record = {field.name: getattr(self, field.name) for field in fields(self)}
        return record | {"classes": dict(self.classes)}

    @classmethod
    def from_dict(cls, record: object, file: Path) -> TopicScore:
        """Return the score that `to_dict` wrote.

        Raises:
            InputError: a key is missing, unknown or holds what it must not.
        """
        names = [field.name for field in fields(cls)]
        if not isinstance(record, Mapping) or set(record) != set(names):
            found = sorted(record) if isinstance(record, Mapping) else record
            message = f"found {found}; expected an object of {', '.join(names)}"
            raise InputError(message, file=file, field="scores", reason="bad-score")
        topic = record["topic"]
        if not isinstance(topic, str) or not topic.strip():
            raise bad_score(file, "topic", topic, "a text")
        classes = record["classes"]
        if not isinstance(classes, Mapping) or not all(map(is_count, classes.values())):
            raise bad_score(file, f"{topic}: classes", classes, "a number of questions per answer")
        for name in ("asked", "patients"):
            if not is_count(record[name]) or record[name] < 1:
                raise bad_score(file, f"{topic}: {name}", record[name], "a number, 1 or more")
        if record["asked"] != sum(classes.values()):
            expected = f"the sum over the classes, {sum(classes.values())}"
            raise bad_score(file, f"{topic}: asked", record["asked"], expected)
        for name in _RESULTS + _OF_YES_NO:
            if not (is_share(record[name]) or (name in _OF_YES_NO and record[name] is None)):
                raise bad_score(file, f"{topic}: {name}", record[name], "a number from 0 to 1")
        if record["low"] > record["high"]:
            raise bad_score(file, f"{topic}: low", record["low"], f"at most {record['high']}")
        return cls(**{**record, "classes": tuple(classes.items())})


def score_topic(
    topic: str,
    classes: Sequence[str],
    truths: Sequence[str],
    answers: Sequence[str | None],
    patients: Sequence[str],
    *,
    scores: Sequence[float | None] | None = None,
    resamples: int = 1000,
    seed: int = 0,
) -> TopicScore:
    """Return how the answers to one topic's questions went.

    Args:
        topic: its name.
        classes: every possible answer.
        truths: the right answers.
        answers: those given; None, not sure, counts as wrong.
        patients: whom each question is about; they are resampled together.
        scores: of yes/no questions, how likely yes is; one without a score ranks as wrong.
        resamples: draws of patients.
        seed: of the draws.

    Raises:
        InputError: there is no question, lengths differ, or an answer is not among the classes.
    """
    _check(topic, classes, truths, answers, patients, scores)
    right_ones = np.array([classes.index(truth) for truth in truths])
    hits = np.array([given == truth for given, truth in zip(answers, truths, strict=True)])
    counts = np.bincount(right_ones, minlength=len(classes))
    whose, drawn = patient_draws(patients, resamples, seed)
    asked = np.zeros((drawn.shape[1], len(classes)), dtype=np.int64)  # [P, K]
    right = np.zeros_like(asked)
    np.add.at(asked, (whose, right_ones), 1)
    np.add.at(right, (whose, right_ones), hits)
    low, high = 0.0, 1.0
    if len(asked) > 1:  # of one patient, nothing tells how others would go
        low, high = np.percentile(_balanced(drawn @ right, drawn @ asked), PERCENTILES)
    of_yes_no: dict[str, float | None] = {}
    if set(classes) == {YES, NO}:
        of_yes_no = _yes_no(np.array(truths) == YES, hits, scores)
    return TopicScore(
        topic, len(truths), tuple(zip(classes, counts.tolist(), strict=True)), len(asked),
        float(_balanced(right.sum(0)[None], asked.sum(0)[None])[0]), float(low), float(high),
        1 / int((counts > 0).sum()), **of_yes_no,
    )  # fmt: skip


def scores_from(records: object, file: Path) -> tuple[TopicScore, ...]:
    """Return the scores in a list of records that a JSON file holds.

    Raises:
        InputError: it is not such a list, or a topic occurs twice.
    """
    if not isinstance(records, list):
        raise bad_score(file, "scores", records, "a list")
    scores = tuple(TopicScore.from_dict(record, file) for record in records)
    topics = [score.topic for score in scores]
    twice = next((topic for topic in topics if topics.count(topic) > 1), None)
    if twice is not None:
        raise bad_score(file, "topic", twice, "each topic once")
    return scores


def _balanced(
    right: NDArray[np.int64], asked: NDArray[np.int64]
) -> NDArray[np.float64]:  # [R, K] -> [R]
    """Return the mean share of right answers over the classes that were asked."""
    shares = right / np.maximum(asked, 1)
    balanced: NDArray[np.float64] = shares.sum(axis=1) / (asked > 0).sum(axis=1)
    return balanced


def _yes_no(
    yes: NDArray[np.bool_], hits: NDArray[np.bool_], scores: Sequence[float | None] | None
) -> dict[str, float | None]:
    figures = {
        "sensitivity": float(hits[yes].mean()) if yes.any() else None,
        "specificity": float(hits[~yes].mean()) if not yes.all() else None,
    }
    if scores is None or yes.all() or not yes.any():
        return figures
    wrong = np.where(yes, -np.inf, np.inf)
    given = np.array([math.nan if score is None else score for score in scores], dtype=np.float64)
    return figures | {"auroc": auroc(np.where(np.isnan(given), wrong, given), yes)}


def _check(
    topic: str, classes: Sequence[str], truths: Sequence[str], answers: Sequence[str | None],
    patients: Sequence[str], scores: Sequence[float | None] | None,
) -> None:  # fmt: skip
    if not truths:
        raise InputError("no question was asked", field=topic, reason="no-question")
    others = [len(answers), len(patients), *([] if scores is None else [len(scores)])]
    if set(others) != {len(truths)}:
        message = f"found {others} answers, patients and scores to {len(truths)} questions"
        raise InputError(message, field=topic, reason="bad-answers")
    strange = ({*truths, *answers} - {None}) - set(classes)
    if strange or len(set(classes)) < len(classes):
        message = f"found {sorted(map(str, strange))} beside the classes {list(classes)}"
        raise InputError(message, field=topic, reason="bad-answers")


def _percent(share: float) -> int:
    return round(100 * share)


def is_count(value: object) -> bool:
    """Return whether a value of a JSON file is a number of things."""
    return isinstance(value, int) and not isinstance(value, bool) and value >= 0


def is_share(value: object) -> bool:
    """Return whether a value of a JSON file is a number from 0 to 1."""
    return isinstance(value, int | float) and not isinstance(value, bool) and 0 <= value <= 1


def bad_score(file: Path, field: str, found: object, expected: str) -> InputError:
    """Return the error about a field of a file of scores."""
    message = f"found {found!r}; expected {expected}"
    return InputError(message, file=file, field=field, reason="bad-score")
