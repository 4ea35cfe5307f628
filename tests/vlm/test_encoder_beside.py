"""A folder that leaves its encoder to the folder beside it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file

from tests.vlm.conftest import CLOSE, batch_of, encoder, logits
from versamammo.errors import InputError
from vlm.assembly import load, save
from vlm.encoder_beside import ENCODER
from vlm.vlm_configuration import VersaMammoVlmConfig


@pytest.fixture(scope="module")
def bundle(tmp_path_factory: pytest.TempPathFactory, folder: Path) -> Path:
    """A model and its encoder, side by side."""
    made = tmp_path_factory.mktemp("bundle")
    model, processor = load(folder / "adapted")
    model.model.vision_tower.save_pretrained(made / "encoder")
    model.config.encoder_beside = "encoder"
    save(model, processor, made / "vlm")
    return made


def test_the_encoder_is_held_once_and_answers_stay(bundle: Path, folder: Path, small: Any) -> None:
    held = load_file(bundle / "vlm" / "model.safetensors")
    assert not [name for name in held if name.startswith(ENCODER)]
    whole, processor = load(folder / "adapted")
    apart, _ = load(bundle / "vlm")
    batch = batch_of(small, processor)
    torch.testing.assert_close(logits(apart, batch), logits(whole, batch), **CLOSE)


def test_without_its_encoder_or_with_another_it_is_refused(bundle: Path, tmp_path: Path) -> None:
    kept = tmp_path / "vlm"
    kept.symlink_to(bundle / "vlm")
    lonely = tmp_path / "elsewhere" / "vlm"
    lonely.mkdir(parents=True)
    for file in (bundle / "vlm").iterdir():
        (lonely / file.name).symlink_to(file)
    with pytest.raises(InputError, match="lies beside it, in encoder/"):
        load(lonely)
    encoder(seed=5).save_pretrained(lonely.parent / "encoder")
    with pytest.raises(InputError, match="hash to"):
        load(lonely)


@pytest.mark.parametrize("name", ["../encoder", "/tmp/encoder", "..", 3])
def test_the_name_of_the_folder_leads_nowhere_else(bundle: Path, name: object) -> None:
    told = json.loads((bundle / "vlm" / "config.json").read_text())
    told["encoder_beside"] = name
    with pytest.raises(InputError, match="beside this one"):
        VersaMammoVlmConfig(**told)
