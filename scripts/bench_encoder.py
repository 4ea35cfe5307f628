"""Milliseconds per image of an encoder on this CPU, and how far that is from what it could be.

    python scripts/bench_encoder.py --backbone efficientnet_b5 --size 1024 768
    python scripts/bench_encoder.py --encoder models/cbis/encoder     # as it ships

The floor is the network's multiplications over the machine's measured rate of multiplying large
matrices: no way of running it can be faster. Without `--encoder` weights are random; speed does not
ask. Memory is the largest that this process held, all ways together.

`--rounds` measures floor and ways again and again, for the cores of a virtual machine may come to
lie further apart for some seconds; then medians over rounds are told, and the worst round.
"""

from __future__ import annotations

import argparse
import resource
import shutil
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch
from torch.utils.flop_counter import FlopCounterMode
from tqdm import tqdm

from versamammo.data.allocation import keep_memory
from versamammo.input.contract import InputContract
from versamammo.model.configuration import VersaMammoConfig
from versamammo.model.encoder import VersaMammoModel
from versamammo.model.onnx_graph import GRAPH, export_graph, hash_of
from versamammo.model.weights import WEIGHTS

SIDE = 2048  # of the matrices that are multiplied
TWICE = "both ways up at once, each"  # as heads look at a picture: two passes, told for one
EAGER = ("eager", "channels_last", "compiled")  # not measured again in each round


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


def matrix_rate(times: int = 7) -> float:
    """Measure float32 operations per second in a large matrix product."""
    a, b = torch.randn(SIDE, SIDE), torch.randn(SIDE, SIDE)
    return 2 * SIDE**3 / best_seconds(lambda: a @ b, times)


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
    pair = torch.cat([images, images.flip(-2)])
    return found | {
        "default (ONNX Runtime)": lambda: last.encode(images),
        TWICE: lambda: last.encode(pair),
    }


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


def in_rounds(ways: dict[str, Callable[[], object]], work: int, rounds: int, times: int) -> None:
    """Print for each way its time and its share of the floor of the same round."""
    seconds: dict[str, list[float]] = {name: [] for name in ways}
    floors = []
    for _ in tqdm(range(rounds), desc="rounds"):
        floors.append(work / matrix_rate(1))
        for name, run in ways.items():
            seconds[name].append(best_seconds(run, times) / (2 if name == TWICE else 1))
    print(
        f"{rounds} rounds; floor {np.median(floors) * 1e3:.1f} ms, at most {max(floors) * 1e3:.1f}"
    )
    print("\n| way | ms per image, median | worst round | of the floor, median | worst round |")
    print("|---|---|---|---|---|")
    for name, own in seconds.items():
        shares = np.array(own) / np.array(floors)
        print(
            f"| {name} | {np.median(own) * 1e3:.1f} | {max(own) * 1e3:.1f} | "
            f"{np.median(shares):.2f} | {max(shares):.2f} |", flush=True,
        )  # fmt: skip


@torch.no_grad()
def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--encoder", type=Path, default=None, help="folder of a trained one")
    parser.add_argument("--backbone", default="efficientnet_b5")
    parser.add_argument("--size", type=int, nargs=2, default=(1024, 768))
    parser.add_argument("--threads", type=int, default=torch.get_num_threads())
    parser.add_argument("--times", type=int, default=5)
    parser.add_argument("--rounds", type=int, default=0, help="measure so often, with the floor")
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
        known = ways(folder, images, given.compiled)
        for name, run in known.items():
            seconds = best_seconds(run, given.times) / (2 if name == TWICE else 1)
            print(f"| {name} | {seconds * 1e3:.0f} | {seconds / floor:.2f} |", flush=True)
        again = {name: run for name, run in known.items() if name not in EAGER}
        if given.rounds:
            in_rounds(again, work, given.rounds, given.times)
    held = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e6
    print(f"memory at its peak: {held:.2f} GB, {rss_before / 1e6:.2f} GB of it before any encoder")


if __name__ == "__main__":
    main()
