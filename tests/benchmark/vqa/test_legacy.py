from __future__ import annotations

import pytest

from benchmark.vqa.answers import Answer, letters
from benchmark.vqa.legacy import legacy_report, legacy_score, published_prompt
from benchmark.vqa.parsing import Outcome, parse
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
    assert parse("I cannot tell", item, letters(item, None)).outcome is Outcome.REFUSED


def test_unknown_ids_add_a_zero_to_the_topic_before_them(ask):
    answers = [Answer("1", "Normal"), Answer("77", "Normal")]
    topic = legacy_report([ask()], answers, resamples=100)[0]
    assert (topic.accuracy, topic.n) == (0.5, 2)


def test_weighted_accuracy_is_the_mean_recall_over_classes(ask):
    items = [ask("Normal", id=str(n)) for n in range(1, 4)] + [ask("Benign", id="4")]
    answers = [Answer(str(n), "Normal") for n in range(1, 5)]
    topic = legacy_report(items, answers, resamples=100)[0]
    assert topic.accuracy == 0.75
    assert topic.weighted == pytest.approx(0.5)
