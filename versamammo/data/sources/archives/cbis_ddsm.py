"""CBIS-DDSM: TCIA's DICOM or the common JPEG re-pack, with the four official tables.

A case such as Mass-Training_P_00001_LEFT_CC is a film; Mass-Training_P_00001_LEFT_CC_1 is its first
lesion, with a mask and a crop. Which of a lesion's two files is the mask cannot be told from the
tables, where paths are swapped: it is the one of the film's size. Boxes are those of the masks.
Each lesion has an assessment of its own; the film's is the most serious.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from functools import partial
from pathlib import Path, PurePosixPath
from typing import Any

from versamammo.data.labels import Finding
from versamammo.data.quarantine import Quarantined
from versamammo.data.sources import label_parsing as words
from versamammo.data.sources.archives.catalogue import ARCHIVES
from versamammo.data.sources.archives.joining import joined, pictures
from versamammo.data.sources.archives.label_record import Notes, most_serious, record
from versamammo.data.sources.archives.outlines import mask_box
from versamammo.data.sources.archives.sheets import Line, found, grouped, needed, read_lines
from versamammo.data.sources.headers import picture_size
from versamammo.data.sources.source_contract import Entry, ImageRecord, SourceOptions
from versamammo.errors import InputError

NAME = "cbis-ddsm"
ARCHIVE = ARCHIVES[NAME]
KINDS = {"mass": ("mass_shape", "mass_margins"), "calc": ("calc_type", "calc_distribution")}
TABLES = tuple(
    f"{kind}_case_description_{part}_set.csv" for kind in KINDS for part in ("train", "test")
)
REPACK = "dicom_info.csv"
COLUMNS = (
    "patient_id", "breast_density", "left_or_right_breast", "image_view", "abnormality_id",
    "abnormality_type", "assessment", "pathology", "subtlety", "image_file_path",
)  # fmt: skip
CASE = re.compile(r"(Mass|Calc)-(Training|Test)_(P_\d+)_(LEFT|RIGHT)_(CC|MLO)(_\d+)?")
PATHOLOGY = {"benign": 1, "benign without callback": 1, "malignant": 2}
PARTS = {"Training": "train", "Test": "test"}
OUT_OF_SCALE = ("0",)  # as density and as subtlety, twice each; their scales begin at 1


def detect(root: Path) -> bool:
    """Return whether the case descriptions of CBIS-DDSM lie here."""
    return root.is_dir() and bool(found(root, *TABLES))


def read_tables(root: Path) -> dict[str, list[Line]]:
    """Read the four tables: case -> the rows of its lesions.

    Raises:
        InputError: a table or a column is missing.
    """
    lines = []
    for table in TABLES:
        own = KINDS[table.partition("_")[0]]
        for line in read_lines(needed(root, ARCHIVE, table), (*COLUMNS, *own), may_be_empty=True):
            shape, other = (line[column] for column in own)
            lines.append({**line, "table": table, "first": shape, "second": other})
    return grouped(lines, lambda line: line["image_file_path"].partition("/")[0])


def records(root: Path, options: SourceOptions) -> Iterator[Entry]:
    """List every film with its lesions.

    Raises:
        InputError: a table or all pictures are missing.
    """
    rows = read_tables(root)
    files: dict[str, list[str]] = {}
    films: list[str | Quarantined] = []
    cases = cases_of_repack(root)
    for path in pictures(root, ARCHIVE, (".dcm", ".jpg", ".jpeg")):
        case = path if isinstance(path, Quarantined) else cases.get(place(path)) or case_of(path)
        if isinstance(path, Quarantined) or not case:
            films.append(path)
        elif CASE.fullmatch(str(case))[6]:  # type: ignore[index]
            files.setdefault(str(case), []).append(path)
        else:
            films.append(path)

    def key(path: str) -> str:
        return cases.get(place(path)) or case_of(path) or path

    yield from joined(
        films, rows, "case descriptions", key, partial(describe, root, files), options.joins
    )


def place(path: str) -> str:
    """Name a picture of the re-pack by its series and file."""
    return "/".join(PurePosixPath(path).parts[-2:])


def cases_of_repack(root: Path) -> dict[str, str]:
    """Read which case each JPEG belongs to; empty for the archive's own DICOM."""
    tables = found(root, REPACK)
    if not tables:
        return {}
    lines = read_lines(tables[0], ("patientid", "image_path"))
    return {
        place(line["image_path"].strip()): line["patientid"].strip()
        for line in lines
        if CASE.fullmatch(line["patientid"].strip())
    }


