from __future__ import annotations

import json

import pytest

from benchmark.vqa.answers import ModelAnswer, letters, match, read_answers
from versamammo.errors import InputError

SHUFFLED = (
    "### Question: Is it Normal? ### Options: A: Benign, B: Normal, C: Malignant. ### Answer:"
)


def test_both_forms_of_answer_file_are_read_alike(tmp_path):
    lines, published = tmp_path / "answers.jsonl", tmp_path / "result.json"
    lines.write_text(json.dumps({"id": 1, "answer": "B", "prompt": SHUFFLED}) + "\n")
    for indent in (None, 2):
        row = {"1": {"qas_question": SHUFFLED, "qas_answer": "B"}}
        published.write_text(json.dumps(row, indent=indent))
        assert read_answers(published) == read_answers(lines) == (ModelAnswer("1", "B", SHUFFLED),)


def test_letters_follow_the_prompt_where_options_were_shuffled(ask):
    assert letters(ask(), SHUFFLED)["B"] == "Normal"
    assert letters(ask(), None)["B"] == "Malignant"
    assert letters(ask(), "Describe the image.") == {}


def test_a_prompt_that_letters_some_options_only_is_refused(ask):
    with pytest.raises(InputError, match="lettered from A"):
        letters(ask(), "### Options: A: Benign, B: Normal. ### Answer:")


@pytest.mark.parametrize(
    ("ids", "reason"), [("1", "missing-id"), ("123", "unknown-id"), ("122", "duplicate-id")]
)
def test_ids_that_do_not_match_are_errors_unless_allowed(ask, ids, reason):
    items = [ask(id="1"), ask(id="2")]
    answers = [ModelAnswer(id_, "Normal") for id_ in ids]
    with pytest.raises(InputError) as caught:
        match(items, answers)
    assert caught.value.reason == reason
    allowed = {f"allow_{reason.removesuffix('-id')}": True}
    assert not match(items, answers, **allowed)[1].complete


@pytest.mark.parametrize(
    "text",
    ["", "nonsense", '{"id": "1"}', '{"id": "1", "answer": 5}', '{"1": {"qas_answer": "x"}}'],
)
def test_unreadable_answers_name_the_file(tmp_path, text):
    file = tmp_path / "mine.jsonl"
    file.write_text(text)
    with pytest.raises(InputError, match=r"mine\.jsonl"):
        read_answers(file)
