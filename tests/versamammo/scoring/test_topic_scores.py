"""What a topic's answers are worth: against scikit-learn, and the rule for answering at all."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from sklearn.metrics import balanced_accuracy_score, recall_score, roc_auc_score

from versamammo.errors import InputError
from versamammo.scoring.topic_scores import (
    TopicScore,
    score_topic,
    scores_from,
)

FILE = Path("scores.json")  # never read
DENSITY = ("Level A", "Level B", "Level C", "Level D")
GOOD = TopicScore("Mass", 200, (("Yes", 80), ("No", 120)), 60, 0.78, 0.71, 0.84, 0.5)


def made_up(
    classes: Sequence[str], right: float, questions: int = 240, seed: int = 0
) -> tuple[list[str], list[str | None], list[str]]:
    """Truths, answers right so often, and patients of four questions each."""
    random = np.random.default_rng(seed)
    truths = [classes[i % len(classes)] for i in range(questions)]
    hits = random.random(questions) < right
    answers: list[str | None] = [
        truth if hit else classes[(classes.index(truth) + 1) % len(classes)]
        for truth, hit in zip(truths, hits, strict=True)
    ]
    return truths, answers, [f"p{i // 4}" for i in range(questions)]


@pytest.mark.parametrize("seed", range(3))
def test_class_balanced_accuracy_equals_scikit_learns(seed: int) -> None:
    random = np.random.default_rng(seed)
    truths = random.choice(DENSITY, 150, p=(0.1, 0.5, 0.3, 0.1)).tolist()
    answers = random.choice(DENSITY, 150).tolist()
    score = score_topic("ACR", DENSITY, truths, answers, [str(i // 3) for i in range(150)])
    assert score.balanced_accuracy == pytest.approx(balanced_accuracy_score(truths, answers))
    assert (score.asked, score.patients, score.chance) == (150, 50, 0.25)
    assert dict(score.classes) == {name: truths.count(name) for name in DENSITY}
    assert score.auroc is None
    assert score.low < score.balanced_accuracy < score.high


@pytest.mark.parametrize("seed", range(3))
def test_figures_of_yes_and_no_equal_scikit_learns(seed: int) -> None:
    random = np.random.default_rng(seed)
    yes = random.random(120) < 0.3
    likely = np.round(0.3 * yes + 0.7 * random.random(120), 1)  # rounded, so that some are equal
    said = likely > 0.5
    words = np.array(["No", "Yes"])
    score = score_topic(
        "Mass", ("Yes", "No"), words[yes.astype(int)].tolist(), words[said.astype(int)].tolist(),
        [str(i) for i in range(120)], scores=likely.tolist(),
    )  # fmt: skip
    assert score.auroc == pytest.approx(roc_auc_score(yes, likely))
    assert score.sensitivity == pytest.approx(recall_score(yes, said))
    assert score.specificity == pytest.approx(recall_score(~yes, ~said))


def test_not_sure_counts_as_wrong_in_every_figure() -> None:
    truths = ["Yes", "Yes", "No", "No"]
    score = score_topic(
        "Mass", ("Yes", "No"), truths, ["Yes", None, "No", None], ["a", "b", "c", "d"],
        scores=[0.9, None, 0.1, None],
    )  # fmt: skip
    assert (score.sensitivity, score.specificity, score.balanced_accuracy) == (0.5, 0.5, 0.5)
    assert score.auroc == 0.25  # one of four pairs in the right order


def test_the_interval_is_of_patients_and_not_of_questions() -> None:
    # the same questions: one each of 200 patients, or ten each of 20 who are right or wrong whole
    random = np.random.default_rng(0)
    truths = ["Yes", "No"] * 100
    right = np.repeat(random.random(20) < 0.7, 10)
    answers = [t if hit else None for t, hit in zip(truths, right, strict=True)]
    alone = score_topic("Mass", ("Yes", "No"), truths, answers, [str(i) for i in range(200)])
    together = score_topic(
        "Mass", ("Yes", "No"), truths, answers, [str(i // 10) for i in range(200)]
    )
    assert together.balanced_accuracy == alone.balanced_accuracy
    assert together.high - together.low > 2 * (alone.high - alone.low)


def test_resampled_balanced_accuracy_is_that_of_the_patients_drawn() -> None:
    # the interval by plain loops over the same draws, with scikit-learn
    truths, answers, patients = made_up(DENSITY[:3], 0.6, questions=90)
    score = score_topic("ACR", DENSITY, truths, answers, patients, resamples=200, seed=3)
    names = sorted(set(patients))
    drawn = np.random.default_rng(3).multinomial(len(names), [1 / len(names)] * len(names), 200)
    figures = []
    for counts in drawn:
        often = dict(zip(names, counts, strict=True))
        rows = [i for i, one in enumerate(patients) for _ in range(often[one])]
        figures.append(
            balanced_accuracy_score([truths[i] for i in rows], [answers[i] for i in rows])
        )
    assert (score.low, score.high) == pytest.approx(tuple(np.percentile(figures, [2.5, 97.5])))


def test_a_rare_class_may_be_missing_from_a_draw() -> None:
    truths = ["Yes"] * 119 + ["No"]
    score = score_topic("Mass", ("Yes", "No"), truths, truths, [str(i) for i in range(120)])
    assert (score.low, score.high, score.balanced_accuracy) == (1, 1, 1)
    assert "it was tried on only 1 cases of No; at least 20" in score.why_not()


def test_a_skilled_topic_is_answered_and_says_its_figures() -> None:
    truths, answers, patients = made_up(("Yes", "No"), 0.8)
    score = score_topic("Mass", ("Yes", "No"), truths, answers, patients)
    assert score.above_chance
    assert score.why_not() == ""
    assert str(GOOD) == (
        "tried on 200 questions about 60 patients it had not learned from: class-balanced "
        "accuracy 78 % [71, 84]; guessing gets 50 %"
    )


def test_guessing_is_not_answered_and_says_so() -> None:
    truths, answers, patients = made_up(("Yes", "No"), 0.5)
    score = score_topic("Mass", ("Yes", "No"), truths, answers, patients)
    assert not score.above_chance
    assert "not found better than guessing" in score.why_not()
    assert f"[{round(100 * score.low)}, " in score.why_not()


def test_always_the_same_answer_is_guessing() -> None:
    truths = [name for name in DENSITY for _ in range(30)]
    patients = [str(i) for i in range(120)]
    score = score_topic("ACR", DENSITY, truths, ["Level B"] * 120, patients)
    assert (score.low, score.high, score.chance) == (0.25, 0.25, 0.25)
    assert not score.above_chance


@pytest.mark.parametrize(
    ("asked", "classes", "low", "said"),
    [
        (99, {"Yes": 50, "No": 49}, 0.6, "tried on 99 questions; at least 100"),
        (100, {"Yes": 81, "No": 19}, 0.6, "it was tried on only 19 cases of No; at least"),
        (100, {"Yes": 100, "No": 0}, 0.6, "all 100 questions it was tried on have one answer, Yes"),
        (100, {"Yes": 80, "No": 20}, 0.5, "not found better than guessing"),
        (100, {"Yes": 80, "No": 20}, 0.51, ""),
        (100, {"Yes": 80, "No": 20, "Unclear": 0}, 0.51, ""),  # what was never asked is no class
    ],
)
def test_the_rule_for_answering_a_topic(
    asked: int, classes: dict[str, int], low: float, said: str
) -> None:
    score = replace(GOOD, asked=asked, classes=tuple(classes.items()), low=low)
    assert said in score.why_not()
    assert score.above_chance == (not said)


def test_of_one_patient_nothing_is_concluded() -> None:
    truths = ["Yes", "No"] * 60
    score = score_topic("Mass", ("Yes", "No"), truths, truths, ["p"] * 120)
    assert (score.low, score.high) == (0, 1)
    assert not score.above_chance


@pytest.mark.parametrize(
    ("truths", "answers", "patients"),
    [([], [], []), (["Yes"], [], ["p"]), (["Maybe"], ["Yes"], ["p"]), (["Yes"], ["yes"], ["p"])],
)
def test_what_cannot_be_scored_is_refused(
    truths: list[str], answers: list[str | None], patients: list[str]
) -> None:
    with pytest.raises(InputError, match="Mass"):
        score_topic("Mass", ("Yes", "No"), truths, answers, patients)


def test_scores_come_back_from_their_records() -> None:
    truths, answers, patients = made_up(DENSITY, 0.7)
    scores = (GOOD, score_topic("ACR", DENSITY, truths, answers, patients))
    records = json.loads(json.dumps([score.to_dict() for score in scores]))
    assert scores_from(records, FILE) == scores


@pytest.mark.parametrize(
    ("changed", "field"),
    [
        ({"topic": ""}, "topic"), ({"asked": 12}, "asked"), ({"asked": "200"}, "asked"),
        ({"classes": [80, 120]}, "classes"), ({"classes": {"Yes": True, "No": 199}}, "classes"),
        ({"patients": 0}, "patients"), ({"low": 0.9}, "low"), ({"chance": 50}, "chance"),
        ({"balanced_accuracy": float("nan")}, "balanced_accuracy"), ({"auroc": "x"}, "auroc"),
        ({"low": None}, "low"), ({"right": 7}, "scores"),
    ],
)  # fmt: skip
def test_a_damaged_record_is_refused_with_its_file_and_field(
    changed: dict[str, Any], field: str
) -> None:
    with pytest.raises(InputError, match=rf"scores\.json: .*{field}"):
        scores_from([GOOD.to_dict() | changed], FILE)


@pytest.mark.parametrize("records", [{}, "", [1], None])
def test_records_of_something_else_are_refused(records: object) -> None:
    with pytest.raises(InputError, match=r"scores\.json"):
        scores_from(records, FILE)


def test_a_topic_scored_twice_is_refused() -> None:
    with pytest.raises(InputError, match=r"scores\.json: topic: found 'Mass'"):
        scores_from([GOOD.to_dict(), GOOD.to_dict()], FILE)
