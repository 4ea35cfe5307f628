"""CDD-CESM (TCIA): low-energy images beside subtracted ones of the same compression.

The low-energy image is an ordinary mammogram; the subtracted one shows contrast medium and is left
out with that reason. A category such as "4$2" tells of two lesions; the breast's is the more
serious. Regions drawn by hand have no kind of their own: they get it from the findings' text where
that names exactly one, else they are listed as unmapped.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import partial
from pathlib import Path

from versamammo.data.labels import Finding
from versamammo.data.quarantine import Quarantined
from versamammo.data.sources import label_parsing as words
from versamammo.data.sources.archives.catalogue import ARCHIVES
from versamammo.data.sources.archives.joining import joined, pictures, stem
from versamammo.data.sources.archives.kinds import only_kind
from versamammo.data.sources.archives.label_record import Notes, most_serious, record
from versamammo.data.sources.archives.outlines import box_around
from versamammo.data.sources.archives.sheets import Line, found, grouped, needed, read_lines
from versamammo.data.sources.masks import via_points
from versamammo.data.sources.source_contract import Entry, ImageRecord, SourceOptions

NAME = "cdd-cesm"
ARCHIVE = ARCHIVES[NAME]
SHEETS = ("Radiology-manual-annotations.xlsx", "Radiology-manual-annotations.csv")
REGIONS = "Radiology_hand_drawn_segmentations_v2.csv"
DENSITY = "breast_density_acr"
PATHOLOGY = "pathology_classification_follow_up"
COLUMNS = (
    "image_name", "patient_id", "side", "type", "age", DENSITY, "birads", "findings", "view",
    "tags", PATHOLOGY,
)  # fmt: skip


def detect(root: Path) -> bool:
    """Return whether the annotations of CDD-CESM lie here."""
    return root.is_dir() and bool(found(root, *SHEETS))


def records(root: Path, options: SourceOptions) -> Iterator[Entry]:
    """List the low-energy pictures with their regions.

    Raises:
        InputError: a table or all pictures are missing.
    """
    sheet = needed(root, ARCHIVE, *SHEETS)
    regions = needed(root, ARCHIVE, REGIONS)
    drawn = read_regions(regions, regions.relative_to(root).as_posix())
    # names of the table end in blanks here and there
    rows = grouped(read_lines(sheet, COLUMNS, "all"), lambda line: line["image_name"].strip())
    low = {name: lines for name, lines in rows.items() if lines[0]["type"] == "DM"}
    kept: list[str | Quarantined] = []
    for path in pictures(root, ARCHIVE, (".jpg",)):
        if isinstance(path, str) and "_CM_" in stem(path):
            yield Quarantined(path, "Type", "subtracted", "a subtracted image, no mammogram")
        else:
            kept.append(path)
    yield from joined(kept, low, sheet.name, stem, partial(describe, drawn), options.joins)


def read_regions(path: Path, relative: str) -> dict[str, list[Line]]:
    """Gather the hand-drawn regions of each picture, each with its place in the table."""
    lines = read_lines(path, ("filename", "region_shape_attributes"), may_be_empty=True)
    placed = [{**line, "mask": f"{relative}#{number}"} for number, line in enumerate(lines)]
    return grouped(placed, lambda line: stem(line["filename"].strip()))


def describe(drawn: dict[str, list[Line]], path: str, lines: Sequence[Line]) -> ImageRecord:
    """Describe one low-energy picture."""
    notes = Notes(SHEETS[0])
    notes.number("density", notes.same(lines, DENSITY), "Breast density (ACR)")
    notes.number("pathology", notes.same(lines, PATHOLOGY), "Pathology Classification/ Follow up")
    assessment = notes.same(lines, "birads")
    if words.said(assessment):
        where = notes.where("BIRADS")
        worst = most_serious(words.birads(part, where) for part in assessment.split("$"))
        notes.keep("birads", worst, assessment, "BIRADS")
    texts = [line[column] for line in lines for column in ("findings", "tags")]
    marked = tuple(findings(drawn.get(stem(path), []), texts, notes))
    patient = notes.same(lines, "patient_id")
    return record(
        path, notes, notes.labels(marked), patient=patient, exam=f"{patient} CESM",
        side=notes.side(notes.same(lines, "side"), "Side"), edition="5th",
        view=notes.view(notes.same(lines, "view"), "View"), image=stem(path), name=stem(path),
        age=notes.age(notes.same(lines, "age"), "Age"),
    )  # fmt: skip


def findings(regions: Sequence[Line], texts: Sequence[str], notes: Notes) -> Iterator[Finding]:
    """Read the regions of one picture."""
    kind = only_kind(texts)
    for number, line in enumerate(regions):
        if kind is None:
            notes.unmapped("region", "; ".join(filter(None, texts)), line["mask"])
            continue
        points = via_points(line["region_shape_attributes"], Path(REGIONS))
        yield Finding(
            kind, lesion_id=f"{stem(line['filename'])}_{number}", box=box_around(points),
            mask=line["mask"],
        )  # fmt: skip
