"""An encoder as an ONNX graph: written, checked against torch, and run on a CPU by itself.

ONNX Runtime needs about half of torch's time for a convolutional encoder on a CPU. A graph lies
beside the weights it was made of and names their hash, so that it is never used with others.
"""

from __future__ import annotations

import copy
import hashlib
import importlib.util
import warnings
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import cached_property, partial
from pathlib import Path
from typing import Any, Protocol, cast

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from versamammo.errors import InputError
from versamammo.model.features import Features, Level
from versamammo.model.same_padding import with_constant_padding
from versamammo.model.weights import WEIGHTS

GRAPH = "encoder.onnx"
HASH = "weights"
TOLERANCE = 1e-3  # largest difference from torch, as a share of the largest value
CHECKED = ((1, 1.0), (2, 0.75))  # images, and share of the contract's size, that are compared


class Encoder(Protocol):
    """The parts of an encoder that a graph is made of; it is a torch module as well.

    Attributes:
        config: `backbone` and `input_contract` are read.
    """

    config: Any

    @property
    def levels(self) -> Sequence[Level]:
        """The maps of the pyramid."""

    @property
    def stride(self) -> int:
        """Side of a patch in pixels."""

    def encode(self, images: Any, /) -> Features:
        """Look at prepared images [B, 1, H, W]."""

    def encode_by_torch(self, batch: Tensor, /) -> Features:
        """Look at them without a graph."""


class _Plain(nn.Module):
    """An encoder that answers with a tuple, as a graph can."""

    def __init__(self, encoder: Encoder) -> None:
        super().__init__()
        twin = copy.copy(cast(Any, encoder))
        twin._modules = {**twin._modules, "backbone": with_constant_padding(twin.backbone)}
        self.encoder = twin

    def forward(self, pixel_values: Tensor) -> tuple[Tensor, ...]:
        features = self.encoder.encode(pixel_values)
        return (features.pooled, features.patches, *features.pyramid)


