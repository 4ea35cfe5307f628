"""Tensors from a folder into a network: safetensors only, and every key has to fit.

A pickle runs whatever its author wrote, and a half-loaded encoder looks like a bad one; both are
refused here, with the keys at fault.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from safetensors import SafetensorError
from safetensors.torch import load_file
from torch import Tensor, nn

from versamammo.errors import InputError
from versamammo.files import parse_json

WEIGHTS = "model.safetensors"
SHARDS = "model.safetensors.index.json"
PICKLES = ("*.bin", "*.pt", "*.pth", "*.ckpt", "*.pkl", "*.pickle")
SHOWN_KEYS = 6
# what transformers, timm and torch raise at a config with a number for a word, or without a key
_MISTYPED = (
    OSError, LookupError, TypeError, AttributeError, ValueError, ArithmeticError, RuntimeError,
)  # fmt: skip


def check_folder(folder: Path) -> None:
    """Make sure that a folder holds weights that can be read without running anything.

    Raises:
        InputError: there is no safetensors file, or only a pickle, or a JSON file of the folder
            is damaged or names weights outside it.
    """
    for file in sorted(folder.glob("*.json")):
        read_config(file) if file.name.endswith("config.json") else _read_json(file)
    if (folder / WEIGHTS).is_file():
        return
    if (folder / SHARDS).is_file():
        weight_files(folder)
        return
    pickles = sorted(file.name for kind in PICKLES for file in folder.glob(kind))
    if pickles:
        message = (
            f"holds only {', '.join(pickles)}, which can run code when opened; expected {WEIGHTS}: "
            "save it again as safetensors where it came from"
        )
        raise InputError(message, file=folder, reason="pickle")
    raise InputError(f"holds no {WEIGHTS}", file=folder, reason="missing-weights")


def read_config(file: Path) -> dict[str, Any]:
    """Read one of a model folder's JSON files.

    Raises:
        InputError: it cannot be read, or is no JSON object.
    """
    described = _read_json(file)
    if not isinstance(described, dict):
        raise InputError("is no JSON object", file=file, reason="bad-config")
    return described


def _read_json(file: Path) -> Any:
    try:
        return parse_json(file.read_text(encoding="utf-8"))
    except OSError as error:
        message = f"cannot be opened: {error.strerror}"
        raise InputError(message, file=file, reason="unreadable") from error
    except ValueError as error:
        raise InputError(f"is no JSON: {error}", file=file, reason="bad-config") from error


@contextmanager
def opening(source: str | Path | None) -> Iterator[None]:
    """Name the model in whatever transformers raises while it opens one."""
    try:
        yield
    except InputError:
        raise
    except SafetensorError as error:
        message = f"the weights are damaged: {error}"
        raise InputError(message, file=source, reason="bad-weights") from error
    except _MISTYPED as error:
        said = " ".join(str(error).split())[:300]
        how = "" if isinstance(error, OSError) else " as its config.json describes it"
        message = f"cannot be opened{how}: {said}"
        raise InputError(message, file=source, reason="bad-config") from error


def read_tensors(source: Path) -> dict[str, Tensor]:
    """Read a safetensors file, or those of a folder, whole or in shards.

    Raises:
        InputError: there is none, only a pickle, or it is damaged.
    """
    if source.is_dir():
        check_folder(source)
        files = weight_files(source)
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


def weight_files(folder: Path) -> list[Path]:
    """Return the safetensors files of a folder's weights.

    Raises:
        InputError: the index of shards is damaged, or names what is not there.
    """
    if (folder / WEIGHTS).is_file():
        return [folder / WEIGHTS]
    index = folder / SHARDS
    places = read_config(index).get("weight_map")
    if not isinstance(places, dict) or not places:
        message = "expected an object of weights and the files that hold them"
        raise InputError(message, file=index, field="weight_map", reason="bad-weights")
    for name in places.values():
        if not isinstance(name, str) or not re.fullmatch(r"[\w.-]+\.safetensors", name):
            message = f"{name!r} is not the name of a .safetensors file in the same folder"
            raise InputError(message, file=index, field="weight_map", reason="outside-folder")
        if not (folder / name).is_file():
            message = f"{name} is not there"
            raise InputError(message, file=index, field="weight_map", reason="missing-weights")
    return [folder / name for name in sorted(set(places.values()))]


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
    with opening(source):
        model, report = load(source, *arguments, **{**options, **strict})
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
