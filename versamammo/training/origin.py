"""Whose images a run learns from, as its folder says."""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from versamammo.data.dataset import Archive
from versamammo.data.source_counts import SourceCount
from versamammo.errors import InputError
from versamammo.files import parse_json

ORIGIN = "origin.json"


def origin_of(archive: Archive, inherited: Sequence[str]) -> dict[str, Any]:
    """Return what the folder of a run says of its data, and by which command it began.

    Args:
        archive: the images.
        inherited: sources that a teacher or an earlier training has learnt from.
    """
    found = {"data": archive.digest, "images": len(archive), "sources": archive.sources}
    found["counts"] = [count.to_dict() for count in archive.counts]
    found |= {"inherited": sorted(inherited)} if inherited else {}
    return {**found, "command": sys.argv}


def read_origin(folder: Path) -> dict[str, Any]:
    """Return what `origin_of` wrote into a run's folder.

    Raises:
        InputError: the file is missing or damaged.
    """
    file = folder / ORIGIN
    try:
        found: dict[str, Any] = parse_json(file.read_text())
        if {"data", "sources", "command"} <= found.keys():
            return found
        problem = "data, sources or command is missing"
    except (OSError, ValueError, AttributeError) as error:
        problem = str(error)
    message = (
        f"is damaged ({problem}): nothing says which images the run learnt from; bring it back "
        f"from a copy, or delete the folder {folder.name} and begin again"
    )
    raise InputError(message, file=file, reason="damaged-run")


def counts_in(origin: Mapping[str, Any]) -> tuple[SourceCount, ...]:
    """Return how many images of each source a run learns from; runs of earlier versions say none.

    Raises:
        InputError: the counts are damaged.
    """
    try:
        return tuple(map(SourceCount.from_dict, origin.get("counts", ())))
    except (TypeError, KeyError, AttributeError, AssertionError) as error:
        message = f"is damaged ({error})"
        raise InputError(message, file=ORIGIN, field="counts", reason="damaged-run") from error


def images_in(origin: Mapping[str, Any]) -> dict[str, int]:
    """Return how many images of each source a run learns from, of all folders together."""
    images: dict[str, int] = {}
    for count in counts_in(origin):
        images[count.source] = images.get(count.source, 0) + count.images
    return images
