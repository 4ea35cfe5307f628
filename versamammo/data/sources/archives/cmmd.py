"""CMMD (TCIA): Chinese patients with biopsies, two or four views, one row per breast.

Neither names nor the workbook say which file shows which breast, so the DICOM tag is read; the
published preparation guessed it from the order of files.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import partial
from pathlib import Path, PurePosixPath

from versamammo.data.quarantine import Quarantined
from versamammo.data.sources import label_parsing as words
from versamammo.data.sources.archives.catalogue import ARCHIVES
from versamammo.data.sources.archives.joining import guarded, pictures
from versamammo.data.sources.archives.label_record import Notes, record
from versamammo.data.sources.archives.sheets import Line, found, grouped, needed, read_lines
from versamammo.data.sources.headers import dicom_tags
from versamammo.data.sources.joins import Joined
from versamammo.data.sources.source_contract import Entry, ImageRecord, SourceOptions
from versamammo.errors import InputError
from versamammo.imaging.dicom.positioning import read_positioning

NAME = "cmmd"
ARCHIVE = ARCHIVES[NAME]
SHEETS = ("CMMD_clinicaldata_revision.xlsx", "CMMD_clinicaldata_revision.csv")
COLUMNS = ("id1", "leftright", "age", "abnormality", "classification", "subtype")
KINDS = {"mass": (1.0, 0.0), "calcification": (0.0, 1.0), "both": (1.0, 1.0)}
SUBTYPES = {"her2 enriched": 0, "luminal a": 1, "luminal b": 2, "triple negative": 3}


def detect(root: Path) -> bool:
    """Return whether CMMD's clinical workbook lies here."""
    return root.is_dir() and bool(found(root, *SHEETS))


def records(root: Path, options: SourceOptions) -> Iterator[Entry]:
    """List every picture of a breast that the workbook describes.

    Raises:
        InputError: the workbook or all pictures are missing.
    """
    sheet = needed(root, ARCHIVE, *SHEETS)
    lines = read_lines(sheet, COLUMNS)
    rows = grouped(lines, lambda line: f"{line['id1']}-{line['leftright'].strip().upper()}")
    patients = {line["id1"] for line in lines}
    breasts: dict[str, list[str]] = {}
    there = 0
    for path in pictures(root, ARCHIVE, (".dcm",)):
        if isinstance(path, Quarantined):
            yield path
            continue
        there += 1
        try:
            breast = f"{patient_of(path, patients)}-{side_of(root / path)}"
        except InputError as error:
            yield Quarantined.because(error, path)
            continue
        if breast in rows:
            breasts.setdefault(breast, []).append(path)
        else:
            yield Quarantined(path, sheet.name, "no-row", f"no row of the table speaks of {breast}")
    with_row = sum(map(len, breasts.values()))
    options.joins.append(Joined(sheet.name, len(rows), len(breasts), there, with_row))
    for breast, paths in breasts.items():
        for number, path in enumerate(sorted(paths), start=1):
            yield guarded(path, rows[breast], partial(describe, breast, number))
    for breast in rows.keys() - breasts.keys():
        yield Quarantined(breast, sheet.name, "missing-file", "the row's pictures are not there")


def patient_of(path: str, patients: set[str]) -> str:
    """Find the patient among the folders of a path.

    Raises:
        InputError: none of them is in the workbook (reason "no-row").
    """
    named = next((part for part in PurePosixPath(path).parts if part in patients), None)
    if named is None:
        raise InputError("no folder of its path is a patient of the workbook", reason="no-row")
    return named


def side_of(path: Path) -> str:
    """Read the side from the file's own tags.

    Raises:
        InputError: it is no DICOM file or has no side.
    """
    side = read_positioning(dicom_tags(path), "").laterality
    if side is None:
        raise InputError("no side is said", field="ImageLaterality", reason="missing-field")
    return side


def describe(breast: str, number: int, path: str, lines: Sequence[Line]) -> ImageRecord:
    """Describe the n-th picture of a breast."""
    notes = Notes(SHEETS[0])
    patient, _, side = breast.rpartition("-")
    word = notes.same(lines, "abnormality")
    if words.said(word):
        if words.plain(word) not in KINDS:
            words.refuse(word, notes.where("abnormality"), "one of " + ", ".join(KINDS))
        for kind, present in zip(("mass", "calcification"), KINDS[words.plain(word)], strict=True):
            notes.keep(kind, present, word, "abnormality")
    notes.number("pathology", notes.same(lines, "classification"), "classification")
    subtype = notes.same(lines, "subtype")
    notes.number("subtype", subtype, "subtype", meaning=SUBTYPES)
    return record(
        path, notes, notes.labels(), patient=patient, side=notes.side(side, "leftright"),
        age=notes.age(notes.same(lines, "age"), "age"), name=f"{breast}-{number}",
    )  # fmt: skip
