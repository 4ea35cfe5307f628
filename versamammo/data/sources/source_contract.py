"""What every source of images must offer: find itself on disk and list its images.

A source reads tables and folder names; what the files say of themselves is added later by the
workers. Only where an archive has places or sides nowhere else does its module look into files.
One module per archive, listed in `versamammo.data.sources.SOURCES`.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

from versamammo.data.labels import UNKNOWN, Labels
from versamammo.data.quarantine import Quarantined
from versamammo.data.sources.joins import Joined
from versamammo.imaging.mammogram import Identifiers, Laterality, View


@dataclass(frozen=True)
class SourceStatement:
    """One fact as the source put it: which, in which words, and where they stand."""

    fact: str  # a numeric label, "laterality", "view" or "age"
    words: str
    where: str  # for example "labels.csv: acr"


@dataclass(frozen=True)
class ImageRecord:
    """One image of a source and all that the source says of it.

    What is None or NaN here is taken from the file itself where the file knows.

    Attributes:
        path: relative to the source root, with forward slashes.
        published_name: what published split tables call this image; None means the file's stem.
        official_split: "train", "val" or "test" where the archive itself parts its images.
        told: the source's own words beside each number, also those that became none.
        size: (H, W) that the source states; boxes of a file of another size hold elsewhere.
    """

    path: str
    identifiers: Identifiers = field(default_factory=Identifiers)
    laterality: Laterality | None = None
    view: View | None = None
    age: float = UNKNOWN
    labels: Labels = field(default_factory=Labels)
    birads_edition: str | None = None
    published_name: str | None = None
    official_split: str | None = None
    told: tuple[SourceStatement, ...] = ()
    size: tuple[int, int] | None = None


Entry = ImageRecord | Quarantined


@dataclass(frozen=True)
class SourceOptions:
    """What a caller can tell a source.

    Attributes:
        labels: a CSV whose rows describe images of the folder.
        columns: our field -> the caller's column, for names that are not recognised.
        joins: filled while images are listed, one entry for each table.
    """

    labels: Path | None = None
    columns: Mapping[str, str] = field(default_factory=dict)
    joins: list[Joined] = field(default_factory=list, compare=False)


class Source(Protocol):
    """A module (or object) that knows one layout of files."""

    @property
    def NAME(self) -> str:
        """Short name, as written in the manifest and on the command line."""

    def detect(self, root: Path) -> bool:
        """Return whether `root` looks like this source, by names alone."""

    def records(self, root: Path, options: SourceOptions) -> Iterator[Entry]:
        """List every image once, with those that cannot be used and why, in any order.

        Raises:
            InputError: the source as a whole cannot be listed.
        """
