"""Packing cuts nothing, mixes nothing and learns answers only, word by word."""

from __future__ import annotations

import dataclasses
from types import SimpleNamespace

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from versamammo.errors import InputError
from vlm.labelled_tokens import IGNORED, Example
from vlm.packing import attention_mask, attention_masks, fit, pack
from vlm.prompts import Question, Turn

WORDS = st.lists(st.integers(1, 20), min_size=1, max_size=30)


@given(WORDS)
@settings(max_examples=50, deadline=None)
def test_every_sample_lies_whole_in_one_row(lengths: list[int]) -> None:
    rows = fit(lengths, 24)
    assert sorted(i for row in rows for i in row) == list(range(len(lengths)))
    assert all(sum(lengths[i] for i in row) <= 24 for row in rows)


def test_a_sample_longer_than_a_row_is_refused_and_not_cut() -> None:
    with pytest.raises(InputError, match="a row holds 10"):
        fit([3, 11], 10)


def test_rows_hold_words_positions_and_samples_token_by_token() -> None:
    first = Example((5, 6, 7), (IGNORED, IGNORED, 7), ())
    second = Example((8, 9), (IGNORED, 9), ())
    third = Example((4, 3, 2, 1), (IGNORED, 3, 2, 1), ())
    packed = pack([first, second, third], longest=6, filler=0)
    assert packed.input_ids.tolist() == [[4, 3, 2, 1, 8, 9], [5, 6, 7, 0, 0, 0]]
    assert packed.position_ids.tolist() == [[0, 1, 2, 3, 0, 1], [0, 1, 2, 0, 0, 0]]
    assert packed.samples.tolist() == [[1, 1, 1, 1, 2, 2], [1, 1, 1, 0, 0, 0]]
    ignored = IGNORED
    assert packed.labels.tolist() == [
        [ignored, 3, 2, 1, ignored, 9],
        [ignored, ignored, 7, ignored, ignored, ignored],
    ]
    assert packed.answer_words == 5


def test_a_word_sees_earlier_words_of_its_own_sample_only() -> None:
    samples = torch.tensor([[1, 1, 2, 2, 2, 0]])
    sees = attention_mask(samples)[0, 0] == 0
    for at in range(6):
        for other in range(6):
            expected = other <= at and bool(samples[0, at] == samples[0, other])
            assert bool(sees[at, other]) == expected, (at, other)


def test_layers_that_see_a_window_get_a_mask_that_holds_it() -> None:
    samples = torch.tensor([[1, 1, 1, 1, 2, 2]])
    whole = attention_mask(samples)
    mixed = SimpleNamespace(
        sliding_window=2, layer_types=["full_attention", "sliding_attention", "full_attention"]
    )
    masks = attention_masks(samples, mixed)
    assert isinstance(masks, dict)
    assert torch.equal(masks["full_attention"], whole)
    seen = [row.nonzero().flatten().tolist() for row in masks["sliding_attention"][0, 0] == 0]
    assert seen == [[0], [0, 1], [1, 2], [2, 3], [4], [4, 5]]
    everywhere = attention_masks(samples, SimpleNamespace(sliding_window=2))  # as Mistral has it
    assert torch.equal(everywhere, masks["sliding_attention"])
    for without in (SimpleNamespace(), SimpleNamespace(sliding_window=None)):
        assert torch.equal(attention_masks(samples, without), whole)


def test_an_example_may_not_learn_its_first_word() -> None:
    with pytest.raises(InputError, match="needs a question first"):
        pack([Example((1, 2), (1, 2), ())], 8, 0)


def test_packed_logits_are_those_of_each_sample_alone(untrained, small) -> None:
    model, processor = untrained
    examples = [
        processor.example(Question("Is there a mass?", (small.picture(1),)), "Yes."),
        processor.example(
            Question("Which side?", (small.picture(2), small.picture(3))), "Left breast."
        ),
        processor.example(Question("Which side?", (small.picture(4),)), "Right breast."),
    ]
    packed = pack(examples, longest=200, filler=processor.tokenizer.pad_token_id)
    with torch.no_grad():
        together = model(
            input_ids=packed.input_ids,
            pixel_values=packed.pixel_values,
            attention_mask=attention_mask(packed.samples),
            position_ids=packed.position_ids,
        ).logits
        lengths = [len(example.input_ids) for example in examples]
        rows = fit(lengths, 200)
        assert sum(map(len, rows)) == len(examples)
        for r, row in enumerate(rows):
            for number, index in enumerate(row, start=1):
                alone = model(**_without_labels(processor.collate([examples[index]]))).logits[0]
                here = together[r, packed.samples[r] == number]
                torch.testing.assert_close(here, alone, rtol=1e-4, atol=1e-5)


def test_changing_one_sample_changes_no_other(untrained, small) -> None:
    model, processor = untrained
    examples = [
        processor.example(Question("Is there a mass?", (small.picture(n),)), "Yes.") for n in (1, 2)
    ]
    other = processor.example(Question("Is there a mass?", (small.picture(9),)), "Yes.")

    def second(first: Example) -> torch.Tensor:
        packed = pack([first, examples[1]], 400, 0)
        with torch.no_grad():
            logits = model(
                input_ids=packed.input_ids,
                pixel_values=packed.pixel_values,
                attention_mask=attention_mask(packed.samples),
                position_ids=packed.position_ids,
            ).logits
        return logits[packed.samples == 2]

    assert torch.equal(second(examples[0]), second(other))


def test_every_answer_and_its_end_are_learned_and_nothing_else(untrained, small) -> None:
    _, processor = untrained
    question = Question("Which side?", (small.picture(1),), (Turn("Is there a mass?", "Yes."),))
    example = processor.example(question, "Left breast.")
    learned = [
        word for word, due in zip(example.input_ids, example.labels, strict=True) if due != IGNORED
    ]
    told = [f"Yes.{processor.answer_end}", f"Left breast.{processor.answer_end}"]
    words = processor.tokenizer(told, add_special_tokens=False)["input_ids"]
    assert learned == [*words[0], *words[1]]
    for word, due in zip(example.input_ids, example.labels, strict=True):
        assert due in (IGNORED, word)
    assert processor.image_token_id not in learned


def test_samples_keep_their_images_in_the_order_of_rows(untrained, small) -> None:
    _, processor = untrained
    short = processor.example(Question("Which side?", (small.picture(1),)), "Left breast.")
    long = processor.example(
        Question("Is there a mass?", (small.picture(2), small.picture(3))), "Yes."
    )
    packed = pack([short, long], 400, 0)
    assert packed.pixel_values is not None
    order = [*long.pictures, *short.pictures]
    assert torch.equal(packed.pixel_values, torch.stack([p.pixels for p in order]))
    same = dataclasses.replace(packed, samples=packed.samples)
    assert same.to(torch.device("cpu")).answer_words == packed.answer_words


def _without_labels(batch: dict[str, torch.Tensor]) -> dict[str, torch.Tensor]:
    return {name: value for name, value in batch.items() if name != "labels"}


def test_the_words_of_a_conversation_are_those_that_generation_reads(untrained, small) -> None:
    _, processor = untrained
    question = Question("Which side?", (small.picture(1),), (Turn("Is there a mass?", "Yes."),))
    read = processor.example(question).input_ids
    assert processor.example(question, "Left breast.").input_ids[: len(read)] == read
