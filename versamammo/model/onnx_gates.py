"""Squeeze-and-excitation in ONNX Runtime, with filters weighed instead of maps.

ONNX Runtime keeps maps in blocks of channels, as its convolutions read them, but its means and
products know the usual order alone. So each squeeze-and-excitation rewrites the widest maps of its
block twice and multiplies them once, which took an eighth of the time of EfficientNet-B5. Yet a
gate weighs channels that the next convolution, one pixel wide, adds up: for one image it may as
well weigh that convolution's filters, and the maps stay as they are.

Which blocks there are depends on the processor, so a graph is changed where it is opened. The order
of blocks is ONNX Runtime's own affair: `open_session` asks for the block's size by a probe, and
uses the changed graph only if it answers as the unchanged one does.
"""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory, gettempdir
from typing import Any

import numpy as np
import onnx
import onnxruntime
from numpy.typing import NDArray
from onnx import GraphProto, NodeProto, TensorProto, helper, numpy_helper

BLOCKED = "com.microsoft.nchwc"  # domain of operators on blocks of channels
LARGEST = 2**30  # bytes of a file that is changed; ONNX Runtime writes none above two GiB
PROBED = 64  # channels; any block's size divides it
COMPARED = (1, 1, 96, 64)  # shape of the image that both graphs are asked about
TOLERANCE = 1e-4  # largest difference between them, as a share of the largest value


@dataclass(frozen=True)
class Gate:
    """The nodes of one squeeze-and-excitation between convolutions in blocks.

    Attributes:
        maps: that bring the maps into the usual order.
        weights: that bring the channels' weights into the usual order.
        mean: of each channel.
        pooled: that bring the means back into blocks.
        product: of maps and weights.
        back: that bring the product back into blocks.
        convolution: that adds up the weighed channels.
    """

    maps: NodeProto
    weights: NodeProto
    mean: NodeProto
    pooled: NodeProto
    product: NodeProto
    back: NodeProto
    convolution: NodeProto


def open_session(path: Path, threads: int) -> tuple[Any, bool]:
    """Open a graph, with its gates on filters if that gives the same.

    Returns:
        An ONNX Runtime session, and whether it must be given one image at a time.
    """
    size = path.stat().st_size
    if size > LARGEST or shutil.disk_usage(gettempdir()).free < 4 * size:
        return _session(path, threads), False
    with TemporaryDirectory() as folder:
        optimized = Path(folder) / "optimized.onnx"
        plain = _session(path, threads, write=optimized)
        model = onnx.load(optimized)
        gates = find_gates(model.graph)
        if not gates:
            return plain, False
        move_to_filters(model.graph, gates, block_size())
        onnx.save(model, optimized)
        changed = _session(optimized, threads, as_it_is=True)
    return (changed, True) if _agree(plain, changed) else (plain, False)


def move_to_filters(graph: GraphProto, gates: Sequence[Gate], block: int) -> None:
    """Let gates weigh filters instead of maps, in place."""
    filters = {one.name: one for one in graph.initializer}
    instead: dict[str, list[NodeProto]] = {}
    for gate in gates:
        wide, pooled = gate.maps.input[0], gate.pooled.output[0]
        weighed = _weigh(graph, filters[gate.convolution.input[1]], gate.weights.input[0], block)
        gate.convolution.input[:2] = [wide, weighed[-1].output[0]]
        for gone in (gate.maps, gate.weights, gate.mean, gate.product, gate.back):
            instead[gone.output[0]] = []
        instead[pooled] = [helper.make_node("GlobalAveragePool", [wide], [pooled], domain=BLOCKED)]
        instead[gate.convolution.output[0]] = [*weighed, gate.convolution]
    nodes = [one for node in graph.node for one in instead.get(node.output[0], [node])]
    asked = {name for node in nodes for name in node.input}
    for place in reversed(range(len(graph.initializer))):
        if graph.initializer[place].name not in asked:
            del graph.initializer[place]
    del graph.node[:]
    graph.node.extend(nodes)
    del graph.value_info[:]


