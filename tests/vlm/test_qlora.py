"""A language model in 4 bits with LoRA beside it: a step on a CPU, saved and opened again."""

from __future__ import annotations

import importlib.util
from pathlib import Path
from typing import Any

import pytest
import torch

from tests.vlm.tiny_training import tiny_training
from vlm.adapter import LoraSettings, add_adapter
from vlm.assembly import assemble, load, save
from vlm.language import tiny_language
from vlm.training_config import build_language

HERE = importlib.util.find_spec("bitsandbytes") is not None
pytestmark = pytest.mark.skipif(
    not HERE, reason="bitsandbytes is not installed; `pip install 'versamammo[qlora]'` does"
)


def test_a_base_in_four_bits_learns_and_comes_back(small: Any, tmp_path: Path) -> None:
    from bitsandbytes.functional import dequantize_4bit

    plain, tokenizer, _ = tiny_language(["Is there a mass? Yes."])
    plain.save_pretrained(tmp_path / "base")
    tokenizer.save_pretrained(tmp_path / "base")
    config = tiny_training(
        tmp_path / "run", tmp_path, language=str(tmp_path / "base"), quantise="true"
    )
    model, processor = assemble(small.encoder(), build_language(config, None))
    add_adapter(model, LoraSettings(rank=4, dropout=0.0))
    model.train_only(projector=True, adapter=True)
    narrow = {n: p for n, p in model.named_parameters() if type(p).__name__ == "Params4bit"}
    assert len(narrow) == 4 * 7  # all linear layers of four layers
    for parameter in model.parameters():
        if parameter.requires_grad:
            parameter.data = parameter.data.float()
    before = {name: parameter.data.clone() for name, parameter in narrow.items()}
    batch = processor.encode(small.questions, ["Yes.", "No."])
    first = float(model(**batch).loss.detach())
    small.train(model, dict(batch), 2)
    assert float(model(**batch).loss.detach()) < first - 0.1
    assert all(torch.equal(before[name], parameter.data) for name, parameter in narrow.items())

    save(model, processor, tmp_path / "vlm")
    again, _ = load(tmp_path / "vlm")
    own = dict(again.named_parameters())
    with torch.no_grad():
        for name, parameter in narrow.items():
            own[name].copy_(dequantize_4bit(parameter.data, parameter.quant_state))
        found, expected = again(**batch).logits, model(**batch).logits.float()
    assert (found - expected).abs().max() < 0.05 * expected.abs().max()
