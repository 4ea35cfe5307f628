"""Finds the source that a caller means and lists its images."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from versamammo.data.quarantine import Quarantined
from versamammo.data.sources import SOURCES
from versamammo.data.sources.joins import Joined
from versamammo.data.sources.source_contract import ImageRecord, Source, SourceOptions
from versamammo.data.sources.walking import check_root
from versamammo.errors import InputError


@dataclass(frozen=True)
class Opened:
    """A source, where its files lie (a full path), and what the caller adds to it."""

    source: Source
    root: Path
    options: SourceOptions


@dataclass(frozen=True)
class Listing:
    """The images of a source, in order of their paths, and what cannot be used.

    Attributes:
        found: files that the source names or holds, before any limit.
        joins: how many rows of its tables met a picture, before any limit.
    """

    records: tuple[ImageRecord, ...]
    refused: tuple[Quarantined, ...]
    found: int
    joins: tuple[Joined, ...] = ()


def open_source(
    choice: str, root: Path | None, labels: Path | None, columns: Mapping[str, str]
) -> Opened:
    """Take a path, or a source's name together with `root`, and find who can list it.

    Raises:
        InputError: there is no such path, no such source, or nobody knows what to do with it.
    """
    place = Path(choice)
    options = SourceOptions(labels, columns)
    if choice in SOURCES and (root is not None or not place.exists()):
        if root is None:
            raise InputError(
                f"{choice!r} is the name of a source and needs to know where its files lie",
                field="--root", reason="missing-option",
            )  # fmt: skip
        check_root(root)
        return Opened(SOURCES[choice], root.resolve(), options)
    if not place.exists():
        raise InputError(
            "no such file or folder; SOURCE is a folder, a CSV file or one of "
            f"{', '.join(SOURCES)} with --root",
            file=place, field="source", reason="missing-folder",
        )  # fmt: skip
    source = next((known for known in SOURCES.values() if known.detect(place)), None)
    if source is None:
        raise InputError(
            "expected a folder or a CSV file", file=place, field="source", reason="not-a-source"
        )
    if place.is_file():
        if labels is not None:
            raise InputError(
                "SOURCE is already a table", field="--labels", reason="conflicting-options"
            )
        return Opened(source, (root or place.parent).resolve(), SourceOptions(place, columns))
    if root is not None and root.resolve() != place.resolve():
        raise InputError("SOURCE is already a folder", field="--root", reason="conflicting-options")
    return Opened(source, place.resolve(), options)


def list_images(opened: Opened, limit: int | None = None) -> Listing:
    """List a source's images in order of their paths, at most the first `limit` files.

    Raises:
        InputError: the source cannot be listed or holds no file.
    """
    entries = sorted(
        opened.source.records(opened.root, opened.options), key=lambda entry: entry.path
    )
    if not any(isinstance(entry, ImageRecord) for entry in entries):
        raise InputError(
            f"holds no mammogram: {len(entries)} files, {first_reason(entries)}",
            file=opened.root, field="source", reason="empty-folder",
        )  # fmt: skip
    kept = entries[:limit]
    return Listing(
        tuple(entry for entry in kept if isinstance(entry, ImageRecord)),
        tuple(entry for entry in kept if isinstance(entry, Quarantined)),
        len(entries),
        tuple(opened.options.joins),
    )


def first_reason(entries: Sequence[ImageRecord | Quarantined]) -> str:
    """Return why the first of several files is of no use."""
    first = next((entry for entry in entries if isinstance(entry, Quarantined)), None)
    return "none at all" if first is None else f"for example {first.path}: {first.message}"


def check_apart(root: Path, out: Path) -> None:
    """Refuse to write into the source, or to read from what is being written.

    Raises:
        InputError: one of the folders lies within the other.
    """
    source, target = root, out.resolve()
    if target.is_relative_to(source):
        raise InputError(
            "lies within the source, which is never written to; choose a folder beside it",
            file=out, field="--out", reason="out-in-source",
        )  # fmt: skip
    if source.is_relative_to(target):
        raise InputError(
            "holds the source; choose a folder beside it",
            file=out, field="--out", reason="source-in-out",
        )  # fmt: skip
