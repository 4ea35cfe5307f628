"""Weights in 8 bits: close to what they were, small, and for answers only."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch
from torch import nn

from versamammo.errors import InputError
from vlm.adapter import has_adapter
from vlm.assembly import save
from vlm.generation import answer
from vlm.int8_layers import FEW, Int8Linear, to_int8
from vlm.model_loading import open_model


@pytest.mark.parametrize("rows", [1, FEW, FEW + 1, 40])
@pytest.mark.parametrize("bias", [True, False])
def test_a_layer_is_within_rounding_of_the_wide_one(rows: int, bias: bool) -> None:
    torch.manual_seed(0)
    wide = nn.Linear(96, 32, bias=bias)
    wide.weight.data[3] *= 100  # each channel has a scale of its own
    x = torch.randn(rows, 96)
    x[:, 5] *= 50  # an activation far larger than the others costs them nothing
    narrow = Int8Linear(wide)
    found, due = narrow(x[None]), wide(x)
    assert found.shape == (1, rows, 32)
    largest = wide.weight.norm(dim=1) * x.norm(dim=1)[:, None]  # of each channel and row
    assert ((found[0] - due).abs() / largest).max() < 0.01
    assert narrow.weight.dtype is torch.int8


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory, trained: Any) -> Path:
    made = tmp_path_factory.mktemp("int8") / "vlm"
    save(*trained, made)
    return made


def test_the_model_answers_the_same_and_is_not_saved(
    folder: Path, trained: Any, small: Any
) -> None:
    model, processor = open_model(folder, "int8")
    assert isinstance(model.lm_head, Int8Linear)
    assert not has_adapter(model)
    layers = [part for part in model.model.language_model.modules() if isinstance(part, nn.Linear)]
    assert layers == []
    texts = [answer(model, processor, [q], most_words=12)[0].text for q in small.questions]
    due = [answer(*trained, [q], most_words=12)[0].text for q in small.questions]
    assert texts == due
    with pytest.raises(InputError, match="for answers only"):
        model.save_pretrained(folder / "never")


@pytest.mark.parametrize(("dtype", "due"), [("auto", torch.float32), ("bfloat16", torch.bfloat16)])
def test_a_small_model_keeps_its_weights_unless_told_otherwise(
    folder: Path, dtype: str, due: torch.dtype
) -> None:
    model, _ = open_model(folder, dtype)
    assert not isinstance(model.lm_head, Int8Linear)
    assert model.lm_head.weight.dtype is due


def test_a_large_model_gets_8_bits_on_a_cpu(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("vlm.model_loading.LARGE", 1000)
    monkeypatch.setattr("torch.cuda.is_available", lambda: False)
    assert isinstance(open_model(folder)[0].lm_head, Int8Linear)


def test_an_unknown_type_and_a_gpu_are_refused(folder: Path, untrained: Any) -> None:
    with pytest.raises(InputError, match="expected one of auto, float32"):
        open_model(folder, "int3")
    with torch.device("meta"):
        head = nn.Linear(2, 2)
    elsewhere = type("Elsewhere", (), {"lm_head": head})()
    with pytest.raises(InputError, match="int8 is for CPUs"):
        to_int8(elsewhere)
