"""Whose images a run learns from, as its folder says."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from versamammo.data.dataset import Archive
from versamammo.data.licence_filter import sources_in_words
from versamammo.data.source_counts import SourceCount
from versamammo.errors import InputError
from versamammo.files import parse_json

ORIGIN = "origin.json"


@dataclass(frozen=True)
class Inherited:
    """What weights that a run begins from, or is taught by, were made from.

    Attributes:
        sources: datasets that they have learnt from.
        foreign: names of those that do not say so.
    """

    sources: tuple[str, ...] = ()
    foreign: tuple[str, ...] = ()

    def __add__(self, other: Inherited) -> Inherited:
        return Inherited(self.sources + other.sources, self.foreign + other.foreign)

    @classmethod
    def of(cls, training: Mapping[str, Any], name: str) -> Inherited:
        """Read the record in an encoder's config; without sources its name is foreign."""
        sources, foreign = (tuple(training.get(key, ())) for key in ("sources", "foreign"))
        return cls(sources, foreign if sources else (*foreign, name))


NOTHING = Inherited()


def origin_of(archive: Archive, inherited: Inherited) -> dict[str, Any]:
    """Return what the folder of a run says of its data, and by which command it began.

    Args:
        archive: the images.
        inherited: what a teacher or an earlier training has learnt from.
    """
    found = {"data": archive.digest, "images": len(archive), "sources": archive.sources}
    found["counts"] = [count.to_dict() for count in archive.counts]
    found |= {"inherited": sorted(set(inherited.sources))} if inherited.sources else {}
    found |= {"foreign": sorted(set(inherited.foreign))} if inherited.foreign else {}
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


def made_of(origin: Mapping[str, Any]) -> str:
    """Write for a card whose images weights were made from, those of a teacher among them."""
    named = (*origin["sources"], *origin.get("inherited", ()))
    words = sources_in_words(named, counts_in(origin))
    if foreign := origin.get("foreign"):
        words += (
            f"\n\nThey began from, or were taught by, weights of others ({', '.join(foreign)}), "
            "which do not say whose images they were made from."
        )
    return words
