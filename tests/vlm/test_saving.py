from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file, save_file
from transformers import AutoConfig, AutoModelForImageTextToText, AutoProcessor

from tests.vlm.conftest import CLOSE, batch_of, logits
from versamammo.errors import InputError
from vlm.adapter import (
    LoraSettings,
    add_adapter,
    has_adapter,
    load_adapter,
    merge_adapter,
)
from vlm.assembly import load, save


def test_a_model_merged_for_now_answers_the_same_and_is_not_saved(folder: Path, small: Any) -> None:
    model, processor = load(folder / "adapted")
    batch = batch_of(small, processor)
    before = logits(model, batch)
    merge_adapter(model)
    torch.testing.assert_close(logits(model, batch), before, **CLOSE)
    with pytest.raises(InputError, match="merged for now"):
        model.save_pretrained(folder / "never")


def test_folding_leaves_a_plain_model(folder: Path) -> None:
    assert not (folder / "folded" / "adapter").exists()
    model, _ = load(folder / "folded")
    assert not has_adapter(model)
    assert not [name for name in model.state_dict() if "lora" in name or "base_layer" in name]


def test_the_projector_lies_in_the_weights_and_beside_the_adapter(
    folder: Path, trained: Any
) -> None:
    own = trained[0].model.projector.state_dict()
    whole = load_file(folder / "adapted" / "model.safetensors")
    apart = load_file(folder / "adapted" / "adapter" / "projector.safetensors")
    assert own
    for name, tensor in own.items():
        assert torch.equal(whole[f"model.projector.{name}"], tensor)
        assert torch.equal(apart[name], tensor)


def test_a_folder_without_its_projector_is_refused(folder: Path, tmp_path: Path) -> None:
    model, processor = load(folder / "folded")
    save(model, processor, tmp_path)
    weights = load_file(tmp_path / "model.safetensors")
    kept = {name: tensor for name, tensor in weights.items() if ".projector." not in name}
    save_file(kept, tmp_path / "model.safetensors", {"format": "pt"})
    with pytest.raises(InputError, match=r"missing: model\.projector"):
        load(tmp_path)


def test_the_auto_classes_open_the_folder_and_the_processor_says_the_same(
    folder: Path, trained: Any, small: Any
) -> None:
    config = AutoConfig.from_pretrained(folder / "adapted")
    assert config.text_config.model_type == "qwen3"
    assert config.vision_config.model_type == "versamammo"
    processor = AutoProcessor.from_pretrained(folder / "adapted")
    assert processor.chat_template == trained[1].chat_template
    found = processor.encode(small.questions)
    for name, tensor in batch_of(small, trained[1]).items():
        assert torch.equal(found[name], tensor)
    model = AutoModelForImageTextToText.from_pretrained(folder / "adapted")
    assert has_adapter(model)


def test_the_folder_says_what_is_in_it(folder: Path) -> None:
    config = json.loads((folder / "adapted" / "config.json").read_text())
    card = (folder / "adapted" / "README.md").read_text()
    assert len(config["encoder_hash"]) == 64
    assert config["encoder_hash"] in card
    assert "not for diagnosis" in card
    names = {file.name for file in (folder / "adapted").iterdir()}
    assert {"chat_template.jinja", "processor_config.json", "tokenizer.json", "adapter"} <= names
    assert not [name for name in names if name.endswith((".bin", ".pt", ".pth"))]


def test_an_adapter_for_another_encoder_is_refused_by_hash(folder: Path, small: Any) -> None:
    other, _ = small.vlm(seed=1)
    before = {name: tensor.clone() for name, tensor in other.state_dict().items()}
    with pytest.raises(InputError, match="trained with encoder") as caught:
        load_adapter(other, folder / "adapted" / "adapter")
    assert caught.value.reason == "other-encoder"
    assert all(torch.equal(before[name], tensor) for name, tensor in other.state_dict().items())


def test_an_adapter_for_another_language_model_is_refused_by_hash(folder: Path, small: Any) -> None:
    other, _ = small.vlm()
    torch.nn.init.constant_(other.model.language_model.norm.weight, 1.5)
    with pytest.raises(InputError, match="trained with language"):
        load_adapter(other, folder / "adapted" / "adapter")


def test_an_encoder_swapped_on_disk_is_noticed(folder: Path, tmp_path: Path) -> None:
    model, processor = load(folder / "folded")
    save(model, processor, tmp_path)
    weights = load_file(tmp_path / "model.safetensors")
    key = next(name for name in weights if "vision_tower" in name and weights[name].ndim == 2)
    weights[key] = weights[key] * 1.1
    save_file(weights, tmp_path / "model.safetensors", {"format": "pt"})
    with pytest.raises(InputError, match="encoder's weights hash to"):
        load(tmp_path)


def test_in_half_precision_the_encoder_keeps_its_name(folder: Path, small: Any) -> None:
    model, processor = load(folder / "adapted", dtype=torch.bfloat16)
    assert model.lm_head.weight.dtype == torch.bfloat16
    assert logits(model, batch_of(small, processor)).isfinite().all()


def test_a_second_adapter_is_refused(folder: Path) -> None:
    model, _ = load(folder / "adapted")
    with pytest.raises(InputError, match="an adapter already"):
        add_adapter(model, LoraSettings())


def test_pickles_are_refused(folder: Path, tmp_path: Path) -> None:
    model, processor = load(folder / "folded")
    save(model, processor, tmp_path)
    (tmp_path / "model.safetensors").rename(tmp_path / "pytorch_model.bin")
    with pytest.raises(InputError, match="can run code when opened"):
        load(tmp_path)


def test_a_push_to_the_hub_sends_the_whole_folder(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from huggingface_hub import HfApi

    sent: list[str] = []

    def remember(_: HfApi, **options: Any) -> None:
        sent.extend(operation.path_in_repo for operation in options["operations"])

    monkeypatch.setattr(HfApi, "create_commit", remember)
    monkeypatch.setattr(
        HfApi,
        "create_repo",
        lambda _, repo_id, **__: type("R", (), {"repo_id": repo_id, "url": ""}),
    )
    model, _ = load(folder / "adapted")
    model.push_to_hub("someone/vlm")
    assert {"config.json", "model.safetensors", "adapter/adapter_model.safetensors"} <= set(sent)
    assert "adapter/projector.safetensors" in sent


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("encoder_hash", None), ("encoder_name", 3), ("sources", [3]), ("projector", {"kind": 3}),
        ("image_token_id", "many"), ("text_config", "qwen"), ("vision_config", []),
    ],
)  # fmt: skip
def test_a_mistyped_config_is_named(
    folder: Path, tmp_path: Path, field: str, value: object
) -> None:
    for file in (folder / "folded").iterdir():
        (tmp_path / file.name).symlink_to(file)
    config = json.loads((folder / "folded" / "config.json").read_text())
    (tmp_path / "config.json").unlink()
    (tmp_path / "config.json").write_text(json.dumps({**config, field: value}))

    with pytest.raises(InputError):
        load(tmp_path)
