"""INbreast: Portuguese exams, contours by specialists in one OsiriX XML per picture.

File names carry the patient: 20586908_6c613a14b80a8591_MG_R_CC_ANON.dcm. The archive writes ML for
its medio-lateral oblique views. Regions are taken by their names, not by places in the XML.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import partial
from pathlib import Path, PurePosixPath

from versamammo.data.labels import Finding
from versamammo.data.sources import label_parsing as words
from versamammo.data.sources.archives.catalogue import ARCHIVES
from versamammo.data.sources.archives.joining import joined, pictures
from versamammo.data.sources.archives.label_record import Notes, record
from versamammo.data.sources.archives.outlines import box_around
from versamammo.data.sources.archives.sheets import Line, found, grouped, needed, read_lines
from versamammo.data.sources.masks import osirix_regions
from versamammo.data.sources.source_contract import Entry, ImageRecord, SourceOptions
from versamammo.errors import InputError
from versamammo.imaging.mammogram import View

NAME = "inbreast"
ARCHIVE = ARCHIVES[NAME]
SHEETS = ("INbreast.xls", "INbreast.xlsx", "INbreast.csv")
COLUMNS = ("file_name", "acr", "bi_rads")
MARKS = {"mass": "mass", "micros": "calcification", "distortion": "distortion"} | {
    "asymmetry": "asymmetry"
}
REGIONS = {"mass": "mass", "calcification": "calcification", "calcifications": "calcification"} | {
    "cluster": "calcification", "distortion": "distortion", "asymmetry": "asymmetry",
    "assymetry": "asymmetry",
}  # fmt: skip
VIEWS = {"ML": "MLO", "MLO": "MLO", "CC": "CC", "FB": "FB"}


def detect(root: Path) -> bool:
    """Return whether INbreast's table lies here."""
    return root.is_dir() and bool(found(root, *SHEETS))


def records(root: Path, options: SourceOptions) -> Iterator[Entry]:
    """List every picture with its regions.

    Raises:
        InputError: the table or all pictures are missing.
    """
    sheet = needed(root, ARCHIVE, *SHEETS)
    lines = [
        line
        for line in read_lines(sheet, COLUMNS, also=tuple(MARKS))
        if line["file_name"].strip().isdigit()
    ]
    rows = grouped(lines, lambda line: line["file_name"].strip())
    regions = {path.stem: path for path in found(root, "AllXML/*.xml", "AllXML/*.XML")}
    listed = pictures(root, ARCHIVE, (".dcm",))
    yield from joined(
        listed, rows, sheet.name, number_of, partial(describe, root, regions), options.joins
    )


def number_of(path: str) -> str:
    """Return a picture's number, the first part of its name."""
    return PurePosixPath(path).stem.partition("_")[0]


def describe(root: Path, regions: dict[str, Path], path: str, lines: Sequence[Line]) -> ImageRecord:
    """Describe one picture."""
    number = number_of(path)
    notes = Notes(SHEETS[0])
    notes.number("density", notes.same(lines, "acr"), "ACR")
    notes.number("birads", notes.same(lines, "bi_rads"), "Bi-Rads")
    marked = tuple(drawn(root, regions[number], notes)) if number in regions else ()
    for column, kind in MARKS.items():
        if column in lines[0]:
            word = notes.same(lines, column)
            notes.keep(kind, float(words.said(word)), word or "(empty)", column)
    parts = [*PurePosixPath(path).stem.split("_"), "", "", "", ""]
    return record(
        path, notes, notes.labels(marked), patient=parts[1] or None, image=number, name=number,
        side=notes.side(parts[3], "file name"), view=view_of(parts[4], notes), edition="4th",
    )  # fmt: skip


def view_of(word: str, notes: Notes) -> View | None:
    """Read the view of a file name, in the archive's spelling."""
    if word and word not in VIEWS:
        raise InputError(
            f"{word!r} is not understood; expected CC or ML",
            field="file name",
            reason="unknown-name",
        )
    return notes.view(VIEWS[word], "file name") if word else None


def drawn(root: Path, path: Path, notes: Notes) -> Iterator[Finding]:
    """Read the regions of one XML; names of no kind of finding are kept as unmapped."""
    relative = path.relative_to(root).as_posix()
    for number, (name, points) in enumerate(osirix_regions(path)):
        kind = REGIONS.get(words.plain(name))
        if kind is None or not points:
            notes.unmapped("region", name, f"{relative}#{number}")
            continue
        yield Finding(
            kind, lesion_id=f"{path.stem}_{number}", box=box_around(points),
            mask=f"{relative}#{number}",
        )  # fmt: skip
