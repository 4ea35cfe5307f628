"""An adapter that is taken out: plain peft opens it, and says the same of words alone."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import torch
from peft import PeftModel
from transformers import AutoModelForCausalLM, AutoModelForImageTextToText

from app.cli import main
from tests.vlm.test_language_bases import BASES, write_base
from versamammo.errors import InputError
from vlm.adapter import LoraSettings, add_adapter
from vlm.adapter_export import export_adapter
from vlm.assembly import assemble, save
from vlm.language import tiny_language


def adapted(small: Any, base: Path, folder: Path, targets: tuple[str, ...]) -> Any:
    """Write a model with an adapter that changes its answers."""
    model, processor = assemble(small.encoder(), base)
    add_adapter(model, LoraSettings(rank=4, targets=targets))
    torch.manual_seed(1)
    for name, parameter in model.named_parameters():
        if "lora_B" in name:
            torch.nn.init.normal_(parameter, std=0.1)
    save(model, processor, folder)
    return model


def write_words(folder: Path) -> Path:
    model, tokenizer, _ = tiny_language(["Is there a mass? Yes."])
    model.save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    return folder


@torch.no_grad()
@pytest.mark.parametrize(
    ("family", "targets"),
    [("words", ("q_proj", "v_proj")), *((name, ("all-linear",)) for name in ("words", *BASES))],
)
def test_plain_peft_says_the_same_of_words_alone(
    small: Any, tmp_path: Path, family: str, targets: tuple[str, ...]
) -> None:
    base = tmp_path / "base"
    words = family == "words"
    write_words(base) if words else write_base(base, family)
    ours = adapted(small, base, tmp_path / "vlm", targets)
    assert main(["export", "adapter", str(tmp_path / "vlm"), str(tmp_path / "out")]) == 0
    auto = AutoModelForCausalLM if words else AutoModelForImageTextToText
    plain = auto.from_pretrained(base).eval()
    ids = torch.arange(5, 25).unsqueeze(0)
    before = plain(input_ids=ids).logits
    found = PeftModel.from_pretrained(plain, tmp_path / "out")(input_ids=ids).logits
    expected = ours(input_ids=ids).logits[..., : found.shape[-1]]
    torch.testing.assert_close(found, expected, rtol=0, atol=1e-5)
    assert (found - before).abs().max() > 1e-2  # the adapter does something


def test_what_it_belongs_to_stands_beside_it(small: Any, tmp_path: Path) -> None:
    base = write_words(tmp_path / "base")
    model = adapted(small, base, tmp_path / "vlm", ("all-linear",))
    export_adapter(tmp_path / "vlm", tmp_path / "out")
    files = {file.name for file in (tmp_path / "out").iterdir()}
    assert files == {"README.md", "adapter_config.json", "adapter_model.safetensors"}
    config = json.loads((tmp_path / "out" / "adapter_config.json").read_text())
    assert config["base_model_name_or_path"] == str(base.resolve())
    assert config["task_type"] == "CAUSAL_LM"
    card = (tmp_path / "out" / "README.md").read_text()
    assert model.config.language["content"] in card
    assert model.config.encoder_hash in card
    assert "the projector" in card


def test_what_has_no_adapter_or_no_base_of_its_own_is_refused(
    small: Any, folder: Path, tmp_path: Path
) -> None:
    for name, reason in (("folded", "no-adapter"), ("adapted", "no-base")):
        with pytest.raises(InputError) as caught:
            export_adapter(folder / name, tmp_path / "out")
        assert caught.value.reason == reason
        assert not (tmp_path / "out").exists()
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "kept.txt").write_text("kept")
    with pytest.raises(InputError, match="is not empty"):
        export_adapter(folder / "adapted", tmp_path / "out")