def case_of(path: str) -> str | None:
    """Find the case among the folders of a path."""
    return next((part for part in PurePosixPath(path).parts if CASE.fullmatch(part)), None)


def describe(
    root: Path, files: Mapping[str, Sequence[str]], path: str, lines: Sequence[Line]
) -> ImageRecord:
    """Describe one film."""
    case = lines[0]["image_file_path"].partition("/")[0]
    match = CASE.fullmatch(case)
    if match is None:
        raise InputError(f"{case!r} is no case", field="image file path", reason="unknown-name")
    notes = Notes(lines[0]["table"])
    notes.number(
        "density", notes.same(lines, "breast_density"), "breast density", meaningless=OUT_OF_SCALE
    )
    size = picture_size(root / path)
    marked = [finding(root, files, case, line, notes, size) for line in lines]
    notes.keep(
        "birads", most_serious(found.birads for found in marked),
        "; ".join(line["assessment"] for line in lines), "assessment",
    )  # fmt: skip
    grades = [grade.pathology for grade in marked]
    notes.keep(
        "pathology", 1 + max(grades), "; ".join(line["pathology"] for line in lines), "pathology"
    )
    return record(
        path, notes, notes.labels(marked), patient=match[3], exam=f"{match[3]} {match[4]}",
        side=notes.side(match[4], "left or right breast"), view=notes.view(match[5], "image view"),
        image=case, name=case, split=PARTS[match[2]],
    )  # fmt: skip


def finding(
    root: Path,
    files: Mapping[str, Sequence[str]],
    case: str,
    line: Line,
    notes: Notes,
    size: tuple[int, int],
) -> Finding:
    """Read one lesion and find its mask.

    Raises:
        InputError: a word is unknown, or there is no mask of the film's size ("missing-mask").
    """
    lesion = f"{case}_{line['abnormality_id']}"
    masks = [path for path in files.get(lesion, ()) if picture_size(root / path) == size]
    if len(masks) != 1:
        raise InputError(
            f"{lesion} has {len(masks)} files of the film's size {size}; its mask is the one",
            field="ROI mask file path", reason="missing-mask",
        )  # fmt: skip
    return described(line, notes, lesion, masks[0], root)


def described(line: Line, notes: Notes, lesion: str, mask: str, root: Path) -> Finding:
    """Describe a lesion by its row and its mask."""
    look = lesion_words(line, notes)
    return Finding(lesion_id=lesion, box=mask_box(root / mask), mask=mask, **look)


def lesion_words(line: Line, notes: Notes) -> dict[str, Any]:
    """Read what a row says of its lesion, without its place."""
    kind = words.kind(line["abnormality_type"], notes.where("abnormality type"))
    first, second = (cell if words.said(cell) else None for cell in (line["first"], line["second"]))
    names = ("shape", "margin") if kind == "mass" else ("morphology", "distribution")
    grade = words.one_of(PATHOLOGY)(line["pathology"], notes.where("pathology"))
    subtlety = line["subtlety"].strip()
    if subtlety in OUT_OF_SCALE:
        notes.unmapped("subtlety", subtlety, "subtlety")
        subtlety = ""
    return {
        "kind": kind, names[0]: first, names[1]: second, "pathology": grade - 1,
        "birads": words.label("birads", line["assessment"], notes.where("assessment")),
        "subtlety": words.label("subtlety", subtlety, notes.where("subtlety")),
    }  # fmt: skip
