"""How many images of each source a run learns from, and where all the others went."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from versamammo.data.sources.archives.catalogue import licence_of


@dataclass(frozen=True)
class SourceCount:
    """Images of one source in one prepared folder; found is the sum of images and left out.

    Attributes:
        source: as the manifest calls it.
        folder: its name; empty where there is only one.
        weight: how often each image is drawn, beside those of a folder with weight 1.
        found: images in the folder's manifest.
        images: that are learnt from.
        patients: whose they are; an exam or an image where the patient is unknown.
        left_out: why others are not learnt from -> how many.
    """

    source: str
    folder: str
    weight: float
    found: int
    images: int
    patients: int
    left_out: Mapping[str, int] = field(default_factory=dict)

    def __post_init__(self) -> None:
        counted = self.images + sum(self.left_out.values())
        if counted != self.found:
            raise AssertionError(f"{self.found} images were found, {counted} are accounted for")

    @property
    def licence(self) -> str:
        """Name the source's licence."""
        return licence_of(self.source)

    def to_dict(self) -> dict[str, Any]:
        """Return what `origin.json` holds."""
        return asdict(self) | {"left_out": dict(self.left_out), "licence": self.licence}

    @classmethod
    def from_dict(cls, found: Mapping[str, Any]) -> SourceCount:
        """Take a count back from `origin.json`.

        Raises:
            TypeError, KeyError: it is no such count.
        """
        return cls(**{name: found[name] for name in cls.__dataclass_fields__})

    def __str__(self) -> str:
        where = f" in {self.folder}" if self.folder else ""
        weight = f", weight {self.weight:g}" if self.weight != 1 else ""
        rest = "".join(f", {number} {why}" for why, number in self.left_out.items() if number)
        images = f"{self.images} of {self.found}" if self.left_out else str(self.images)
        return (
            f"{self.source}{where}: {self.licence}; {images} images, {self.patients} "
            f"patients{weight}{rest}"
        )


def count_sources(table: pa.Table) -> tuple[SourceCount, ...]:
    """Count the images and patients of each source in rows that are all learnt from."""
    person = pc.coalesce(table["patient_id"], table["exam_id"], table["image_id"])
    pairs = pa.table({"source": table["source"], "person": person})
    counted = pairs.group_by("source").aggregate([([], "count_all"), ("person", "count_distinct")])
    return tuple(
        SourceCount(row["source"], "", 1.0, row["count_all"], row["count_all"],
                    row["person_count_distinct"])
        for row in sorted(counted.to_pylist(), key=lambda row: str(row["source"]))
    )  # fmt: skip


def as_lines(counts: Iterable[SourceCount]) -> list[str]:
    """Write each source's count as a line, and their sum where there are several."""
    listed = list(counts)
    lines = [str(one) for one in listed]
    if len(listed) > 1:
        found, images = (sum(getattr(one, name) for one in listed) for name in ("found", "images"))
        lines.append(f"all together: {images} of {found} images")
    return lines
