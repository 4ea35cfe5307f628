"""BMCD (Zenodo 5036062): 100 patients, one breast each, now and at the screening round before.

The two workbooks assess the recent exam alone, so nothing is said of the prior one.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from pathlib import Path, PurePosixPath

from versamammo.data.sources.archives.catalogue import ARCHIVES
from versamammo.data.sources.archives.joining import joined, pictures
from versamammo.data.sources.archives.label_record import Notes, record
from versamammo.data.sources.archives.sheets import Line, found, needed, read_lines
from versamammo.data.sources.source_contract import Entry, ImageRecord, SourceOptions
from versamammo.errors import InputError

NAME = "bmcd"
ARCHIVE = ARCHIVES[NAME]
GROUPS = ("Normal", "Suspicious")
SIDE = "breast_right_left"
DENSITY = "bi_rads_categories_for_breast_density"
BIRADS = "bi_rads_categories_for_classification"
# one file of the archive is spelt "recemt"
STEM = re.compile(r"(CC|MLO)_(rece[nm]t|prior)")


def detect(root: Path) -> bool:
    """Return whether the workbooks of BMCD lie here."""
    return root.is_dir() and bool(found(root, "Suspicious_case.xlsx", "Normal_case.xlsx"))


def records(root: Path, options: SourceOptions) -> Iterator[Entry]:
    """List both exams of every patient.

    Raises:
        InputError: a workbook or all pictures are missing.
    """
    rows: dict[str, list[Line]] = {}
    for group in GROUPS:
        path = needed(root, ARCHIVE, f"{group}_case.xlsx")
        for line in read_lines(path, ("folder", SIDE, DENSITY, BIRADS), may_be_empty=True):
            rows.setdefault(f"{group}_{line['folder']}", []).append(line)
    listed = pictures(root, ARCHIVE, (".dcm",))
    # a patient has four pictures: each is its own partner of the one row
    each = {
        f"{patient_of(path)} {PurePosixPath(path).stem}": rows[patient_of(path)]
        for path in listed
        if isinstance(path, str) and patient_of(path) in rows
    }
    seen = {key.split()[0] for key in each}
    each |= {patient: lines for patient, lines in rows.items() if patient not in seen}

    def key(path: str) -> str:
        return f"{patient_of(path)} {PurePosixPath(path).stem}"

    yield from joined(listed, each, "Normal_case, Suspicious_case", key, describe, options.joins)


def patient_of(path: str) -> str:
    """Name a patient by group and folder, "Suspicious_8"."""
    parts = PurePosixPath(path).parts
    return f"{parts[-3].partition('_')[0]}_{parts[-2]}" if len(parts) > 2 else path


def describe(path: str, lines: Sequence[Line]) -> ImageRecord:
    """Describe one picture.

    Raises:
        InputError: its name does not say view and exam, or a word is unknown.
    """
    patient, stem = patient_of(path), PurePosixPath(path).stem
    match = STEM.fullmatch(stem)
    if match is None:
        raise InputError(
            f"expected CC_recent, MLO_prior and the like, got {stem!r}",
            field="file name", reason="unknown-name",
        )  # fmt: skip
    notes = Notes(f"{patient.partition('_')[0]}_case.xlsx")
    side = notes.side(notes.same(lines, SIDE), SIDE)
    recent = match[2] != "prior"
    if recent:
        notes.number("density", notes.same(lines, DENSITY), DENSITY)
        notes.number("birads", notes.same(lines, BIRADS), BIRADS)
    return record(
        path, notes, notes.labels(), patient=patient,
        exam=f"{patient}_{'recent' if recent else 'prior'}",
        side=side, view=notes.view(match[1], "file name"), edition="5th" if recent else None,
        image=f"{patient}_{stem}", name=f"{patient}_{stem}",
    )  # fmt: skip
