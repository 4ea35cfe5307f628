"""EMBED open data (Emory): metadata of every picture, clinical rows per finding and side.

A clinical row of side B, or of no side, speaks of both breasts. The letters of `asses` and of the
findings are those of the archive's legend. Synthetic 2-D views (C-view) are left out with that
reason: they repeat an exam's slices.

Boxes of `DCM_ROI_coords` hold in the DICOM file. Those of `ROI_coords` do so where the archive's
own conversion to PNG leaves a file as it is; of a file that it mirrors nobody can tell which they
are (issues 5 and 9 of its repository), so those are listed as unmapped.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from functools import partial
from pathlib import Path, PurePosixPath

from versamammo.data.labels import Finding
from versamammo.data.quarantine import Quarantined
from versamammo.data.sources import label_parsing as words
from versamammo.data.sources.archives.catalogue import ARCHIVES
from versamammo.data.sources.archives.joining import joined, pictures
from versamammo.data.sources.archives.label_record import Notes, most_serious, record
from versamammo.data.sources.archives.sheets import Line, found, grouped, needed, read_lines
from versamammo.data.sources.headers import dicom_tags
from versamammo.data.sources.source_contract import Entry, ImageRecord, SourceOptions
from versamammo.errors import InputError
from versamammo.imaging.mammogram import Box

NAME = "embed"
ARCHIVE = ARCHIVES[NAME]
METADATA = ("EMBED_OpenData_metadata.csv", "EMBED_OpenData_metadata_reduced.csv")
CLINICAL = ("EMBED_OpenData_clinical.csv", "EMBED_OpenData_clinical_reduced.csv")
IMAGE_COLUMNS = (
    "empi_anon", "acc_anon", "anon_dicom_path", "finalimagetype", "imagelateralityfinal",
    "viewposition", "study_date_anon", "num_roi",
)  # fmt: skip
PLACES = ("dcm_roi_coords", "roi_coords")
CLINICAL_COLUMNS = ("empi_anon", "acc_anon", "side", "asses", "tissueden", "path_severity")
FINDINGS = ("massshape", "calcfind", "calcdistri")
# tubular structures and lymph nodes are no kind of ours: of nodes, suspicious ones alone are
SHAPES: dict[str, str | None] = (
    dict.fromkeys("gorx", "mass")
    | dict.fromkeys("aq", "distortion")
    | dict.fromkeys("bfsv", "asymmetry")
    | dict.fromkeys("tny")
)
MIRRORED_VIEWS = ("CC", "MLO", "ML")  # that the archive's conversion may mirror
PREFIX = "anon_dicom/"
ASSESSMENT = {"a": 0, "n": 1, "b": 2, "p": 3, "s": 4, "m": 5, "k": 6}
# 0 invasive, 1 in situ, 2 high risk, 3 borderline, 4 benign, 5 negative, 6 another cancer
SEVERITY = {"0": 2.0, "1": 2.0, "4": 1.0, "5": 1.0}
UNGRADED = {"2", "3", "6"}
MALE = ("5",)  # as a density: "normal male"


def detect(root: Path) -> bool:
    """Return whether EMBED's tables lie here."""
    return root.is_dir() and bool(found(root, *METADATA))


def records(root: Path, options: SourceOptions) -> Iterator[Entry]:
    """List every 2-D picture with what was reported of its breast.

    Raises:
        InputError: a table or all pictures are missing.
    """
    sheet = needed(root, ARCHIVE, *METADATA)
    clinical = needed(root, ARCHIVE, *CLINICAL)
    reports = grouped(
        read_lines(clinical, CLINICAL_COLUMNS, also=FINDINGS),
        lambda line: line["acc_anon"].strip(),
    )
    images = read_lines(sheet, IMAGE_COLUMNS, also=PLACES)
    if not any(column in images[0] for column in PLACES):
        raise InputError(
            "no column 'DCM_ROI_coords' or 'ROI_coords'", file=sheet, field="ROI_coords",
            reason="missing-column",
        )  # fmt: skip
    rows = grouped(images, lambda line: place(line["anon_dicom_path"]))
    kept: list[str | Quarantined] = []
    for path in pictures(root, ARCHIVE, (".dcm",)):
        lines = rows.get(place(path)) if isinstance(path, str) else None
        if isinstance(path, str) and lines and lines[0]["finalimagetype"].strip().lower() != "2d":
            yield Quarantined(path, "FinalImageType", "synthetic-2d", "a view made of slices")
            del rows[place(path)]
        else:
            kept.append(path)
    yield from joined(
        kept,
        rows,
        sheet.name,
        place,
        partial(describe, root, reports, clinical.name),
        options.joins,
    )


def place(path: str) -> str:
    """Name a picture by cohort, patient, study and file, whatever lies before."""
    return "/".join(PurePosixPath(path.strip().rpartition(PREFIX)[2]).parts[-4:])


