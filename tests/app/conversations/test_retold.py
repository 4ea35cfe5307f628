"""Fixed texts in other words keep to the text."""

from __future__ import annotations

import re
from collections.abc import Mapping

import pytest

from app.chat.conversation.program_facts import program_facts
from app.chat.conversation.sayings import IN_GENERAL
from app.conversations.retold import retold_answers, retold_facts, retold_terms
from vlm.grounding import disagreements, out_of_order
from vlm.knowledge.general_answers import general_answers
from vlm.knowledge.glossary import glossary

NUMBER = re.compile(r"\d[\d.,]*\d|\d")
FACTS = {name: one.text for name, one in program_facts().items()}
ANSWERS = {name: f"{IN_GENERAL}{one.text}" for name, one in general_answers().items()}
TERMS = {one.term: f"{one.term[0].upper()}{one.term[1:]}: {one.text}" for one in glossary()}


@pytest.mark.parametrize(
    ("retold", "texts"),
    [(retold_facts(), FACTS), (retold_answers(), ANSWERS), (retold_terms(), TERMS)],
    ids=["program", "general", "terms"],
)  # fmt: skip
def test_retellings_agree_with_their_texts_and_are_no_copies(
    retold: Mapping[str, tuple[str, ...]], texts: Mapping[str, str]
) -> None:
    assert len(retold) > 0.95 * len(texts), "nearly every text is retold"
    for name, some in retold.items():
        text = texts[name]
        assert len(set(some)) == len(some) == 2, name
        for one in some:
            assert disagreements(one, (text,)) == (), (name, one)
            assert set(NUMBER.findall(text)) == set(NUMBER.findall(one)), (name, one)
            assert 0.45 < len(one) / len(text) < 1.25, name
            assert one not in text, name


def test_retellings_of_terms_keep_the_order_of_their_words() -> None:
    told = [(TERMS[term], one) for term, some in retold_terms().items() for one in some]
    anew = [one for text, one in told if out_of_order(one, (text,))]
    assert len(anew) < 0.06 * len(told), "few begin within a part of a sentence"
