"""Conversations that are written to be learned from."""

from __future__ import annotations

import json
import re
from pathlib import Path

import numpy as np
import pytest

from app.chat.conversation.facts import TAG_SENTENCES
from app.chat.conversation.intent_classifier import FACTS
from app.chat.conversation.subjects import Subject
from app.cli import main
from app.conversations.conversation_sampling import draw_conversation
from app.conversations.conversations_command import runs
from app.conversations.followed import TAGS
from app.conversations.plain_answers import _answers
from app.conversations.random_exams import draw_findings, draw_scene
from app.conversations.typed_questions import EXAMPLES, NEXT, SUBJECTS, wordings
from versamammo.vocabulary import YES
from vlm.grounding import disagreements
from vlm.instructions.recorded import read_recorded

KEPT = Path(__file__).parents[1] / "data" / "conversations.jsonl"


def test_every_answer_agrees_with_its_record() -> None:
    turns = [
        turn for seed in range(60) for turn in draw_conversation(np.random.default_rng(seed)).turns
    ]
    assert len(turns) > 100
    turns = [turn for turn in turns if "### Options" not in turn.question]
    for turn in turns:
        assert disagreements(turn.answer, turn.facts, turn.question) == ()
    other_words = [turn for turn in turns if turn.answer not in "\n".join(turn.facts)]
    assert len(other_words) > 0.85 * len(turns), "answers are written anew, not copied"


def test_a_question_with_options_is_answered_by_the_likeliest_of_the_record() -> None:
    turns = [
        turn for seed in range(120) for turn in draw_conversation(np.random.default_rng(seed)).turns
        if "### Options" in turn.question
    ]  # fmt: skip
    assert len(turns) > 15
    for turn in turns:
        assert len(turn.facts) == 1
        assert f": {turn.answer}" in turn.question
        word = turn.answer.removeprefix("Level ").removeprefix("Bi-Rads ").casefold()
        first = re.search(r": (?:not sure[;(] ?)?(\S+?)[,; ]", turn.facts[0] + " ")
        assert first is not None
        opposite = turn.answer == "No" and "not sure (yes 0.4" in turn.facts[0]
        assert opposite or first[1].strip("(").casefold() == word, turn


def test_there_are_words_for_everything_that_can_be_asked_of_the_tags() -> None:
    assert TAGS.keys() == {*FACTS, *TAG_SENTENCES}


def test_what_is_marked_is_there_and_what_is_there_is_marked() -> None:
    scenes = [draw_scene(np.random.default_rng(seed)) for seed in range(40)]
    there = [one for s in scenes for one in s.seen.verdicts if one.regions]
    assert len(there) > 20
    for one in there:
        assert one.value == YES
    digital = draw_findings(scenes[0].exam, "digital", np.random.default_rng(1))
    assert digital.verdicts == ()
    assert "digital mammogram" in digital.silent["ACR"]


def test_the_command_writes_the_same_file_for_a_seed(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    one, other = tmp_path / "a.jsonl", tmp_path / "b.jsonl"
    arguments = ["--count", "12", "--seed", "3", "--kept_back", str(KEPT)]
    assert main(["conversations", "--out", str(one), *arguments]) == 0
    assert main(["conversations", "--out", str(other), *arguments]) == 0
    assert one.read_bytes() == other.read_bytes()
    assert "12 conversations" in capsys.readouterr().out
    read = read_recorded(one)
    assert len(read) == 12
    kept = {
        run for line in KEPT.read_text().splitlines() for q in json.loads(line)["turns"]
        for run in runs(q)
    }  # fmt: skip
    asked = {run for each in read for turn in each.turns for run in runs(turn.question)}
    assert kept
    assert asked
    assert not kept & asked


def test_a_file_of_kept_questions_that_is_none_is_refused(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    broken = tmp_path / "kept.jsonl"
    broken.write_text("{}")
    assert main(["conversations", "--out", str(tmp_path / "out"), "--kept_back", str(broken)]) == 2
    assert "turns" in capsys.readouterr().err
    assert not (tmp_path / "out").exists()


def test_every_subject_has_wordings_and_every_plain_answer_a_subject() -> None:
    assert {name for name, _ in (*SUBJECTS, *NEXT)} == {*wordings(), *EXAMPLES}
    special = {"order", "off_topic", "not_understood", "not_judged_term", "not_read", "no_meaning",
               "worry", "bye"}  # fmt: skip
    names = {subject.name.lower() for subject in Subject}
    assert set(_answers()) <= names | special
    assert all(len(some) > 0 for some in _answers().values())
