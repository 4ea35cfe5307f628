"""The verb `export`: an encoder's folder as an ONNX graph with free batch, height and width."""

from __future__ import annotations

from pathlib import Path

import jsonargparse

from versamammo import NOTICE
from versamammo.config import command_parser


def parser() -> jsonargparse.ArgumentParser:
    """Describe the verb's arguments."""
    made = command_parser(
        description="Write an encoder as ONNX, checked against torch. Without OUT it is written "
        f"beside the weights, where `encode` uses it on a CPU. {NOTICE}"
    )
    made.add_argument("what", choices=["encoder"], help="what is exported")
    made.add_argument("folder", type=Path, help="an encoder's folder")
    made.add_argument("out", type=Path | None, nargs="?", default=None, help="OUT.onnx")
    return made


def run(args: jsonargparse.Namespace) -> int:
    """Export, compare with torch and say how far apart they are."""
    from versamammo.model.foreign import load_encoder
    from versamammo.model.onnx_graph import GRAPH, export_graph, hash_of
    from versamammo.model.weights import WEIGHTS

    encoder = load_encoder(args.folder)
    weights = args.folder / WEIGHTS
    out = args.out or args.folder / GRAPH
    worst = export_graph(encoder, out, hash_of(weights) if weights.is_file() else "")
    print(
        f"{out}\nlargest difference from torch {worst:.1e} of the largest value, any size\n{NOTICE}"
    )
    return 0
