"""A prepared archive as a sequence of mammograms: manifest rows in, 16-bit levels out.

Rows stay in one Arrow table, which processes share instead of copying, and become `Picture`s one
at a time.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from versamammo.data.arrow_mmap import chosen_rows
from versamammo.data.cache import read_levels
from versamammo.data.labels import Finding, Labels
from versamammo.data.licence_filter import keep_shareable
from versamammo.data.manifest import read_manifest
from versamammo.data.preparation.output_folder import MANIFEST
from versamammo.data.source_counts import SourceCount, count_sources
from versamammo.data.weighted_folders import Stretch
from versamammo.errors import InputError
from versamammo.imaging.mammogram import Box
from versamammo.input.geometry import Crop

COLUMNS = (
    *("image_id", "source", "cache_path", "content_key", "patient_id", "exam_id"),
    *("laterality", "view", "spacing_mm", "crop", "split", "findings", *Labels.names()),
)


@dataclass(frozen=True)
class Picture:
    """One prepared mammogram, chest wall on the left.

    Attributes:
        file: its 16-bit levels.
        crop: from the stored file to these levels and back.
        spacing_mm: (between rows, between columns) of the levels, or None if unknown.
        patient: who it is of; the exam or the image itself where the patient is unknown.
    """

    image_id: str
    file: Path
    crop: Crop
    spacing_mm: tuple[float, float] | None
    patient: str
    laterality: str | None
    view: str | None
    labels: Labels

    def levels(self, rows: slice | None = None) -> NDArray[np.uint16]:
        """Read levels [h, w], or only some rows of them.

        Raises:
            InputError: the file is missing or damaged.
        """
        return read_levels(self.file, rows)


class Archive:
    """What `versamammo prepare` made, or some of its splits.

    Attributes:
        folder: with the manifest and the cache.
        table: the manifest's rows.
    """

    def __init__(self, folder: Path, table: pa.Table) -> None:
        self.folder = folder
        self.table = table

    @classmethod
    def open(cls, folder: Path, splits: Sequence[str], *, shareable: bool = False) -> Archive:
        """Open the images of some splits, in the manifest's order.

        Args:
            folder: with the manifest and the cache.
            splits: of these.
            shareable: only of sources whose terms let weights made from them be passed on.

        Raises:
            InputError: there is no manifest, or it has no image of these splits, or none that is
                shareable.
        """
        where = pc.field("split").isin(list(splits))
        found = read_manifest(folder, ["source"], filters=where)
        if not found.num_rows:
            message = f"no image is in the splits {', '.join(splits)}"
            raise InputError(message, file=folder, field="split", reason="empty-split")
        if shareable:
            _, terms = keep_shareable(found)
            where &= pc.field("source").isin(list(terms.kept))
        return cls(folder, chosen_rows(folder / MANIFEST, COLUMNS, where))

    def __len__(self) -> int:
        return int(self.table.num_rows)

    def __getitem__(self, index: int) -> Picture:
        if not 0 <= index < len(self):
            raise IndexError(f"image {index} of {len(self)}")
        return picture_of(self.table.slice(index, 1).to_pylist()[0], self.folder)

    def __iter__(self) -> Iterator[Picture]:
        return (self[index] for index in range(len(self)))

    @property
    def sources(self) -> list[str]:
        """Names of the sources the images came from."""
        return sorted(self.table.column("source").unique().to_pylist())

    @property
    def parts(self) -> tuple[Archive, ...]:
        """The images folder by folder, in their order; here all in one."""
        return (self,)

    @property
    def stretches(self) -> tuple[Stretch, ...]:
        """How many images each folder has, and how often they are drawn."""
        return (Stretch(len(self)),)

    @property
    def weights(self) -> NDArray[np.float64]:
        """How often each image is drawn [n], beside those of a folder with weight 1."""
        sizes, weights = zip(*self.stretches, strict=True)
        return np.repeat(np.array(weights, np.float64), sizes)

    @property
    def counts(self) -> tuple[SourceCount, ...]:
        """How many images and patients of each source are here."""
        return count_sources(self.table)

    @property
    def digest(self) -> str:
        """Hash of which images are here, with what content and in which split."""
        text = hashlib.sha256()
        for column in ("image_id", "content_key", "split"):
            for chunk in self.table.column(column).iterchunks():
                for value in chunk.to_pylist():
                    text.update(f"{value}\0".encode())
        return text.hexdigest()[:16]


def picture_of(row: Mapping[str, Any], folder: Path) -> Picture:
    """Turn one row of a manifest into a picture."""
    crop = Crop.from_dict(row["crop"])
    spacing = row["spacing_mm"]
    stored = None if spacing is None else (spacing["row"], spacing["column"])
    known = {name: float(row[name]) for name in Labels.names()}
    return Picture(
        image_id=row["image_id"],
        file=folder / row["cache_path"],
        crop=crop,
        spacing_mm=crop.spacing_to_input(stored),
        patient=row["patient_id"] or row["exam_id"] or row["image_id"],
        laterality=row["laterality"],
        view=row["view"],
        labels=Labels(**known, findings=tuple(_finding(one) for one in row["findings"] or ())),
    )


def _finding(record: Mapping[str, Any]) -> Finding:
    box = record["box"]
    return Finding(**{**record, "box": None if box is None else Box(**box)})
