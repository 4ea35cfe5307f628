"""Gates on filters: the same answers from any picture, and only where they are the same."""

from __future__ import annotations

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
from versamammo.model.onnx_graph import Graph, apart, export_graph

IMAGE = np.random.default_rng(1).standard_normal((1, 1, 97, 71), np.float32)


@pytest.fixture(scope="module")
def encoder() -> VersaMammoModel:
    torch.manual_seed(0)
    config = VersaMammoConfig(
        backbone="test_efficientnet", contract=InputContract(size=(96, 64)).to_dict()
    )
    return VersaMammoModel(config).eval()


@pytest.fixture(scope="module")
def path(encoder: VersaMammoModel, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A graph with two squeeze-and-excitations."""
    path = tmp_path_factory.mktemp("gates") / "two.onnx"
    assert export_graph(encoder, path) < 1e-4
    return path


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
