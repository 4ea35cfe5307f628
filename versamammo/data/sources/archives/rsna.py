"""RSNA screening mammography (Kaggle): DICOM or the PNG re-pack, one row per picture."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

from versamammo.data.sources.archives.catalogue import ARCHIVES
from versamammo.data.sources.archives.joining import joined, pictures, stem
from versamammo.data.sources.archives.label_record import Notes, record
from versamammo.data.sources.archives.sheets import Line, found, grouped, needed, read_lines
from versamammo.data.sources.source_contract import Entry, ImageRecord, SourceOptions

NAME = "rsna"
ARCHIVE = ARCHIVES[NAME]
SHEET = "train.csv"
COLUMNS = (
    "patient_id", "image_id", "laterality", "view", "age", "cancer", "invasive", "birads",
    "density",
)  # fmt: skip


def detect(root: Path) -> bool:
    """Return whether the competition's table and folder lie here."""
    return root.is_dir() and bool(found(root, SHEET)) and bool(found(root, "train_images"))


def records(root: Path, options: SourceOptions) -> Iterator[Entry]:
    """List every picture; those of the competition's hidden test have no labels and no files.

    Raises:
        InputError: the table or all pictures are missing.
    """
    rows = grouped(read_lines(needed(root, ARCHIVE, SHEET), COLUMNS), lambda line: line["image_id"])
    listed = pictures(root, ARCHIVE, (".dcm", ".png"))
    # the re-pack calls 123.dcm of patient 7 "7_123_img.png" or "123.png"
    yield from joined(listed, rows, SHEET, image_of, describe, options.joins)


def image_of(path: str) -> str:
    """Return a picture's number, whichever of the names it goes by."""
    name = stem(path).removesuffix("_img")
    return name.rpartition("_")[2]


def describe(path: str, lines: Sequence[Line]) -> ImageRecord:
    """Describe one picture; "invasive" speaks of cancers only."""
    notes = Notes(SHEET)
    cancer = notes.number("cancer", notes.same(lines, "cancer"), "cancer")
    invasive = notes.same(lines, "invasive")
    if cancer == 1 or invasive == "1":
        notes.number("invasive", invasive, "invasive")
    notes.number("birads", notes.same(lines, "birads"), "BIRADS")
    notes.number("density", notes.same(lines, "density"), "density")
    patient = notes.same(lines, "patient_id")
    return record(
        path, notes, notes.labels(), patient=patient, image=image_of(path),
        side=notes.side(notes.same(lines, "laterality"), "laterality"),
        view=notes.view(notes.same(lines, "view"), "view"),
        age=notes.age(notes.same(lines, "age"), "age"), name=f"{patient}_{image_of(path)}_img",
    )  # fmt: skip
