from __future__ import annotations

from pathlib import Path

import pytest
import torch

from versamammo.errors import InputError
from vlm.language import (
    CHAT_TEMPLATE,
    TinyLanguage,
    load_language,
    prepare_tokenizer,
    tiny_language,
    train_tokenizer,
)

TEXTS = ["The left breast shows a mass at 0.25, 0.75."] * 4


@pytest.mark.parametrize("text", ["a mass at 0.25", "Größe 3 mm, ≥ BI-RADS 4", "乳腺\n\t😀"])
def test_any_text_survives_the_tokenizer(text: str) -> None:
    tokenizer = train_tokenizer(TEXTS, 320)
    ids = tokenizer(text, add_special_tokens=False)["input_ids"]
    assert tokenizer.decode(ids) == text


def test_digits_stand_alone() -> None:
    tokenizer = train_tokenizer(["0.25 0.25 0.25"] * 9, 400)
    assert len(tokenizer("0.25", add_special_tokens=False)["input_ids"]) == 4


def test_the_default_tiny_model_is_tiny_and_its_seed_decides() -> None:
    state = torch.get_rng_state()
    first = tiny_language(TEXTS).model
    again = tiny_language(TEXTS).model
    other = tiny_language(TEXTS, TinyLanguage(seed=1)).model
    assert torch.equal(state, torch.get_rng_state())
    assert 1e6 < first.num_parameters() < 4e6
    words = [m.get_input_embeddings().weight for m in (first, again, other)]
    assert torch.equal(words[0], words[1])
    assert not torch.equal(words[0], words[2])


def test_a_tokenizer_without_template_gets_one_and_the_image_token() -> None:
    tokenizer = train_tokenizer(TEXTS, 320)
    tokenizer.chat_template = None
    number = prepare_tokenizer(tokenizer)
    assert tokenizer.chat_template == CHAT_TEMPLATE
    assert tokenizer("<image>", add_special_tokens=False)["input_ids"] == [number]
    assert prepare_tokenizer(tokenizer) == number


def test_a_language_model_comes_from_a_folder(tmp_path: Path) -> None:
    made = tiny_language(TEXTS, TinyLanguage(vocabulary=300, width=32, depth=1))
    model, tokenizer = made.model, made.tokenizer
    model.save_pretrained(tmp_path)
    tokenizer.save_pretrained(tmp_path)
    found = load_language(tmp_path)
    embedded = found.model.get_input_embeddings().weight
    assert torch.equal(embedded, model.get_input_embeddings().weight)
    assert found.tokenizer.chat_template == CHAT_TEMPLATE


def test_a_folder_without_a_language_model_is_named(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"holds no model\.safetensors"):
        load_language(tmp_path)
    with pytest.raises(InputError, match="such-model: language: cannot be opened"):
        load_language("nowhere/such-model")
