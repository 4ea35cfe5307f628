"""Milliseconds per image of an encoder on this CPU, and how far that is from what it could be.

    python scripts/bench_encoder.py --backbone efficientnet_b5 --size 1024 768
    python scripts/bench_encoder.py --encoder models/cbis/encoder     # as it ships

The floor is the network's multiplications over the machine's measured rate of multiplying large
matrices: no way of running it can be faster. Without `--encoder` weights are random; speed does not
ask. Memory is the largest that this process held, all ways together.
"""

from __future__ import annotations

import argparse
import resource
import shutil
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import torch
from torch.utils.flop_counter import FlopCounterMode

from versamammo.data.allocation import keep_memory
from versamammo.input.contract import InputContract
from versamammo.model.configuration import VersaMammoConfig
from versamammo.model.encoder import VersaMammoModel
from versamammo.model.onnx_graph import GRAPH, export_graph, hash_of
from versamammo.model.weights import WEIGHTS

SIDE = 2048  # of the matrices that are multiplied


def clock() -> float:
    """Return seconds: of the processor with one thread, so that others' work does not count."""
    return time.process_time() if torch.get_num_threads() == 1 else time.perf_counter()


def best_seconds(run: Callable[[], object], times: int) -> float:
    """Return the fastest of several runs after one that warms up."""
    run()
    found = []
    for _ in range(times):
        began = clock()
        run()
        found.append(clock() - began)
    return min(found)


def matrix_rate() -> float:
    """Measure float32 operations per second in a large matrix product."""
    a, b = torch.randn(SIDE, SIDE), torch.randn(SIDE, SIDE)
    return 2 * SIDE**3 / best_seconds(lambda: a @ b, 7)


def operations(encoder: VersaMammoModel, images: torch.Tensor) -> int:
    """Count multiplications and additions of one pass."""
    with FlopCounterMode(display=False) as counter:
        encoder.encode_by_torch(images)
    return counter.get_total_flops()


def ways(folder: Path, images: torch.Tensor, compiled: bool) -> dict[str, Callable[[], object]]:
    """Return every way of running the encoder in a folder, the default last."""
    plain = VersaMammoModel.from_pretrained(folder)
    # the usual order of memory, which is what a network gets that nobody looked after
    plain.backbone.to(memory_format=torch.contiguous_format)
    last = VersaMammoModel.from_pretrained(folder)
    found: dict[str, Callable[[], object]] = {
        "eager": lambda: plain.backbone(images),
        "channels_last": lambda: last.encode_by_torch(images),
    }
    if compiled:
        fast = torch.compile(last.encode_by_torch)
        found["compiled"] = lambda: fast(images)
    return found | {"default (ONNX Runtime)": lambda: last.encode(images)}


def prepared(given: argparse.Namespace, folder: Path) -> VersaMammoModel:
    """Lay an encoder with its graph into a folder, and open it."""
    if given.encoder is not None:
        shutil.copytree(given.encoder, folder)
    else:
        torch.manual_seed(0)
        contract = InputContract(size=(given.size[0], given.size[1])).to_dict()
        config = VersaMammoConfig(backbone=given.backbone, contract=contract)
        VersaMammoModel(config).eval().save_pretrained(folder)
    encoder = VersaMammoModel.from_pretrained(folder).eval()
    if not (folder / GRAPH).is_file():
        export_graph(encoder, folder / GRAPH, hash_of(folder / WEIGHTS))
    return encoder


@torch.no_grad()
def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--encoder", type=Path, default=None, help="folder of a trained one")
    parser.add_argument("--backbone", default="efficientnet_b5")
    parser.add_argument("--size", type=int, nargs=2, default=(1024, 768))
    parser.add_argument("--threads", type=int, default=torch.get_num_threads())
    parser.add_argument("--times", type=int, default=5)
    parser.add_argument("--compiled", action="store_true", help="compile too; takes minutes")
    given = parser.parse_args()
    torch.set_num_threads(given.threads)
    keep_memory()  # as commands that look at many pictures do
    rss_before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name, "encoder")
        encoder = prepared(given, folder)
        size = encoder.config.input_contract.size
        images = torch.randn(1, 1, *size)
        work, rate = operations(encoder, images), matrix_rate()
        floor = work / rate
        print(
            f"{given.encoder or given.backbone} at {size[0]} x {size[1]}, "
            f"{given.threads} thread(s): "
            f"{work / 1e9:.1f} GFLOP at {rate / 1e9:.0f} GFLOP/s, floor {floor * 1e3:.0f} ms\n"
            "\n| way | ms per image | of the floor |\n|---|---|---|"
        )
        for name, run in ways(folder, images, given.compiled).items():
            seconds = best_seconds(run, given.times)
            print(f"| {name} | {seconds * 1e3:.0f} | {seconds / floor:.2f} |", flush=True)
    held = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e6
    print(f"memory at its peak: {held:.2f} GB, {rss_before / 1e6:.2f} GB of it before any encoder")


if __name__ == "__main__":
    main()
