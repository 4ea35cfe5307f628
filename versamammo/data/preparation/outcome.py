"""What became of one file: the facts learned from it, or the reason it cannot be used."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from versamammo.data.quarantine import PASSING, Quarantined
from versamammo.errors import InputError
from versamammo.imaging.breast.chest_wall import Side


@dataclass(frozen=True)
class FileFacts:
    """What a file says of itself and where its picture lies in the cache.

    Names nothing of the path, so that equal bytes give equal facts wherever they lie. Places are
    in pixels of the file as stored.

    Attributes:
        content_key: hash of the file's bytes and the settings; names the cached picture.
        cached_bytes: size of the cached picture, by which a damaged one is known.
        crop: `versamammo.input.preprocess.Crop` as a mapping.
    """

    content_key: str
    cached_bytes: int
    patient_id: str | None
    exam_id: str | None
    image_id: str | None
    accession: str | None
    exam_date: str | None
    laterality: str | None
    laterality_source: str | None
    view: str | None
    view_source: str | None
    modifiers: tuple[str, ...]
    vendor: str | None
    model: str | None
    age: float | None
    rows: int
    columns: int
    bits: int
    spacing_mm: tuple[float, float] | None
    chest_wall: Side
    crop: Mapping[str, Any]
    breast_box: tuple[float, float, float, float]
    warnings: tuple[str, ...]

    @classmethod
    def from_json(cls, found: Mapping[str, Any]) -> FileFacts:
        """Take the facts back from JSON types, where tuples have become lists.

        Raises:
            TypeError: a fact is missing or unknown.
        """
        plain: dict[str, Any] = {
            name: tuple(value) if isinstance(value, list) else value
            for name, value in found.items()
        }
        return cls(**plain)


@dataclass(frozen=True)
class Failure:
    """Why a file cannot be used.

    Attributes:
        ours: an error of this program rather than of the file.
        trace: where it happened, if it is ours.
    """

    reason: str
    message: str
    field: str = ""
    ours: bool = False
    trace: str = ""

    @property
    def final(self) -> bool:
        """Whether the same file will fail again."""
        return self.reason not in PASSING

    @classmethod
    def because(cls, error: InputError) -> Failure:
        """Keep an error of one file as its reason."""
        return cls(error.reason, error.message, error.field or "")

    def at(self, path: str) -> Quarantined:
        """Put the file of this name into quarantine."""
        return Quarantined(path, self.field, self.reason, self.message)


Outcome = FileFacts | Failure
