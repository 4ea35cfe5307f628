"""The time and space that a preparation will take, from a sample of its files."""

from __future__ import annotations

import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from versamammo.data.preparation.listing import Listing
from versamammo.data.preparation.outcome import FileFacts
from versamammo.data.preparation.worker import FileTask, Job, Recipe, prepare_file
from versamammo.data.sources.frame_paths import parted
from versamammo.data.sources.source_contract import ImageRecord

SAMPLE = 32  # files, spread evenly over the listing


@dataclass(frozen=True)
class Plan:
    """What was seen of a sample, and what the whole would take.

    Attributes:
        images: that would be prepared.
        seconds: of one core per image.
        cached_bytes: per image, in the cache.
        source_bytes: per image, to be read.
        refused: of the sample, files that could not be used.
    """

    images: int
    sampled: int
    refused: int
    seconds: float
    cached_bytes: float
    source_bytes: float

    def hours(self, workers: int) -> float:
        """Estimate the hours on so many cores."""
        return self.images * self.seconds / workers / 3600

    def of(self, images: int) -> Plan:
        """Reckon the same for another number of images."""
        return replace(self, images=images)

    def as_text(self, workers: int) -> str:
        """Lay the estimate out for a terminal."""
        return "\n".join(
            [
                f"images    {self.images:>12,}   (sampled {self.sampled}, refused {self.refused})",
                f"to read   {amount(self.source_bytes * self.images)}",
                f"cache     {amount(self.cached_bytes * self.images)}",
                f"time      {self.hours(workers):>12,.3f} hours on {workers} cores, "
                f"{self.seconds * 1000:.0f} ms an image and core",
            ]
        )


def amount(size: float) -> str:
    """Spell bytes, of a small archive in MB."""
    return f"{size / 1e9:>12,.2f} GB" if size >= 1e8 else f"{size / 1e6:>12,.2f} MB"


def make_plan(root: Path, listing: Listing, recipe: Recipe) -> Plan:
    """Prepare a sample in a folder that is thrown away, and reckon from it."""
    chosen = spread(listing.records)
    spent, cached, read, refused = 0.0, 0, 0, 0
    with tempfile.TemporaryDirectory() as folder:
        job = Job(root, Path(folder), recipe)
        if chosen:  # the first file pays for imports and tables, so it is done twice
            prepare_file(job, FileTask(chosen[0].path))
        for record in chosen:
            began = time.perf_counter()
            outcome = prepare_file(job, FileTask(record.path))
            spent += time.perf_counter() - began
            read += (root / parted(record.path)[0]).stat().st_size
            if isinstance(outcome, FileFacts):
                cached += outcome.cached_bytes
            else:
                refused += 1
    share = max(1, len(chosen))
    return Plan(
        len(listing.records), len(chosen), refused, spent / share, cached / share, read / share
    )


def spread(records: Sequence[ImageRecord]) -> list[ImageRecord]:
    """Choose up to `SAMPLE` records, evenly over the listing, which is in order of paths."""
    count = min(SAMPLE, len(records))
    return [records[index * len(records) // count] for index in range(count)]
