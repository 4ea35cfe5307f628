"""An encoder's ONNX graph: equal to torch at any size, used only where it may be."""

from __future__ import annotations

import copy
import pickle
from pathlib import Path

import pytest
import torch

from versamammo.input.contract import InputContract
from versamammo.model.configuration import VersaMammoConfig
from versamammo.model.encoder import VersaMammoModel
from versamammo.model.onnx_graph import GRAPH, Graph, apart, export_graph, hash_of
from versamammo.model.weights import WEIGHTS


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An encoder with its graph beside it."""
    torch.manual_seed(0)
    config = VersaMammoConfig(
        backbone="convnext_femto",
        backbone_args={"depths": [1, 1, 1, 1], "dims": [16, 16, 24, 32]},
        contract=InputContract(size=(96, 64)).to_dict(),
    )
    made = tmp_path_factory.mktemp("graphs") / "encoder"
    encoder = VersaMammoModel(config).eval()
    encoder.save_pretrained(made)
    worst = export_graph(encoder, made / GRAPH, hash_of(made / WEIGHTS))
    assert worst < 1e-4
    return made


@pytest.mark.parametrize("size", [(1, 96, 64), (3, 97, 71), (2, 40, 130)])
def test_the_graph_is_used_and_equals_torch(folder: Path, size: tuple[int, int, int]) -> None:
    encoder = VersaMammoModel.from_pretrained(folder)
    assert encoder.graph is not None
    images = torch.randn(size[0], 1, *size[1:])
    with torch.no_grad():
        found, wanted = encoder.encode(images), encoder.encode_by_torch(images)
    assert found.grid == wanted.grid
    assert apart(found, wanted) < 1e-4
    assert not torch.equal(found.pooled, wanted.pooled)  # another library did it


def test_a_gradient_is_torchs_affair(folder: Path) -> None:
    encoder = VersaMammoModel.from_pretrained(folder)
    assert encoder.encode(torch.randn(1, 1, 96, 64)).pooled.requires_grad


def test_weights_that_were_changed_leave_the_graph_behind(folder: Path) -> None:
    encoder = VersaMammoModel.from_pretrained(folder)
    images = torch.randn(1, 1, 96, 64)
    with torch.no_grad():
        before = encoder.encode(images).pooled
        for parameter in encoder.parameters():
            parameter.mul_(0.5)
        assert not torch.allclose(encoder.encode(images).pooled, before)


def test_a_graph_of_other_weights_is_left_alone(folder: Path, tmp_path: Path) -> None:
    torch.manual_seed(1)
    config = VersaMammoConfig.from_pretrained(folder)
    VersaMammoModel(config).save_pretrained(tmp_path)
    (tmp_path / GRAPH).write_bytes((folder / GRAPH).read_bytes())
    assert VersaMammoModel.from_pretrained(tmp_path).graph is None


def test_an_encoder_with_a_graph_can_be_copied(folder: Path) -> None:
    encoder = VersaMammoModel.from_pretrained(folder)
    assert isinstance(pickle.loads(pickle.dumps(encoder.graph)), Graph)
    images = torch.randn(1, 1, 96, 64)
    with torch.no_grad():
        again = copy.deepcopy(encoder).encode(images)
        assert torch.allclose(again.pooled, encoder.encode(images).pooled, atol=1e-5)
