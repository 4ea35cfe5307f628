"""An encoder's ONNX graph: equal to torch at any size, used only where it may be, and its gates.

In one file, since the first graph that a process writes takes ten seconds of a core.
"""

from __future__ import annotations

import copy
import pickle
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import onnx
import pytest
import torch

from versamammo.input.contract import InputContract
from versamammo.model import onnx_gates
from versamammo.model.configuration import VersaMammoConfig
from versamammo.model.encoder import VersaMammoModel
from versamammo.model.onnx_gates import block_size, find_gates, open_session
from versamammo.model.onnx_graph import GRAPH, Graph, apart, export_graph, hash_of
from versamammo.model.weights import WEIGHTS

IMAGE = np.random.default_rng(1).standard_normal((1, 1, 97, 71), np.float32)


@pytest.fixture(scope="module")
def encoder() -> VersaMammoModel:
    torch.manual_seed(0)
    config = VersaMammoConfig(
        backbone="test_efficientnet", contract=InputContract(size=(96, 64)).to_dict()
    )
    return VersaMammoModel(config).eval()


@pytest.fixture(scope="module")
def folder(encoder: VersaMammoModel, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An encoder with its graph beside it, in which are two squeeze-and-excitations."""
    made = tmp_path_factory.mktemp("graphs") / "encoder"
    encoder.save_pretrained(made)
    assert export_graph(encoder, made / GRAPH, hash_of(made / WEIGHTS)) < 1e-4
    return made


@pytest.fixture
def path(folder: Path) -> Path:
    return folder / GRAPH


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


@pytest.fixture
def optimized(path: Path, tmp_path: Path) -> onnx.GraphProto:
    """The graph as ONNX Runtime leaves it."""
    if block_size() < 8:
        pytest.skip("on this processor ONNX Runtime keeps maps in the usual order")
    written = tmp_path / "optimized.onnx"
    onnx_gates._session(path, 1, write=written)
    return onnx.load(written).graph


def test_every_gate_is_found_where_convolutions_read_blocks(
    path: Path, optimized: onnx.GraphProto
) -> None:
    assert len(find_gates(optimized)) == 2
    assert open_session(path, 1)[1]


@pytest.mark.parametrize("size", [(1, 96, 64), (3, 97, 71), (2, 40, 130)])
def test_answers_are_torchs_for_any_number_and_size(
    encoder: VersaMammoModel, path: Path, size: tuple[int, int, int]
) -> None:
    images = torch.randn(size[0], 1, *size[1:], generator=torch.Generator().manual_seed(0))
    with torch.no_grad():
        assert apart(Graph(path, encoder.stride)(images), encoder.encode_by_torch(images)) < 1e-4


def test_a_graph_that_answers_otherwise_is_not_used(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    wanted = open_session(path, 1)[0].run(None, {"pixel_values": IMAGE})
    plain = onnx_gates.move_to_filters

    def wrongly(graph: onnx.GraphProto, *rest: object) -> None:
        plain(graph, *rest)  # type: ignore[arg-type]
        for one in graph.initializer:
            if one.name.endswith("_filters"):
                one.raw_data = (2 * onnx.numpy_helper.to_array(one)).tobytes()

    monkeypatch.setattr(onnx_gates, "move_to_filters", wrongly)
    session, one_by_one = open_session(path, 1)
    assert not one_by_one
    for found, value in zip(session.run(None, {"pixel_values": IMAGE}), wanted, strict=True):
        np.testing.assert_allclose(found, value, atol=1e-4 * np.abs(value).max())


def test_a_full_disk_leaves_the_graph_as_it_is(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("shutil.disk_usage", lambda _: SimpleNamespace(free=0))
    session, one_by_one = open_session(path, 1)
    assert not one_by_one
    assert session.run(None, {"pixel_values": IMAGE})[0].shape == (1, 256)


def test_maps_that_something_else_reads_stay_in_the_usual_order(
    optimized: onnx.GraphProto,
) -> None:
    gates = find_gates(optimized)
    optimized.output.append(onnx.ValueInfoProto(name=gates[0].maps.output[0]))
    assert len(find_gates(optimized)) == len(gates) - 1
