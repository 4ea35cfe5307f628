from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import t as student_t

from benchmark.vqa.answers import ModelAnswer, letters
from benchmark.vqa.parsing import ParseOutcome, parse
from benchmark.vqa.published_scorer import legacy_p, legacy_report, legacy_score, published_prompt
from versamammo.errors import InputError
from versamammo.vqa import Kind

# what was said, the truth, what the published scoring gives, and what the answer is worth
FAULTS = [
    ("Skin thickening", "Skin thickening", 0, True),
    ("I: Skin thickening", "Skin thickening", 0, True),
    ("I", "Skin thickening", 1, True),
    ("Nipple retraction", "Nipple retraction", 0, True),
    ("There is a mass", "Mass", 0, True),
    ("abnormal", "Normal", 1, False),
    ("I cannot tell", "Normal", 1, False),
    ("not malignant, benign", "Benign", 0, True),
    ("The answer is B", "Malignant", 0, True),
]


@pytest.mark.parametrize(("said", "truth", "published", "right"), FAULTS)
def test_each_published_fault_is_reproduced_and_put_right(ask, said, truth, published, right):
    single = truth in ("Normal", "Malignant", "Benign")
    item = ask(truth, kind=Kind.SINGLE if single else Kind.MULTIPLE)
    prompt = published_prompt(item)
    assert legacy_score(said, prompt, item) == published
    assert (parse(said, item, letters(item, prompt)).chosen == (truth,)) is right


def test_a_refusal_is_counted_as_one(ask):
    item = ask()
    assert parse("I cannot tell", item, letters(item, None)).outcome is ParseOutcome.REFUSED


def named(figures, scope, name):
    return next(figure for figure in figures if (figure.scope, figure.name) == (scope, name))


def test_unknown_ids_add_a_zero_to_the_dataset_before_them_but_not_to_its_topic(ask):
    answers = [ModelAnswer("1", "Normal"), ModelAnswer("77", "Normal")]
    figures = legacy_report([ask()], answers, resamples=100)
    assert named(figures, "dataset", "Set-breast").accuracy == 0.5
    assert (named(figures, "topic", "Pathology").accuracy, figures[0].n) == (1.0, 1)


def test_unknown_ids_add_a_zero_to_abnormality(ask):
    item = ask("Mass", kind=Kind.MULTIPLE)
    figures = legacy_report([item], [ModelAnswer("1", "C"), ModelAnswer("77", "C")], resamples=100)
    assert named(figures, "topic", "Abnormality").accuracy == 0.5
    assert named(figures, "part", "Abnormality (breast)").n == 1


def test_weighted_accuracy_is_the_mean_recall_over_classes(ask):
    items = [ask("Normal", id=str(n)) for n in range(1, 4)] + [ask("Benign", id="4")]
    answers = [ModelAnswer(str(n), "Normal") for n in range(1, 5)]
    topic = legacy_report(items, answers, resamples=100)[0]
    assert topic.accuracy == 0.75
    assert topic.weighted == pytest.approx(0.5)


def test_breasts_of_some_sets_are_counted_but_not_scored(ask):
    """Two sets of whole breasts; only the one whose name ends in `breast` is scored."""
    scored = [
        ask("Mass", id="1", kind=Kind.MULTIPLE, topic="Abnormality", dataset="S-breast"),
        ask("Asymmetry", id="2", kind=Kind.MULTIPLE, topic="Abnormality", dataset="S-breast"),
    ]
    counted = [
        ask("Mass", id=str(n), kind=Kind.MULTIPLE, topic="Abnormality", dataset="BMCD")
        for n in range(3, 5)
    ]
    answers = [ModelAnswer(str(n), "Mass") for n in range(1, 5)]
    figures = legacy_report([*scored, *counted], answers, resamples=100)
    part = named(figures, "part", "Abnormality (breast)")
    assert part.n == 2
    # by its own items the right class would weigh half; three masses were counted to one asymmetry
    assert part.weighted == pytest.approx((1 / 3) / (1 / 3 + 1))
    # the topic and the set have all of them
    assert named(figures, "topic", "Abnormality").n == 4
    assert named(figures, "dataset", "BMCD").n == 2


def test_a_class_it_does_not_know_stops_it(ask):
    item = ask("Bi-Rads 6", options=("Bi-Rads 5", "Bi-Rads 6"), topic="Bi-Rads")
    with pytest.raises(InputError, match="stops here with a KeyError, 'Bi-Rads 6'"):
        legacy_report([item], [ModelAnswer("1", "Bi-Rads 6")], resamples=100)


def test_unanswered_questions_do_not_count(ask):
    items = [ask("Normal", id="1"), ask("Benign", id="2")]
    topic = legacy_report(items, [ModelAnswer("1", "Normal")], resamples=100)[0]
    assert (topic.accuracy, topic.n) == (1.0, 1)


def test_its_p_value_is_one_for_unlike_lengths_and_a_paired_t_test_else():
    first, second = [1, 1, 0, 1, 1, 1], [0, 1, 0, 0, 1, 0]
    difference = np.subtract(first, second)
    t = difference.mean() / (difference.std(ddof=1) / len(difference) ** 0.5)
    assert legacy_p(first, second) == pytest.approx(2 * student_t.sf(t, len(difference) - 1))
    assert legacy_p(first, second[:-1]) == 1.0