def find_gates(graph: GraphProto) -> list[Gate]:
    """Find maps that leave their blocks only to be weighed by a gate."""
    maker = {out: node for node in graph.node for out in node.output}
    users: dict[str, list[str]] = {one.name: ["output"] for one in graph.output}
    user: dict[str, NodeProto] = {}
    for node in graph.node:
        for name in node.input:
            users.setdefault(name, []).append(node.op_type)
            user[f"{name} {node.op_type}"] = node

    def next_of(node: NodeProto | None, op: str, *beside: str) -> NodeProto | None:
        """Return the user of a node's output, if it and those beside it are all there are."""
        if node is None or sorted(users.get(node.output[0], ())) != sorted((op, *beside)):
            return None
        return user[f"{node.output[0]} {op}"]

    def gate_of(product: NodeProto) -> Gate | None:
        maps, weights = (maker.get(name) for name in product.input)
        mean = next_of(maps, "ReduceMean", "Mul")
        pooled, back = next_of(mean, "ReorderInput"), next_of(product, "ReorderInput")
        convolution = next_of(back, "Conv")
        nodes = (maps, weights, mean, pooled, product, back, convolution)
        whole = next_of(weights, "Mul") is product and None not in nodes
        return Gate(*nodes) if whole and _can_move(Gate(*nodes), graph) else None  # type: ignore[arg-type]

    found = (gate_of(node) for node in graph.node if node.op_type == "Mul")
    return [gate for gate in found if gate is not None]


def block_size() -> int:
    """Ask ONNX Runtime how many channels lie together on this processor."""
    shape = (1, PROBED, 1, 2)
    node = helper.make_node("ReorderInput", ["x"], ["y"], domain=BLOCKED)
    ends = [helper.make_tensor_value_info(one, onnx.TensorProto.FLOAT, shape) for one in "xy"]
    model = helper.make_model(
        helper.make_graph([node], "probe", ends[:1], ends[1:]),
        opset_imports=[helper.make_opsetid("", 18), helper.make_opsetid(BLOCKED, 1)],
        ir_version=9,
    )
    session = _session(model.SerializeToString(), 1, as_it_is=True)
    values = np.zeros(shape, np.float32)
    values[0, 0, 0, 1] = 1  # the second pixel comes after one block of the first
    return int(np.argmax(session.run(None, {"x": values})[0]))


def _can_move(gate: Gate, graph: GraphProto) -> bool:
    """Return whether these nodes do what their kinds promise."""
    filters = {one.name for one in graph.initializer}
    axes = [
        numpy_helper.to_array(one) for one in graph.initializer if one.name == gate.mean.input[1]
    ]
    mean, convolution = _given(gate.mean), _given(gate.convolution)
    return (
        gate.maps.op_type == gate.weights.op_type == "ReorderOutput"
        and mean.get("keepdims", 1) == 1
        and [sorted(one.tolist()) for one in axes] == [[2, 3]]
        and gate.convolution.domain == BLOCKED
        and gate.convolution.input[1] in filters
        and list(convolution.get("kernel_shape", ())) == [1, 1]
        and convolution.get("group", 1) == 1
    )


def _given(node: NodeProto) -> dict[str, Any]:
    return {one.name: helper.get_attribute_value(one) for one in node.attribute}


def _weigh(graph: GraphProto, filters: TensorProto, gate: str, block: int) -> list[NodeProto]:
    """Return nodes that weigh filters, which lie in blocks of inputs and outputs."""
    outputs, inputs = filters.dims[:2]
    name = f"{filters.name}_weighed"
    values: dict[str, NDArray[Any]] = {
        f"{name}_filters": numpy_helper.to_array(filters).reshape(
            outputs // block, inputs // block, 1, 1, block, block
        ),
        f"{name}_along": np.array((1, inputs // block, 1, 1, block, 1), np.int64),
        f"{name}_shape": np.array((outputs, inputs, 1, 1), np.int64),
    }
    graph.initializer.extend(numpy_helper.from_array(one, at) for at, one in values.items())
    blocks, along, shape = values
    return [
        helper.make_node("Reshape", [gate, along], [f"{name}_gate"]),
        helper.make_node("Mul", [blocks, f"{name}_gate"], [f"{name}_product"]),
        helper.make_node("Reshape", [f"{name}_product", shape], [name]),
    ]


def _agree(plain: Any, changed: Any) -> bool:
    image = np.random.default_rng(0).standard_normal(COMPARED, np.float32)
    answers = zip(
        *(one.run(None, {"pixel_values": image}) for one in (plain, changed)), strict=True
    )
    return all(np.abs(a - b).max() <= TOLERANCE * np.abs(a).max() for a, b in answers)


def _session(
    model: Path | bytes, threads: int, write: Path | None = None, as_it_is: bool = False
) -> Any:
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    options.log_severity_level = 3
    if write is not None:
        options.optimized_model_filepath = str(write)
    if as_it_is:
        options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_DISABLE_ALL
    return onnxruntime.InferenceSession(
        model if isinstance(model, bytes) else str(model), options,
        providers=["CPUExecutionProvider"],
    )  # fmt: skip
