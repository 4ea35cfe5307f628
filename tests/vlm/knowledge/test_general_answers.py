"""General answers are whole, in plain words, and about no picture."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from versamammo.errors import InputError
from vlm.knowledge.general_answers import LONGEST, SHORTEST, general_answers, read_answers


def test_each_answer_has_sentences_and_a_question() -> None:
    answers = general_answers()
    assert len(answers) >= 150
    for one in answers.values():
        assert SHORTEST <= len(one.text) <= LONGEST
        assert one.text.endswith(".")
        assert one.question.endswith("?")
        assert not re.search(r"\b(I|we|you|your|these pictures|this picture)\b", one.text), one.name


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("- {name: a, question: Why so}", "expected name, question and text"),
        ("- {name: a, question: Why so, text: short}", "expected 80 to"),
    ],
)
def test_an_entry_that_is_not_whole_is_refused(tmp_path: Path, text: str, said: str) -> None:
    (tmp_path / "one.yaml").write_text(text, encoding="utf-8")
    with pytest.raises(InputError, match=said):
        read_answers(tmp_path)
