"""Tensors from a folder into a network: safetensors only, and every key has to fit.

A pickle runs whatever its author wrote, and a half-loaded encoder looks like a bad one; both are
refused here, with the keys at fault.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from safetensors import SafetensorError
from safetensors.torch import load_file
from torch import Tensor, nn

from versamammo.errors import InputError

WEIGHTS = "model.safetensors"
SHARDS = "model.safetensors.index.json"
PICKLES = ("*.bin", "*.pt", "*.pth", "*.ckpt", "*.pkl", "*.pickle")
SHOWN_KEYS = 6


def check_folder(folder: Path) -> None:
    """Make sure that a folder holds weights that can be read without running anything.

    Raises:
        InputError: there is no safetensors file, or only a pickle.
    """
    if (folder / WEIGHTS).is_file() or (folder / SHARDS).is_file():
        return
    pickles = sorted(file.name for kind in PICKLES for file in folder.glob(kind))
    if pickles:
        message = (
            f"holds only {', '.join(pickles)}, which can run code when opened; expected {WEIGHTS}: "
            "save it again as safetensors where it came from"
        )
        raise InputError(message, file=folder, reason="pickle")
    raise InputError(f"holds no {WEIGHTS}", file=folder, reason="missing-weights")


def read_tensors(source: Path) -> dict[str, Tensor]:
    """Read a safetensors file, or those of a folder, whole or in shards.

    Raises:
        InputError: there is none, only a pickle, or it is damaged.
    """
    if source.is_dir():
        check_folder(source)
        files = _files_of(source)
    elif source.is_file() and source.suffix == ".safetensors":
        files = [source]
    else:
        message = f"expected a folder with {WEIGHTS}, or a .safetensors file"
        raise InputError(message, file=source, reason="missing-weights")
    tensors: dict[str, Tensor] = {}
    for file in files:
        try:
            tensors.update(load_file(file))
        except (SafetensorError, OSError) as error:
            raise InputError(f"is damaged: {error}", file=file, reason="bad-weights") from error
    return tensors


def _files_of(folder: Path) -> list[Path]:
    if (folder / WEIGHTS).is_file():
        return [folder / WEIGHTS]
    index = json.loads((folder / SHARDS).read_text())
    # only names beside the index: a path that leads elsewhere is none of this folder's business
    return [folder / Path(name).name for name in sorted(set(index["weight_map"].values()))]


def fill(network: nn.Module, tensors: Mapping[str, Tensor], source: str | Path) -> None:
    """Copy tensors into a network whose keys and sizes they must match one to one.

    Raises:
        InputError: a key is missing, unexpected or of the wrong size.
    """
    own = network.state_dict()
    check_fit(
        missing=own.keys() - tensors.keys(),
        unexpected=tensors.keys() - own.keys(),
        wrong_size=[
            (key, tuple(tensors[key].shape), tuple(own[key].shape))
            for key in own.keys() & tensors.keys()
            if tensors[key].shape != own[key].shape
        ],
        source=source,
    )
    network.load_state_dict(tensors)


def load_strictly(
    load: Callable[..., Any],
    source: str | Path | None,
    arguments: Sequence[Any],
    options: Mapping[str, Any],
) -> tuple[Any, dict[str, Any]]:
    """Let transformers load a model, all of it or nothing; gives the model and its report.

    Args:
        load: `from_pretrained` of transformers, bound to the class.
        source: folder or repository; None if the options hold the tensors.
        arguments: for `load`.
        options: for `load`; what would leave weights random, or open a pickle, is refused.

    Raises:
        InputError: the weights are no safetensors, or do not match the network key by key.
    """
    lenient = {"ignore_mismatched_sizes": True, "use_safetensors": False, "weights_only": False}
    for name, value in lenient.items():
        if options.get(name) is value:
            message = f"{value} is not offered: every key has to fit, and nothing is unpickled"
            raise InputError(message, field=name, reason="bad-option")
    if source is not None and Path(source).is_dir():
        check_folder(Path(source, options.get("subfolder", "")))
    strict = {"use_safetensors": True, "ignore_mismatched_sizes": True, "output_loading_info": True}
    try:
        model, report = load(source, *arguments, **{**options, **strict})
    except SafetensorError as error:
        message = f"the weights are damaged: {error}"
        raise InputError(message, file=source, reason="bad-weights") from error
    check_fit(
        report["missing_keys"],
        report["unexpected_keys"],
        report["mismatched_keys"],
        source or "state_dict",
    )
    return model, report


def check_fit(
    missing: Iterable[str],
    unexpected: Iterable[str],
    wrong_size: Iterable[tuple[str, tuple[int, ...], tuple[int, ...]]],
    source: str | Path,
) -> None:
    """Refuse weights that do not match their network one to one.

    Args:
        missing: keys of the network that the weights lack.
        unexpected: keys of the weights that the network lacks.
        wrong_size: (key, size in the weights, size in the network).
        source: the file or folder to name.

    Raises:
        InputError: any of the three is not empty.
    """
    sizes = [f"{key} {list(found)}, expected {list(due)}" for key, found, due in wrong_size]
    faults = [
        f"{len(keys)} {word}: {_listed(keys)}"
        for word, keys in (
            ("missing", sorted(missing)),
            ("unexpected", sorted(unexpected)),
            ("of the wrong size", sorted(sizes)),
        )
        if keys
    ]
    if faults:
        message = f"the weights do not fit the network; {'; '.join(faults)}"
        raise InputError(message, file=source, field="weights", reason="weights-do-not-fit")


def _listed(keys: list[str]) -> str:
    more = len(keys) - SHOWN_KEYS
    return ", ".join(keys[:SHOWN_KEYS]) + (f" and {more} more" if more > 0 else "")
