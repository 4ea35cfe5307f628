"""A model refers to its language model: the same comes back, any other is refused."""

from __future__ import annotations

import importlib.metadata
import json
import shutil
import sys
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file, save_file
from transformers import AutoModelForCausalLM, AutoModelForImageTextToText

from tests.vlm import tiny_package
from versamammo.errors import InputError
from vlm import language_package, language_source
from vlm.adapter import LoraSettings, add_adapter, has_adapter
from vlm.assembly import assemble, load, save
from vlm.language import load_language, tiny_language
from vlm.language_package import BUNDLED, converted, is_installed, place_of
from vlm.language_source import LanguageModelSource, locate, resolve, weights_content
from vlm.merge import merge

CLOSE = {"rtol": 0.0, "atol": 1e-4}


@torch.no_grad()
def logits(model: Any, processor: Any, small: Any) -> torch.Tensor:
    found: torch.Tensor = model(**processor.encode(small.questions)).logits
    return found


@pytest.fixture
def site(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A tiny package installed, and an empty cache."""
    site = tmp_path / "site"
    tiny_package.write_package(site)
    monkeypatch.syspath_prepend(str(site))
    monkeypatch.setenv("VERSAMAMMO_CACHE", str(tmp_path / "cache"))
    return site


@pytest.fixture
def folder(tmp_path: Path, small: Any) -> Path:
    """A language model's folder, whose vocabulary has no image token yet."""
    model, tokenizer, _ = tiny_language(["Is there a mass? Yes."])
    model.save_pretrained(tmp_path / "words")
    tokenizer.save_pretrained(tmp_path / "words")
    return tmp_path / "words"


def adapted(small: Any, named: str) -> Any:
    """A model with an adapter that changes its answers."""
    model, processor = assemble(small.encoder(), named)
    add_adapter(model, LoraSettings(rank=4))
    torch.manual_seed(1)
    for name, parameter in model.named_parameters():
        if "lora_B" in name:
            torch.nn.init.normal_(parameter, std=0.1)
    return model, processor


@pytest.mark.parametrize("kind", ["folder", "package"])
def test_the_reference_and_the_merged_form_give_the_same_logits(
    request: pytest.FixtureRequest, tmp_path: Path, small: Any, kind: str
) -> None:
    where = request.getfixturevalue("site" if kind == "package" else "folder")
    named = "package:tiny-words" if kind == "package" else str(where)
    model, processor = adapted(small, named)
    save(model, processor, tmp_path / "vlm")
    expected = logits(model, processor, small)
    held = load_file(tmp_path / "vlm" / "model.safetensors")
    layers = [name for name in held if name.startswith(("model.language_model", "lm_head"))]
    assert layers == []  # the language model's weights are not in the folder
    again, its_processor = load(tmp_path / "vlm")
    assert has_adapter(again)
    torch.testing.assert_close(logits(again, its_processor, small), expected, **CLOSE)
    opened = AutoModelForImageTextToText.from_pretrained(tmp_path / "vlm")
    torch.testing.assert_close(logits(opened, processor, small), expected, **CLOSE)
    assert opened.generation_config.eos_token_id == model.generation_config.eos_token_id

    merge(tmp_path / "vlm", tmp_path / "merged")
    shutil.rmtree(where)  # it holds everything
    whole, _ = load(tmp_path / "merged")
    torch.testing.assert_close(logits(whole, processor, small), expected, **CLOSE)


def test_rows_of_added_words_come_back(site: Path, tmp_path: Path, small: Any) -> None:
    language = load_language("package:tiny-words")
    language.tokenizer.add_tokens(["<one more>"])
    language.tokenizer.chat_template = None  # the project's own template adds its marks
    model, processor = assemble(small.encoder(), language)
    before = model.get_input_embeddings().weight
    assert len(before) > language.model.config.vocab_size - 1
    save(model, processor, tmp_path / "vlm")
    again, _ = load(tmp_path / "vlm")
    assert torch.equal(again.get_input_embeddings().weight, before)


def test_a_changed_file_is_refused_with_its_name_and_the_hash_that_was_due(
    folder: Path, tmp_path: Path, small: Any
) -> None:
    model, processor = adapted(small, str(folder))
    save(model, processor, tmp_path / "vlm")
    weights = load_file(folder / "model.safetensors")
    weights["model.norm.weight"][0] += 1e-3
    save_file(weights, folder / "model.safetensors", {"format": "pt"})
    with pytest.raises(InputError) as caught:
        load(tmp_path / "vlm")
    assert caught.value.reason == "other-language"
    assert caught.value.file == "model.safetensors"
    assert model.config.language["content"] in str(caught.value)


def test_a_changed_cache_and_another_version_of_a_package_are_refused(
    site: Path, tmp_path: Path, small: Any
) -> None:
    model, processor = adapted(small, "package:tiny-words")
    save(model, processor, tmp_path / "vlm")
    cached = place_of("tiny-words") / "model.safetensors"
    kept = cached.read_bytes()
    cached.write_bytes(kept[:-4] + b"\0\0\0\1")
    with pytest.raises(InputError, match="delete this folder"):
        load(tmp_path / "vlm")
    cached.write_bytes(kept)
    load(tmp_path / "vlm")
    shutil.rmtree(site)
    tiny_package.write_package(site, seed=1)  # other weights under the same version
    with pytest.raises(InputError, match=model.config.language["content"]):
        load(tmp_path / "vlm")
    shutil.rmtree(site)
    tiny_package.write_package(site, version="2.0")
    with pytest.raises(InputError, match=r"version 2\.0 is installed.*version 1\.0"):
        load(tmp_path / "vlm")
    shutil.rmtree(site)
    with pytest.raises(InputError, match="not installed: run `make setup`") as caught:
        load(tmp_path / "vlm")
    assert caught.value.reason == "missing-package"


def test_weights_that_are_listed_as_equal_enough_are_taken(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert not language_source.EQUAL_ENOUGH
    source, _ = locate(folder)
    other = LanguageModelSource("folder", str(folder), "", "0" * 64)
    with pytest.raises(InputError, match="no other is known to answer alike"):
        resolve(other)
    monkeypatch.setattr(
        language_source, "EQUAL_ENOUGH", {other.content: frozenset({source.content})}
    )
    assert resolve(other) == folder


def test_a_language_model_that_learned_is_not_left_out(folder: Path, small: Any) -> None:
    model, _ = adapted(small, str(folder))
    with torch.no_grad():
        model.model.language_model.norm.weight[0] += 0.1
    with pytest.raises(InputError, match="fold the adapter in to keep changed weights"):
        model.save_pretrained(folder.parent / "never")


@pytest.mark.parametrize("step", ["save_pretrained", "tokenizer"])
def test_an_interrupted_conversion_leaves_nothing_half(
    site: Path, monkeypatch: pytest.MonkeyPatch, step: str
) -> None:
    def stop(*_: Any, **__: Any) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        if step == "tokenizer":
            patch.setattr(language_package.AutoTokenizer, "from_pretrained", stop)
        else:
            from transformers import LlamaForCausalLM

            patch.setattr(LlamaForCausalLM, "save_pretrained", stop)
        with pytest.raises(KeyboardInterrupt):
            converted("tiny-words")
    cache = place_of("tiny-words").parent
    assert [file.name for file in cache.iterdir() if not file.name.endswith(".lock")] == []
    killed = place_of("tiny-words").with_name(f"{place_of('tiny-words').name}.part")
    killed.mkdir()  # what a process that was killed leaves behind
    (killed / "model.safetensors").write_bytes(b"half")
    assert converted("tiny-words") == place_of("tiny-words")
    assert not killed.exists()
    model = AutoModelForCausalLM.from_pretrained(place_of("tiny-words"))
    assert model.dtype is torch.float32


def test_a_package_is_converted_once_and_not_imported(
    site: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    first = converted("tiny-words")
    assert "converted once" in capsys.readouterr().err
    assert converted("tiny-words") == first
    assert "converted once" not in capsys.readouterr().err
    assert "tiny_words" not in sys.modules
    assert converted("tiny-words") == first


def test_the_hash_is_of_tensors_and_not_of_files(folder: Path, tmp_path: Path) -> None:
    model = AutoModelForCausalLM.from_pretrained(folder)
    model.save_pretrained(tmp_path / "shards", max_shard_size="500KB")
    assert len(list((tmp_path / "shards").glob("*.safetensors"))) > 1
    assert weights_content(tmp_path / "shards") == weights_content(folder)
    (tmp_path / "model.safetensors").write_bytes(b"no safetensors at all")
    with pytest.raises(InputError, match="is damaged"):
        weights_content(tmp_path)


@pytest.mark.parametrize(
    "given", [{"kind": "folder"}, [], {"kind": "tape", "name": "", "version": "", "content": ""}]
)
def test_a_mistyped_reference_is_named(given: Any) -> None:
    with pytest.raises(InputError) as caught:
        LanguageModelSource.from_dict(given)
    assert caught.value.field == "language"


def test_in_half_precision_the_same_language_model_is_opened(
    folder: Path, tmp_path: Path, small: Any
) -> None:
    model, processor = adapted(small, str(folder))
    save(model, processor, tmp_path / "vlm")
    again, _ = load(tmp_path / "vlm", dtype=torch.bfloat16)
    assert again.lm_head.weight.dtype is torch.bfloat16
    wide, narrow = logits(model, processor, small), logits(again, processor, small)
    assert (narrow.float() - wide).abs().max() < 0.1 * wide.abs().max()


@pytest.mark.skipif(not is_installed(), reason=f"{BUNDLED} is not installed; `make setup` does")
@pytest.mark.slow
def test_smollm2_is_opened_saved_by_reference_and_opened_again(tmp_path: Path, small: Any) -> None:
    model, processor = assemble(small.encoder(), f"package:{BUNDLED}")
    save(model, processor, tmp_path)
    config = json.loads((tmp_path / "config.json").read_text())
    assert config["language"]["version"] == importlib.metadata.version(BUNDLED)
    assert sum(file.stat().st_size for file in tmp_path.rglob("*")) < 20e6
    again, _ = load(tmp_path)
    torch.testing.assert_close(
        logits(again, processor, small), logits(model, processor, small), rtol=0, atol=1e-3
    )
