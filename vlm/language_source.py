"""Which language model a vision-language model was trained on: one exact source, told by its bytes.

A source is a Python package that carries the weights, a folder, or a repository of the hub. A
vision-language model keeps its name and the hash of its weights; another one is refused.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Literal, get_args

from huggingface_hub import snapshot_download
from huggingface_hub.errors import HfHubHTTPError, HFValidationError, LocalEntryNotFoundError

from versamammo.errors import InputError
from versamammo.files import parse_json
from versamammo.model.weights import check_folder, weight_files
from vlm.language_package import converted, installed_version

Kind = Literal["package", "folder", "hub"]
PACKAGE = "package:"  # what stands before the name of a package on a command line
_AT_ONCE = 1 << 24  # bytes
_LONGEST_HEADER = 100_000_000  # bytes, as safetensors allows
_FETCHED = ["*.json", "*.safetensors", "*.txt", "*.model", "*.jinja"]

# Hashes of weights that may stand in for those a model was trained on, because answers with both
# were measured and agree: {trained on: {others}}. Nothing has been measured so far.
EQUAL_ENOUGH: Mapping[str, frozenset[str]] = {}


@dataclass(frozen=True)
class LanguageModelSource:
    """Where the weights of a language model lie, and what they are.

    Attributes:
        kind: `package`, `folder` or `hub`.
        name: of the package or repository, or the folder's path.
        version: of the package, or the repository's commit; empty for a folder.
        content: `weights_content` of its weights.
    """

    kind: Kind
    name: str
    version: str
    content: str

    def __str__(self) -> str:
        """Name it for people."""
        return f"{self.name} {self.version}".strip()

    def to_dict(self) -> dict[str, str]:
        """Return plain values, as a config keeps them."""
        return asdict(self)

    @classmethod
    def from_dict(cls, given: Any) -> LanguageModelSource:
        """Read what `to_dict` wrote.

        Raises:
            InputError: a value is missing, unknown or no text.
        """
        names = ("kind", "name", "version", "content")
        good = isinstance(given, Mapping) and set(given) == set(names)
        if not good or not all(isinstance(given[name], str) for name in names):
            message = f"expected {', '.join(names)} as texts, found {given!r}"
            raise InputError(message, field="language", reason="bad-config")
        if given["kind"] not in get_args(Kind):
            message = f"unknown kind {given['kind']!r}; expected one of {', '.join(get_args(Kind))}"
            raise InputError(message, field="language", reason="bad-config")
        return cls(**given)


def locate(named: str | Path) -> tuple[LanguageModelSource, Path]:
    """Find a language model by `package:NAME`, folder, or name on the hub.

    Returns:
        The source with the hash of its weights, and the folder in which it can be opened.

    Raises:
        InputError: it is not there, or holds no safetensors.
    """
    text = str(named)
    if text.startswith(PACKAGE):
        name = text.removeprefix(PACKAGE)
        version, folder = installed_version(name), converted(name)
        return LanguageModelSource("package", name, version, weights_content(folder)), folder
    if Path(named).is_dir():
        folder = Path(named)
        return LanguageModelSource("folder", str(folder.resolve()), "", _checked(folder)), folder
    name, _, revision = text.partition("@")
    folder = _fetched(name, revision or None)
    return LanguageModelSource("hub", name, folder.name, _checked(folder)), folder


def resolve(source: LanguageModelSource) -> Path:
    """Return the folder of a language model, its weights compared with what they should be.

    Raises:
        InputError: it is not there, is of another version, or its weights are others.
    """
    if source.kind == "package":
        folder = _of_package(source)
    elif source.kind == "folder":
        folder = Path(source.name)
        if not folder.is_dir():
            message = (
                f"the language model of sha256 {source.content} is not there; bring the folder "
                "back, or use the model that `vlm/merge.py` made, which holds everything"
            )
            raise InputError(message, file=folder, field="language", reason="missing-language")
    else:
        folder = _fetched(source.name, source.version)
    check_content(folder, source)
    return folder


def check_content(folder: Path, source: LanguageModelSource) -> None:
    """Refuse a folder whose weights are not those of a source.

    Raises:
        InputError: they are others, and not listed as equal enough.
    """
    found = _checked(folder)
    if found == source.content or found in EQUAL_ENOUGH.get(source.content, frozenset()):
        return
    message = (
        f"the weights hash to sha256 {found}; this model was trained on {source} with sha256 "
        f"{source.content}, and no other is known to answer alike"
    )
    if source.kind == "package":
        message += "; delete this folder to have it made again from the package"
    file = weight_files(folder)[0]
    raise InputError(message, file=file, field="language", reason="other-language")


def weights_content(folder: Path) -> str:
    """Name the weights of a folder: sha256 over names, types, shapes and bytes of all tensors.

    How they are spread over files, and what else the files say, makes no difference.

    Raises:
        InputError: a file is no safetensors file.
    """
    digest = hashlib.sha256()
    for name, file, entry, start in sorted(_tensors(folder), key=lambda one: one[0]):
        digest.update(f"{name} {entry['dtype']} {entry['shape']}\n".encode())
        begin, end = entry["data_offsets"]
        with file.open("rb") as stream:
            stream.seek(start + begin)
            for left in range(end - begin, 0, -_AT_ONCE):
                digest.update(stream.read(min(left, _AT_ONCE)))
    return digest.hexdigest()


def _tensors(folder: Path) -> Iterator[tuple[str, Path, dict[str, Any], int]]:
    """Yield name, file, description and where the file's bytes of tensors begin."""
    for file in weight_files(folder):
        try:
            with file.open("rb") as stream:
                length = int.from_bytes(stream.read(8), "little")
                header = parse_json(stream.read(min(length, _LONGEST_HEADER)))
            entries = [(str(n), file, dict(e), 8 + length) for n, e in header.items()]
        except (OSError, ValueError, TypeError, AttributeError) as error:
            raise InputError(f"is damaged: {error}", file=file, reason="bad-weights") from error
        yield from (one for one in entries if one[0] != "__metadata__")


def _checked(folder: Path) -> str:
    check_folder(folder)
    return weights_content(folder)


def _of_package(source: LanguageModelSource) -> Path:
    version = installed_version(source.name)
    if version != source.version:
        message = (
            f"version {version} is installed; this model was trained on version {source.version}, "
            f"whose weights hash to sha256 {source.content}"
        )
        raise InputError(message, file=source.name, field="language", reason="other-language")
    return converted(source.name)


def _fetched(name: str, revision: str | None) -> Path:
    try:
        return Path(snapshot_download(name, revision=revision, allow_patterns=_FETCHED))
    except (HfHubHTTPError, HFValidationError, LocalEntryNotFoundError, OSError) as error:
        message = (
            f"cannot be opened: neither a folder nor a repository that can be had now: {error}"
        )
        raise InputError(message, file=name, field="language", reason="missing-language") from error
