"""What is asked about the program is told by itself, and not by a card that holds everything."""

from __future__ import annotations

import json
from collections import Counter
from dataclasses import replace
from pathlib import Path

import pytest

from app.chat.about_file import read_about
from app.chat.conversation.answering import Answering
from app.chat.conversation.intent import understand
from app.chat.conversation.intent_classifier import INTENTS, typed_examples
from app.chat.conversation.program_facts import program_facts
from app.chat.conversation.subjects import Subject
from app.chat.evidence.exam import Exam
from app.chat.evidence.trials import Trials
from tests.app.chat.test_answering import CARD, masses
from versamammo.errors import InputError

BUNDLED = Path(__file__).parents[3] / "models" / "cbis"
LONGEST = 420  # characters, so that an answer is read


def test_each_fact_has_a_title_a_short_text_and_examples() -> None:
    facts = program_facts()
    counts = Counter(name for name, _ in typed_examples())
    assert len(facts) > 30
    assert len({one.title for one in facts.values()}) == len(facts)
    for name, one in facts.items():
        assert INTENTS[name].program_fact == name
        assert 40 < len(one.text) <= LONGEST, name
        assert counts[name] >= 40, name


@pytest.mark.parametrize(
    ("question", "name"),
    [
        ("How many parameters does it have?", "parameters"),
        ("May I use it in a commercial product?", "licence"),
        ("is this FDA approved", "cleared"),
        ("Do you need a GPU?", "speed"),
        ("percent density?", "percent_density"),
        ("Is the pectoral muscle included far enough?", "positioning"),
        ("What is your PPV?", "predictive_values"),
        ("Are you HIPAA compliant?", "laws"),
        ("can I get this as json", "results_file"),
        ("Could that speck be dust?", "artefacts"),
    ],
)
def test_one_thing_is_asked_and_told(exam: Exam, question: str, name: str) -> None:
    asked = understand(question, exam)
    assert (asked.subject, asked.program_fact) == (Subject.PROGRAM, name)
    assert asked.in_words(exam.names) == program_facts()[name].title
    *_, answer = Answering(CARD, Trials()).answer(exam, question, (), masses(exam, 0))
    assert answer.text.startswith(program_facts()[name].text)


def test_a_model_tells_its_own_and_topics_follow(exam: Exam) -> None:
    card = replace(CARD, facts=(("percent_density", "Not in per cent."),))
    *_, answer = Answering(card, Trials()).answer(exam, "percent density?", (), masses(exam, 0))
    first, *rest = answer.text.splitlines()
    assert first == "Not in per cent."
    assert rest[0].startswith("ACR density: ")


def test_the_bundled_model_tells_what_its_card_says() -> None:
    told = read_about(BUNDLED)["facts"]
    assert {"parameters", "licence", "overlap", "limits"} <= set(told)
    card = (BUNDLED / "README.md").read_text()
    for figure in ("3.6 million", "4.9 million"):
        assert figure in told["parameters"].replace("\n", " ")
        assert figure in " ".join(card.split())


@pytest.mark.parametrize("facts", [{"hair": "long"}, {"licence": 3}, {"licence": "x" * 601}, []])
def test_facts_of_another_name_or_form_are_refused(tmp_path: Path, facts: object) -> None:
    (tmp_path / "about.json").write_text(json.dumps({"name": "x", "facts": facts}))
    with pytest.raises(InputError, match="facts as texts") as refused:
        read_about(tmp_path)
    assert refused.value.reason == "bad-about"
