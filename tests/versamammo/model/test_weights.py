from __future__ import annotations

import json
import re
from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file
from torch import nn

from versamammo.errors import InputError
from versamammo.model.weights import (
    SHOWN_KEYS,
    check_fit,
    check_folder,
    fill,
    opening,
    read_tensors,
)

TENSORS = {"weight": torch.ones(2, 3), "bias": torch.zeros(2)}


def test_a_folder_and_its_file_hold_the_same(tmp_path: Path) -> None:
    save_file(TENSORS, tmp_path / "model.safetensors")
    for source in (tmp_path, tmp_path / "model.safetensors"):
        found = read_tensors(source)
        assert found.keys() == TENSORS.keys()
        assert torch.equal(found["weight"], TENSORS["weight"])


def test_shards_are_put_together(tmp_path: Path) -> None:
    for name, tensor in TENSORS.items():
        save_file({name: tensor}, tmp_path / f"{name}.safetensors")
    index = {"weight_map": {name: f"{name}.safetensors" for name in TENSORS}}
    (tmp_path / "model.safetensors.index.json").write_text(json.dumps(index))
    assert read_tensors(tmp_path).keys() == TENSORS.keys()


@pytest.mark.parametrize(
    ("index", "said"),
    [
        ({"weight_map": {"weight": "../outside.safetensors"}}, "'../outside.safetensors' is not"),
        ({"weight_map": {"weight": "/etc/passwd"}}, "'/etc/passwd' is not the name"),
        ({"weight_map": {"weight": "..safetensors"}}, "is not there"),
        ({"weight_map": {"weight": 3}}, "3 is not the name"),
        ({"weight_map": {"weight": "absent.safetensors"}}, "absent.safetensors is not there"),
        ({"weight_map": ["weight"]}, "expected an object of weights"),
        ({}, "expected an object of weights"),
        ([], "is no JSON object"),
    ],
)
def test_a_shard_outside_the_folder_is_not_opened(tmp_path: Path, index: object, said: str) -> None:
    save_file(TENSORS, tmp_path / "outside.safetensors")
    folder = tmp_path / "folder"
    folder.mkdir()
    (folder / "model.safetensors.index.json").write_text(json.dumps(index))

    for opened in (read_tensors, check_folder):  # the second before transformers opens a folder
        with pytest.raises(InputError, match=re.escape(said)) as refused:
            opened(folder)
        assert refused.value.file == "model.safetensors.index.json"


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("{", "is no JSON"),
        ("[" * 100_000 + "]" * 100_000, "nested too deeply"),
        ("7", "is no JSON object"),
        ("1" * 5000, "is no JSON"),
    ],
)
def test_a_config_that_cannot_be_read_is_named(tmp_path: Path, text: str, said: str) -> None:
    save_file(TENSORS, tmp_path / "model.safetensors")
    (tmp_path / "config.json").write_text(text)

    with pytest.raises(InputError, match=f"config.json: .*{said}"):
        check_folder(tmp_path)


def test_only_a_pickle_is_refused_with_its_name(tmp_path: Path) -> None:
    torch.save(TENSORS, tmp_path / "model.pth")
    with pytest.raises(InputError, match=r"model\.pth") as refused:
        read_tensors(tmp_path)
    assert refused.value.reason == "pickle"


def test_an_empty_folder_and_a_missing_one_are_told_apart_from_a_pickle(tmp_path: Path) -> None:
    for source in (tmp_path, tmp_path / "nowhere"):
        with pytest.raises(InputError) as refused:
            read_tensors(source)
        assert refused.value.reason == "missing-weights"


@pytest.mark.parametrize("kept", [0, 5, 60])
def test_a_damaged_file_is_refused(tmp_path: Path, kept: int) -> None:
    file = tmp_path / "model.safetensors"
    save_file(TENSORS, file)
    file.write_bytes(file.read_bytes()[:kept])
    with pytest.raises(InputError, match="damaged") as refused:
        read_tensors(tmp_path)
    assert refused.value.file == "model.safetensors"


def test_weights_that_fit_are_copied() -> None:
    layer = nn.Linear(3, 2)
    fill(layer, TENSORS, "here")
    assert torch.equal(layer.weight, TENSORS["weight"])


def test_every_fault_is_named_at_once() -> None:
    layer = nn.Linear(3, 2)
    before = layer.weight.clone()
    with pytest.raises(InputError) as refused:
        fill(layer, {"weight": torch.ones(3, 2), "scale": torch.ones(1)}, "folder")
    message = str(refused.value)
    assert "1 missing: bias" in message
    assert "1 unexpected: scale" in message
    assert "weight [3, 2], expected [2, 3]" in message
    assert torch.equal(layer.weight, before)


def test_long_lists_of_keys_are_cut_short() -> None:
    missing = [f"layer{i}" for i in range(SHOWN_KEYS + 3)]
    with pytest.raises(InputError, match=r"9 missing: layer0.*and 3 more"):
        check_fit(missing, [], [], "folder")


@pytest.mark.parametrize(
    "error",
    [KeyError("width"), TypeError("of int"), RuntimeError("negative size"), OSError(2)],
)
def test_what_ends_the_opening_of_a_model_names_the_model(tmp_path: Path, error: Exception) -> None:
    with (
        pytest.raises(InputError, match=r"model: cannot be opened") as refused,
        opening(tmp_path / "model"),
    ):
        raise error
    assert refused.value.__cause__ is error

    with pytest.raises(MemoryError), opening(tmp_path):
        raise MemoryError
