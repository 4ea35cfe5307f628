"""Compares every archive's module with its twin of phantoms and prints the counts as a table.

Phantoms are not real data. Usage: twin_counts.py [--exams N] [--seed S] [--height H]
"""

from __future__ import annotations

import argparse
import tempfile
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from versamammo.data.labels import Finding, Labels
from versamammo.data.sources import SOURCES
from versamammo.data.sources.masks import read_mask
from versamammo.data.sources.source_contract import ImageRecord, SourceOptions
from versamammo.phantoms.phantom_exam import PhantomExam, make_exam
from versamammo.phantoms.phantom_settings import PhantomSettings
from versamammo.phantoms.twins import LAYOUTS, write_twin
from versamammo.phantoms.twins.twin_writer import TwinImage

HEADER = "| layout | images | labels | equal | boxes | equal | masks | equal | kept out |"


@dataclass
class Counts:
    """What was compared and how much of it was equal."""

    images: int = 0
    of: Counter[str] = field(default_factory=Counter)
    equal: Counter[str] = field(default_factory=Counter)
    refused: Counter[str] = field(default_factory=Counter)

    def row(self, layout: str) -> str:
        """Lay the counts out."""
        pairs = [f"{self.of[k]} | {self.equal[k]}" for k in ("labels", "boxes", "masks")]
        why = ", ".join(f"{reason} {n}" for reason, n in sorted(self.refused.items()))
        return f"| {layout} | {self.images} | {' | '.join(pairs)} | {why} |"


def compare(root: Path, shown: TwinImage, record: ImageRecord, counts: Counts) -> None:
    """Compare one picture's labels, boxes and masks with the truth."""
    counts.images += 1
    for name in Labels.names():
        found, true = getattr(record.labels, name), getattr(shown.labels, name)
        if found == found or true == true:
            counts.of["labels"] += 1
            counts.equal["labels"] += found == true
    found_boxes, true_boxes = places(record.labels.findings), places(shown.labels.findings)
    counts.of["boxes"] += max(found_boxes.total(), true_boxes.total())
    counts.equal["boxes"] += (found_boxes & true_boxes).total()
    high, wide = shown.view.pixels.shape
    for finding, true_mask in zip(record.labels.findings, shown.masks, strict=False):
        counts.of["masks"] += 1
        mask = read_mask(root, finding.mask or "", (high, wide))
        counts.equal["masks"] += bool(np.array_equal(mask, true_mask))


def places(findings: Sequence[Finding]) -> Counter[tuple[str, object]]:
    return Counter((finding.kind, finding.box) for finding in findings)


def rehearse(layout: str, settings: PhantomSettings, exams: Sequence[PhantomExam]) -> Counts:
    """Write one twin, read it and compare."""
    counts = Counts()
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder) / layout
        shown = {one.path: one for one in write_twin(root, layout, settings, exams)}
        source = SOURCES[layout.removesuffix("-jpeg")]
        for entry in source.records(root, SourceOptions()):
            if isinstance(entry, ImageRecord):
                compare(root, shown.pop(entry.path), entry, counts)
            else:
                counts.refused[entry.reason] += 1
        counts.of["labels"] += len(shown)  # pictures that were not listed count as wrong
    return counts


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--exams", type=int, default=24)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--height", type=int, default=256)
    args = parser.parse_args()
    settings = PhantomSettings(
        exams=args.exams, seed=args.seed, height=args.height, dates=2, lesion_rate=0.8,
        malignant_share=0.5,
    )  # fmt: skip
    exams = [make_exam(settings, index) for index in range(settings.exams)]
    print(HEADER)
    print("|" + "---|" * (HEADER.count("|") - 1))
    for layout in LAYOUTS:
        print(rehearse(layout, settings, exams).row(layout))


if __name__ == "__main__":
    main()
