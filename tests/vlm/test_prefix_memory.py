"""A later turn reads only what is new, and answers what it would have answered anyway."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
import torch

from versamammo.data.bounded_cache import GIGABYTE
from vlm.generation import answer, stream
from vlm.likelihood import option_scores
from vlm.prefix_memory import PrefixMemory
from vlm.prompts import Turn


def conversation(question: Any, first: str) -> list[Any]:
    again = replace(question, text="Which side?", history=(Turn(question.text, first),))
    return [question, again, question, replace(question, text="Is there a mass now?")]


def test_answers_are_those_without_memory_and_most_words_are_not_read_again(
    trained: Any, small: Any
) -> None:
    model, processor = trained
    first = answer(model, processor, [small.questions[0]], most_words=12)[0]
    prefixes = PrefixMemory()
    for question in conversation(small.questions[0], first.text):
        known = answer(model, processor, [question], most_words=12, prefixes=prefixes)
        assert known == answer(model, processor, [question], most_words=12)
    asked = processor.encode([small.questions[0]])["input_ids"].shape[1]
    visual = int((processor.encode([small.questions[0]])["input_ids"] == 3).sum())
    # the pictures three times; the second turn has the whole first one, answer included
    assert prefixes.reused > 3 * visual + asked


def test_streamed_pieces_with_memory_are_the_same_text(trained: Any, small: Any) -> None:
    model, processor = trained
    prefixes = PrefixMemory()
    plain = "".join(stream(model, processor, small.questions[0], most_words=12))
    for _ in range(2):
        pieces = stream(model, processor, small.questions[0], most_words=12, prefixes=prefixes)
        assert "".join(pieces) == plain
    assert prefixes.reused > 0


def test_other_pictures_share_nothing(trained: Any, small: Any) -> None:
    model, processor = trained
    prefixes = PrefixMemory()
    other = replace(small.questions[0], pictures=(small.picture(9),))
    answer(model, processor, [small.questions[0]], most_words=4, prefixes=prefixes)
    found = answer(model, processor, [other], most_words=4, prefixes=prefixes)
    assert prefixes.reused == 0
    assert found == answer(model, processor, [other], most_words=4)


def test_the_longest_unused_conversation_is_forgotten(trained: Any, small: Any) -> None:
    model, processor = trained
    larger = PrefixMemory()
    answer(model, processor, [small.questions[1]], most_words=4, prefixes=larger)
    prefixes = PrefixMemory(1.1 * larger.taken / GIGABYTE)  # too little for both
    for question in (small.questions[0], small.questions[1], small.questions[0]):
        answer(model, processor, [question], most_words=4, prefixes=prefixes)
    assert prefixes.reused == 0


@pytest.mark.parametrize("prefixes", [None, PrefixMemory()], ids=["alone", "memory"])
def test_options_weigh_what_they_weigh_read_one_by_one(
    trained: Any, small: Any, prefixes: PrefixMemory | None
) -> None:
    model, processor = trained
    options = ["Yes, a mass.", "No.", "Left breast"]
    assert small.questions
    for question in small.questions:
        found = option_scores(model, processor, question, options, prefixes)
        each = []
        for option in options:
            batch = processor.encode([question], [option])
            labels = batch.pop("labels")[0, 1:]
            with torch.no_grad():
                chances = model(**batch).logits[0, :-1].log_softmax(-1)
            learned = labels != -100
            each.append(chances[learned].gather(1, labels[learned, None]).sum())
        torch.testing.assert_close(found, torch.stack(each), rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("drafted", [1, 3, 8])
def test_drafted_words_are_those_of_one_at_a_time(
    trained: Any, small: Any, drafted: int, request: pytest.FixtureRequest
) -> None:
    model, processor = trained
    steps: list[int] = []
    several: list[int] = []

    def count(_: Any, __: Any, options: dict[str, Any]) -> None:
        steps.append(options["input_ids"].shape[1])

    first = answer(model, processor, [small.questions[0]], most_words=24)[0]
    request.addfinalizer(model.register_forward_pre_hook(count, with_kwargs=True).remove)
    prefixes = PrefixMemory()
    for question in conversation(small.questions[0], first.text):
        plain = answer(model, processor, [question], most_words=24)
        read = sum(steps)
        steps.clear()
        found = answer(
            model, processor, [question], most_words=24, prefixes=prefixes, drafted=drafted
        )
        assert found == plain
        several += [step for step in steps if 1 < step <= drafted + 1]
        assert sum(steps) <= read + drafted * len(steps), "what is known is not read again"
        streamed = [
            "".join(stream(model, processor, question, most_words=24, drafted=count))
            for count in (0, drafted)
        ]
        assert streamed[0]
        assert streamed[0] == streamed[1]
        steps.clear()
    assert several, "something was drafted"
    assert prefixes.reused > 0
