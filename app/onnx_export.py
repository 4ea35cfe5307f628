"""The verb `export`: an encoder as an ONNX graph, or a model's LoRA adapter as peft reads it."""

from __future__ import annotations

from pathlib import Path

import jsonargparse

from versamammo import NOTICE
from versamammo.config import command_parser
from versamammo.errors import InputError


def parser() -> jsonargparse.ArgumentParser:
    """Describe the verb's arguments."""
    made = command_parser(
        description="Write an encoder as ONNX, checked against torch; without OUT it is written "
        "beside the weights, where `encode` uses it on a CPU. Or write the adapter of a "
        f"vision-language model as a folder that peft opens over its language model. {NOTICE}"
    )
    made.add_argument("what", choices=["encoder", "adapter"], help="what is exported")
    made.add_argument("folder", type=Path, help="of the encoder or of the vision-language model")
    made.add_argument(
        "out", type=Path | None, nargs="?", default=None,
        help="OUT.onnx; of an adapter the folder to be made",
    )  # fmt: skip
    return made


def run(args: jsonargparse.Namespace) -> int:
    """Export what is asked for; return the exit code 0.

    Raises:
        InputError: the folder cannot be exported, or an adapter is given no folder to be made.
    """
    if args.what == "encoder":
        return _export_encoder(args.folder, args.out)
    from vlm.adapter_export import export_adapter

    if args.out is None:
        message = "an adapter needs a folder to be written to"
        raise InputError(message, field="out", reason="bad-output")
    print(f"{export_adapter(args.folder, args.out)}\n{NOTICE}")
    return 0


def _export_encoder(folder: Path, out: Path | None) -> int:
    """Export, compare with torch and say how far apart they are."""
    from versamammo.model.foreign import load_encoder
    from versamammo.model.onnx_graph import GRAPH, export_graph, hash_of
    from versamammo.model.weights import WEIGHTS

    encoder = load_encoder(folder)
    weights = folder / WEIGHTS
    file = out or folder / GRAPH
    worst = export_graph(encoder, file, hash_of(weights) if weights.is_file() else "")
    print(
        f"{file}\nlargest difference from torch {worst:.1e} of the largest value, any size\n"
        f"{NOTICE}"
    )
    return 0
