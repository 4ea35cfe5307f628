"""What the verbs `find` and `export` do with an encoder's folder and a stranger's file."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from transformers import AutoModel

from app import cli
from versamammo.input.contract import InputContract
from versamammo.model.configuration import VersaMammoConfig
from versamammo.model.encoder import VersaMammoModel
from versamammo.model.heads import describe_heads


@pytest.fixture(scope="module")
def encoder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    torch.manual_seed(0)
    config = VersaMammoConfig(
        backbone="convnext_femto",
        backbone_args={"depths": [1, 1, 1, 1], "dims": [16, 16, 24, 32]},
        contract=InputContract(size=(96, 64)).to_dict(),
        heads=describe_heads(["density", "cancer"], ["mass"], width=16),
    )
    folder = tmp_path_factory.mktemp("encoder") / "encoder"
    VersaMammoModel(config).save_pretrained(folder)
    return folder


@pytest.fixture
def files(phantoms: Path) -> list[str]:
    return [str(file) for file in sorted(phantoms.rglob("*.dcm"))[:2]]


def test_probabilities_and_boxes_come_as_json(
    encoder: Path, files: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    found = ["find", *files, "--encoder", str(encoder), "--json", "--least", "0.001"]
    assert cli.main(found) == 0
    records = json.loads(capsys.readouterr().out)
    assert [record["file"] for record in records] == files
    for record in records:
        assert list(record["probabilities"]) == ["density", "cancer"]
        assert sum(record["probabilities"]["density"].values()) == pytest.approx(1)
        assert record["candidates"][0]["kind"] == "mass"
        x1, y1, x2, y2 = record["candidates"][0]["box"]
        assert 0 <= x1 < x2
        assert 0 <= y1 < y2 <= 384


def test_the_picture_shows_file_and_heat_side_by_side(
    encoder: Path, files: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "seen.png"
    assert cli.main(["find", files[0], "--encoder", str(encoder), "--png", str(out)]) == 0
    said = capsys.readouterr().out
    assert "density" in said
    assert "not for diagnosis" in said
    shown = np.asarray(Image.open(out).convert("L"))
    half = shown.shape[1] // 2
    assert (shown[:, :half] > 60).mean() > 0.05, "the breast"
    assert (shown[:, half:] > 60).mean() > 0.05, "its heat"


def test_a_model_says_what_the_chat_says(
    files: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "seen.png"
    assert cli.main(["find", files[0], "--png", str(out)]) == 0, "the bundled model by default"
    said = capsys.readouterr().out
    assert "Composition: " in said
    assert "Findings: " in said
    assert "not for diagnosis" in said
    assert Image.open(out).width > 300
    assert cli.main(["find", files[0], "--json"]) == 0
    (record,) = json.loads(capsys.readouterr().out)
    assert {one["topic"] for one in record["findings"]["pictures"]} >= {"ACR", "Mass"}
    assert cli.main(["find", files[0], "--model", "none"]) == 2
    assert "--model: no model" in capsys.readouterr().err


def test_a_folder_without_an_encoder_is_the_callers_mistake(
    files: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert cli.main(["find", files[0], "--encoder", str(tmp_path)]) == 2
    assert "config.json" in capsys.readouterr().err


@pytest.mark.slow
def test_export_leaves_a_graph_that_is_used_from_then_on(
    encoder: Path, files: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    with torch.no_grad():
        before = AutoModel.from_pretrained(encoder).encode(files[0])
    assert cli.main(["export", "encoder", str(encoder)]) == 0
    assert "largest difference" in capsys.readouterr().out

    again = AutoModel.from_pretrained(encoder)
    assert again.graph is not None
    with torch.no_grad():
        seen = again.encode(files[0])
    torch.testing.assert_close(seen.pooled, before.pooled, rtol=1e-3, atol=1e-4)


@pytest.mark.slow
def test_a_graph_may_be_written_elsewhere(encoder: Path, tmp_path: Path) -> None:
    out = tmp_path / "mine.onnx"
    assert cli.main(["export", "encoder", str(encoder), str(out)]) == 0
    assert out.stat().st_size > 10_000