def describe(
    root: Path,
    reports: Mapping[str, Sequence[Line]],
    sheet: str,
    path: str,
    lines: Sequence[Line],
) -> ImageRecord:
    """Describe one picture.

    Raises:
        InputError: a word or a box cannot be understood.
    """
    line, notes = lines[0], Notes(sheet)
    side = notes.side(line["imagelateralityfinal"], "ImageLateralityFinal")
    about = [
        row
        for row in reports.get(line["acc_anon"].strip(), [])
        if not words.said(row["side"]) or row["side"].strip().upper() in ("B", side or "")
    ]
    read_report(about, notes)
    marked = regions(root / path, line, about, notes)
    patient, exam = line["empi_anon"].strip(), line["acc_anon"].strip()
    return record(
        path, notes, notes.labels(marked), patient=patient, exam=exam, side=side,
        view=notes.view(line["viewposition"], "ViewPosition"), image=PurePosixPath(path).stem,
        day=words.day(line["study_date_anon"].strip()[:10]),
        name=f"{exam}/{PurePosixPath(path).stem}",
    )  # fmt: skip


def read_report(about: Sequence[Line], notes: Notes) -> None:
    """Note density, assessment and pathology of one breast; of several findings the worst."""
    density = notes.same(about, "tissueden")
    notes.number("density", density.removesuffix(".0"), "tissueden", meaningless=MALE)
    letters = [row["asses"].strip().lower() for row in about if words.said(row["asses"])]
    where = notes.where("asses")
    known = [words.one_of(ASSESSMENT)(x, where) for x in letters if x != "x"]
    if letters:
        notes.keep("birads", most_serious(known), "; ".join(letters).upper(), "asses")
    grades = [row["path_severity"].strip().removesuffix(".0") for row in about]
    grades = [grade for grade in grades if words.said(grade)]
    graded = [
        words.one_of(SEVERITY)(grade, notes.where("path_severity"))
        for grade in grades
        if grade not in UNGRADED
    ]
    if grades:
        worst = max(graded, default=float("nan"))
        notes.keep("pathology", worst, "; ".join(grades), "path_severity")
        if worst == 2:
            notes.keep("cancer", 1.0, "; ".join(grades), "path_severity")
            notes.keep("invasive", float("0" in grades), "; ".join(grades), "path_severity")


def regions(path: Path, line: Line, about: Sequence[Line], notes: Notes) -> list[Finding]:
    """Read the boxes of a picture, (top, left, bottom, right) each.

    A box has no kind of its own: it gets the breast's, where one kind alone is reported.
    """
    column = next(column for column in PLACES if column in line)
    boxes = boxes_in(line[column], line["num_roi"], notes.where(column))
    if not boxes:
        return []
    kind = only_reported(about, notes)
    if kind is None or (column == "roi_coords" and mirrored_as_png(path)):
        for box in boxes:
            notes.unmapped("region", str(box.as_tuple()), column)
        return []
    accession = line["acc_anon"].strip()
    return [
        Finding(kind, lesion_id=f"{accession}_{number}", box=box)
        for number, box in enumerate(boxes)
    ]


def boxes_in(text: str, count: str, where: str) -> list[Box]:
    """Read nested lists of corners, in whichever brackets.

    Raises:
        InputError: there are not as many as the table says (reason "region-count").
    """
    corners = [float(word) for word in re.findall(r"[\d.]+", text)]
    wanted = int(float(count)) if words.said(count) else 0
    if len(corners) != 4 * wanted:
        raise InputError(
            f"{len(corners)} numbers for {wanted} boxes of four", field=where, reason="region-count"
        )
    try:
        return [
            Box(x1, y1, x2, y2)
            for y1, x1, y2, x2 in zip(*(corners[i::4] for i in range(4)), strict=True)
        ]
    except ValueError as error:
        raise InputError(str(error), field=where, reason="box-empty") from error


def mirrored_as_png(path: Path) -> bool:
    """Return whether the archive's conversion to PNG mirrors a file, by its rule."""
    tags = dicom_tags(path)
    if tags.code("ViewPosition") not in MIRRORED_VIEWS:
        return False
    orientation = tags.texts("PatientOrientation")
    if any(orientation):
        return orientation[0] == "P"
    return tags.code("ImageLaterality") == "R"


def only_reported(about: Sequence[Line], notes: Notes) -> str | None:
    """Name the one kind of finding that a breast's rows describe; None if several or none.

    Raises:
        InputError: a letter that is not in the legend (reason "unknown-word").
    """
    kinds: set[str | None] = set()
    for row in about:
        shape = row.get("massshape", "").strip().lower()
        if words.said(shape):
            if shape not in SHAPES:
                words.refuse(shape, notes.where("massshape"), "one of " + ", ".join(SHAPES))
            kinds.add(SHAPES[shape])
        if any(words.said(row.get(column, "")) for column in FINDINGS[1:]):
            kinds.add("calcification")
    return kinds.pop() if len(kinds) == 1 else None
