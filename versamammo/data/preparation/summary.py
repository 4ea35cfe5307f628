"""What a run did, as a small table and as `summary.json`; the counts add up."""

from __future__ import annotations

import hashlib
import importlib.metadata
import json
import platform
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from versamammo import __version__
from versamammo.data.preparation.manifest_rows import Assembled
from versamammo.data.preparation.output_folder import MANIFEST, QUARANTINE
from versamammo.data.quarantine import DUPLICATE, NOT_AN_IMAGE, Quarantined

DECODING = ("numpy", "opencv-python-headless", "pydicom", "imagecodecs", "tifffile", "pyarrow")
SHOWN = 8  # messages about single files on the terminal; all are in quarantine.csv


@dataclass(frozen=True)
class Counts:
    """Where every file went; found is the sum of the others."""

    found: int
    prepared: int
    quarantined: int
    duplicates: int
    not_images: int

    def __post_init__(self) -> None:
        parts = self.prepared + self.quarantined + self.duplicates + self.not_images
        if parts != self.found:
            raise AssertionError(f"{self.found} files were found, but {parts} are accounted for")


def count(assembled: Assembled, found: int) -> Counts:
    """Count where every file went."""
    reasons = Counter(entry.reason for entry in assembled.refused)
    apart = reasons[DUPLICATE] + reasons[NOT_AN_IMAGE]
    return Counts(
        found=found,
        prepared=len(assembled.rows),
        quarantined=len(assembled.refused) - apart,
        duplicates=reasons[DUPLICATE],
        not_images=reasons[NOT_AN_IMAGE],
    )


def summarise(
    out: Path, assembled: Assembled, counts: Counts, settings: Mapping[str, Any]
) -> dict[str, Any]:
    """Build `summary.json`: nothing in it depends on time, place, workers or engine."""
    given = assembled.given
    return {
        "counts": asdict(counts),
        "reasons": dict(sorted(Counter(entry.reason for entry in assembled.refused).items())),
        "joins": [asdict(joined) for joined in assembled.joins],
        "patients_in_doubt": list(assembled.doubts),
        "splits": split_counts(assembled),
        "leakage": None if given is None else [asdict(leak) for leak in given.leaks],
        "without_patient_id": assembled.unowned,
        "doubtful_patients": len(assembled.doubtful),
        "official_splits": assembled.official,
        "unmapped": [
            {"fact": fact, "word": word, "images": number}
            for (fact, word), number in assembled.unmapped.items()
        ],
        "settings": dict(settings),
        "versions": {"versamammo": __version__, "python": platform.python_version()}
        | {name: importlib.metadata.version(name) for name in DECODING},
        "sha256": {
            name: hashlib.sha256((out / name).read_bytes()).hexdigest()
            for name in (MANIFEST, QUARANTINE)
        },
    }


def split_counts(assembled: Assembled) -> dict[str, int]:
    """Count the images in each split."""
    return dict(sorted(Counter(row["split"] or "none" for row in assembled.rows).items()))


def as_bytes(summary: Mapping[str, Any]) -> bytes:
    """Write the summary as the file's bytes."""
    return (json.dumps(summary, indent=2, sort_keys=True) + "\n").encode()


def as_text(assembled: Assembled, counts: Counts, limit_of: int | None) -> str:
    """Lay the counts out for a terminal."""
    reasons = Counter(entry.reason for entry in serious(assembled.refused))
    why = ", ".join(f"{reason} {number}" for reason, number in sorted(reasons.items()))
    splits = ", ".join(f"{name} {number}" for name, number in split_counts(assembled).items())
    lines = [
        f"found        {counts.found:>8}" + (f"   (of {limit_of})" if limit_of else ""),
        f"prepared     {counts.prepared:>8}   {splits}",
        f"quarantined  {counts.quarantined:>8}   {why}",
        f"duplicates   {counts.duplicates:>8}",
        f"not images   {counts.not_images:>8}",
    ]
    return "\n".join(line.rstrip() for line in [*lines, *remarks(assembled)])


def remarks(assembled: Assembled) -> list[str]:
    """Return what a careful user should know of patients and splits."""
    said = [joined.as_text() for joined in assembled.joins]
    said += assembled.doubts
    if assembled.unowned and assembled.given is None:
        said.append(
            f"{assembled.unowned} images have no patient id: each exam, or each image without one, "
            "was taken as a patient of its own (--labels with a column patient_id mends that)"
        )
    if assembled.doubtful:
        said.append(
            f"{len(assembled.doubtful)} patient ids have ages and exam dates that no one person has"
        )
    said += unmapped_words(assembled)
    if (given := assembled.given) is not None:
        said.append(
            f"given splits: {given.unnamed} images are not in the table, "
            f"{given.unmatched} of its names match no image"
        )
        said += [f"leakage: {leak}" for leak in given.leaks]
    return said


def unmapped_words(assembled: Assembled) -> list[str]:
    """List the words that became no number, the most frequent of each fact."""
    found: dict[str, list[tuple[int, str]]] = {}
    for (fact, word), number in assembled.unmapped.items():
        found.setdefault(fact, []).append((-number, word))
    return [
        f"no number for {fact}: "
        + ", ".join(f"{word!r} {-number}" for number, word in sorted(words)[:SHOWN])
        + (f" and {len(words) - SHOWN} more words, in summary.json" if len(words) > SHOWN else "")
        for fact, words in found.items()
    ]


def worst(refused: Sequence[Quarantined]) -> list[str]:
    """Pick the messages to show."""
    entries = serious(refused)
    said = [": ".join(filter(None, (e.path, e.field, e.message))) for e in entries[:SHOWN]]
    if len(entries) > SHOWN:
        said.append(f"... and {len(entries) - SHOWN} more in {QUARANTINE}")
    return said


def serious(refused: Sequence[Quarantined]) -> list[Quarantined]:
    """Leave out copies and files that are no pictures: nothing is wrong with those."""
    return sorted(entry for entry in refused if entry.reason not in (DUPLICATE, NOT_AN_IMAGE))