class Graph:
    """A loaded graph.

    One image is looked at by all threads; of several each thread takes one. That needs no more
    time, and far less where the cores are far from each other, as a virtual machine's may be.

    Attributes:
        path: of its file.
        stride: of the encoder, from which the grid follows.
    """

    def __init__(self, path: Path, stride: int) -> None:
        # imported here, since both libraries may be missing where nobody has a graph
        from versamammo.model.onnx_gates import open_session

        self._threads = torch.get_num_threads()
        self.session, self._one_by_one = open_session(path, self._threads)
        self.path = path
        self.stride = stride

    @cached_property
    def _of_one_thread(self) -> tuple[Any, ThreadPoolExecutor]:
        """Open the graph once more, for threads that look at an image each."""
        from versamammo.model.onnx_gates import open_session

        return open_session(self.path, 1)[0], ThreadPoolExecutor(self._threads)

    def __reduce__(self) -> tuple[Any, ...]:
        return Graph, (self.path, self.stride)

    @property
    def weights(self) -> str:
        """Hash of the weights that the graph was made of."""
        return str(self.session.get_modelmeta().custom_metadata_map.get(HASH, ""))

    def __call__(self, images: Tensor) -> Features:
        """Look at prepared images [B, 1, H, W]."""
        if len(images) > 1 and self._threads > 1:
            session, pool = self._of_one_thread
            answers = list(pool.map(partial(_run, session), images.split(1)))
        else:
            parts = images.split(1) if self._one_by_one else (images,)
            answers = [_run(self.session, one) for one in parts]
        pooled, patches, *pyramid = (_joined(every) for every in zip(*answers, strict=True))
        grid = tuple(-(-side // self.stride) for side in images.shape[-2:])
        return Features(pooled, patches, (grid[0], grid[1]), tuple(pyramid))


def _run(session: Any, images: Tensor) -> list[NDArray[np.float32]]:
    return cast(list[NDArray[np.float32]], session.run(None, {"pixel_values": images.numpy()}))


def _joined(parts: Sequence[NDArray[np.float32]]) -> Tensor:
    """Put images behind each other; one alone is not copied.

    Not by torch, whose threads go on spinning for a while and slow the next image.
    """
    return torch.from_numpy(parts[0] if len(parts) == 1 else np.concatenate(parts))


def export_graph(encoder: Encoder, out: Path, weights: str = "") -> float:
    """Write an encoder as ONNX with any batch, height and width, and compare it with torch.

    Args:
        encoder: on the CPU, in evaluation mode.
        out: file to be written.
        weights: hash of the weights' file, kept in the graph.

    Returns:
        The largest difference found, as a share of the largest value.

    Raises:
        InputError: libraries are missing, torch cannot write this network (`no-graph`), or graph
            and torch differ (`graph-differs`).
    """
    for name in ("onnx", "onnxscript", "onnxruntime"):
        if importlib.util.find_spec(name) is None:
            raise InputError("is not installed", field=name, reason="missing-library")
    height, width = encoder.config.input_contract.size
    example = torch.randn(2, 1, height, width, generator=torch.Generator().manual_seed(0))
    names = ["pooled", "patches", *(f"map{i}" for i in range(len(encoder.levels)))]
    program = _traced(encoder, example, names, out)
    program.model.metadata_props[HASH] = weights
    out.parent.mkdir(parents=True, exist_ok=True)
    program.save(str(out), external_data=False)
    return compare(encoder, Graph(out, encoder.stride), out)


def _traced(encoder: Encoder, example: Tensor, names: list[str], out: Path) -> Any:
    with warnings.catch_warnings(), torch.no_grad():
        warnings.simplefilter("ignore")
        try:
            program = torch.onnx.export(
                _Plain(encoder).eval(), (example,), dynamo=True, verbose=False,
                input_names=["pixel_values"], output_names=names,
                dynamic_shapes={"pixel_values": dict.fromkeys((0, 2, 3), torch.export.Dim.DYNAMIC)},
            )  # fmt: skip
        except torch.onnx.errors.OnnxExporterError as error:
            message = f"torch cannot write {encoder.config.backbone} as a graph for any size"
            raise InputError(message, file=out, field="backbone", reason="no-graph") from error
    if program is None:
        raise InputError("torch gave no graph", file=out, reason="no-graph")
    return program


def add_graph(encoder: Encoder, folder: Path) -> float:
    """Write the graph of an encoder's folder beside its weights, where `encode` finds it.

    Returns:
        The largest difference from torch, as a share of the largest value.

    Raises:
        InputError: as `export_graph`; then nothing lies there.
    """
    partial = folder / f"{GRAPH}.part"
    try:
        worst = export_graph(encoder, partial, hash_of(folder / WEIGHTS))
        partial.rename(folder / GRAPH)
    finally:
        partial.unlink(missing_ok=True)
    return worst


@torch.no_grad()
def compare(encoder: Encoder, graph: Graph, out: Path) -> float:
    """Return the largest difference between graph and torch over several sizes.

    Raises:
        InputError: it is larger than `TOLERANCE`.
    """
    worst = 0.0
    for number, share in CHECKED:
        size = [int(side * share) - 1 for side in encoder.config.input_contract.size]
        images = torch.randn(number, 1, *size, generator=torch.Generator().manual_seed(number))
        worst = max(worst, apart(graph(images), encoder.encode_by_torch(images)))
    if not worst <= TOLERANCE:
        message = f"the graph differs from torch by {worst:.1e} of the largest value"
        raise InputError(message, file=out, reason="graph-differs")
    return worst


def apart(found: Features, wanted: Features) -> float:
    """Return the largest difference of any output, as a share of its largest value."""
    pairs = zip(_tensors(found), _tensors(wanted), strict=True)
    return max(float((a - b).abs().max() / b.abs().max()) for a, b in pairs)


def graph_beside(folder: Path, stride: int) -> Graph | None:
    """Open the graph in an encoder's folder, if there is one of these weights and a runtime."""
    path = folder / GRAPH
    if not path.is_file() or not all(map(importlib.util.find_spec, ("onnx", "onnxruntime"))):
        return None
    graph = Graph(path, stride)
    return graph if graph.weights == hash_of(folder / WEIGHTS) else None


def hash_of(path: Path) -> str:
    """Hash a file's content."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _tensors(features: Features) -> Sequence[Any]:
    return (features.pooled, features.patches, *features.pyramid)
