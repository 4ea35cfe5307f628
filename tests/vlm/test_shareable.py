"""A model that is to be shared learns from allowed archives and allowed encoders, and says so."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from tests.vlm.archives import write_archive
from tests.vlm.tiny_training import tiny_training
from versamammo.data.manifest import read_manifest, write_manifest
from versamammo.errors import InputError
from versamammo.input.contract import InputContract
from versamammo.model.configuration import Training, VersaMammoConfig
from versamammo.model.encoder import VersaMammoModel
from vlm.assembly import load
from vlm.train import train


@pytest.fixture(scope="module")
def archive(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Six patients, half of an archive that may be shared and half of one that may not."""
    folder = write_archive(tmp_path_factory.mktemp("sharing") / "prepared", patients=6)
    rows = read_manifest(folder).to_pylist()
    patients = sorted({row["patient_id"] for row in rows})
    for row in rows:
        odd = patients.index(row["patient_id"]) % 2
        row["source"] = "embed" if odd else "cmmd"
    write_manifest(folder / "manifest.parquet", rows)
    return folder


def encoder(folder: Path, *sources: str) -> Path:
    torch.manual_seed(0)
    config = VersaMammoConfig(
        backbone="vit_tiny_patch16_224",
        backbone_args={"img_size": [64, 48], "depth": 1, "embed_dim": 12, "num_heads": 2},
        contract=InputContract(size=(64, 48)).to_dict(),
        training=Training(data="abc", sources=sources).to_dict(),
    )
    VersaMammoModel(config).save_pretrained(folder)
    return folder


def test_a_model_that_is_shared_names_what_it_was_made_from(archive: Path, tmp_path: Path) -> None:
    eyes = encoder(tmp_path / "encoder", "dmid")
    train(tiny_training(tmp_path, archive, shareable="true", encoder=str(eyes)))
    model, _ = load(tmp_path / "run" / "model")
    assert model.config.sources == ["cmmd", "dmid"]
    card = (tmp_path / "run" / "model" / "README.md").read_text()
    assert "- cmmd: CC BY 4.0" in card
    assert "- dmid: CC BY 4.0" in card
    assert "Do not pass" not in card


def test_an_encoder_that_may_not_be_shared_is_refused(archive: Path, tmp_path: Path) -> None:
    eyes = encoder(tmp_path / "encoder", "cmmd", "embed")
    with pytest.raises(InputError, match="embed") as caught:
        train(tiny_training(tmp_path, archive, shareable="true", encoder=str(eyes)))
    assert caught.value.reason == "not-shareable"
