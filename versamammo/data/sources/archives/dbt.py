"""BCS-DBT (TCIA, Duke): tomosynthesis volumes, biopsied lesions boxed on one slice.

The boxes hold in the frame of the archive's own reader: a volume whose breast lies at the other
edge than its view says is turned by 180 degrees first, and slices are counted from 0. Our boxes are
in pixels of the file as stored, so they are turned back. (The published preparation did neither.)
A boxed volume gives each boxed slice, a normal one its middle slice; others are left out, since
nobody says where to look.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from functools import partial
from pathlib import Path, PurePosixPath

import numpy as np

from versamammo.data.labels import Finding
from versamammo.data.quarantine import Quarantined
from versamammo.data.sources import label_parsing as words
from versamammo.data.sources.archives.catalogue import ARCHIVES
from versamammo.data.sources.archives.joining import pictures
from versamammo.data.sources.archives.label_record import Notes, record
from versamammo.data.sources.archives.sheets import Line, found, grouped, missing, read_lines
from versamammo.data.sources.frame_paths import frame_path
from versamammo.data.sources.headers import dicom_tags, frame_pixels
from versamammo.data.sources.joins import Joined
from versamammo.data.sources.source_contract import Entry, ImageRecord, SourceOptions
from versamammo.errors import InputError
from versamammo.imaging.mammogram import Box

NAME = "dbt"
ARCHIVE = ARCHIVES[NAME]
PARTS = {"train": "train", "validation": "val", "test": "test"}
KEY = ("patientid", "studyuid", "view")
OUTCOMES = {"normal": 0.0, "benign": 1.0, "cancer": 2.0}
MEANING = {"benign": 0.0, "cancer": 1.0}
BOX_COLUMNS = (*KEY, "slice", "x", "y", "width", "height", "class")
Boxes = Mapping[str, Sequence[Line]]


def detect(root: Path) -> bool:
    """Return whether tables of paths of BCS-DBT lie here."""
    return root.is_dir() and bool(found(root, "BCS-DBT*file-paths-*.csv"))


def records(root: Path, options: SourceOptions) -> Iterator[Entry]:
    """List the slices of every volume.

    Raises:
        InputError: a table or all volumes are missing.
    """
    there = {
        place(path): path for path in pictures(root, ARCHIVE, (".dcm",)) if isinstance(path, str)
    }
    parts = [part for part in PARTS if found(root, f"BCS-DBT*file-paths-{part}*.csv")]
    if not parts:
        raise missing(ARCHIVE, "BCS-DBT-file-paths-*.csv")
    named: set[str] = set()
    rows = 0
    for part in parts:
        volumes = table(root, "file-paths", part, (*KEY, "descriptive_path"))
        labels = grouped(table(root, "labels", part, (*KEY, "normal", "benign", "cancer")), key)
        boxes = grouped(numbered(table(root, "boxes", part, BOX_COLUMNS, may_be_empty=True)), key)
        rows += len(volumes)
        for line in volumes:
            path = there.get(place(line["descriptive_path"]))
            if path is None:
                yield Quarantined(
                    line["descriptive_path"], "descriptive_path", "missing-file", "no such file"
                )
                continue
            named.add(path)
            yield from slices(
                root, path, line, labels.get(key(line), []), boxes.get(key(line), []), part
            )
    options.joins.append(Joined("file-paths", rows, len(named), len(there), len(named)))
    for path in there.values():
        if path not in named:
            yield Quarantined(path, "file-paths", "no-row", "no row of the table speaks of it")


def table(
    root: Path, kind: str, part: str, columns: Sequence[str], *, may_be_empty: bool = False
) -> list[Line]:
    """Read one of the archive's tables, whatever its version.

    Raises:
        InputError: it is missing or lacks a column.
    """
    places = found(root, f"BCS-DBT*{kind}-{part}*.csv")
    if not places:
        raise missing(ARCHIVE, f"BCS-DBT-{kind}-{part}.csv")
    return read_lines(places[0], columns, also=("ad",), may_be_empty=may_be_empty)


def numbered(boxes: Sequence[Line]) -> list[Line]:
    """Name each box as the published tables of splits do: class, end of the study's id, count."""
    counts: Counter[str] = Counter()
    named: list[Line] = []
    for box in boxes:
        start = f"{box['class'].strip()}_{box['studyuid'].strip()[-5:]}"
        named.append({**box, "name": f"{start}_{counts[start]}"})
        counts[start] += 1
    return named


def key(line: Line) -> str:
    """Name a volume by patient, study and view."""
    return " ".join(line[column].strip() for column in KEY)


def place(path: str) -> str:
    """Name a file by patient, study, series and its own name, which all downloads share."""
    return "/".join(PurePosixPath(path.replace("\\", "/")).parts[-4:])


def slices(
    root: Path, path: str, line: Line, labels: Sequence[Line], boxes: Sequence[Line], part: str
) -> Iterator[Entry]:
    """Choose the slices of one volume and describe them."""
    try:
        outcome = outcome_of(labels)
        size, frames = shape_of(root / path)
        chosen = grouped(boxes, lambda box: box["slice"].strip())
        if not chosen and outcome == "normal":
            chosen = {str(frames // 2): []}
        if not chosen:
            raise InputError(
                f"{outcome or 'no outcome'}, and no slice is named",
                field="Slice",
                reason="no-slice",
            )
        describe = partial(slice_record, root, path, line, outcome, part, size)
        yield from (describe(int(number), rows) for number, rows in chosen.items())
    except InputError as error:
        yield Quarantined.because(error, path)
    except (ValueError, OverflowError) as error:  # of words that were to be numbers or boxes
        yield Quarantined(path, "", "bad-row", f"its row cannot be understood: {error}")


def outcome_of(labels: Sequence[Line]) -> str | None:
    """Name the one outcome of a volume that we have a number for; None if it is another.

    Raises:
        InputError: the table does not speak of the volume (reason "no-row").
    """
    if not labels:
        raise InputError("no row of the labels speaks of it", field="labels", reason="no-row")
    return next((name for name in OUTCOMES if labels[0][name].strip() == "1"), None)


def shape_of(path: Path) -> tuple[tuple[int, int], int]:
    """Read (H, W) and the number of slices."""
    tags = dicom_tags(path)
    size = tags.required("Rows"), tags.required("Columns")
    return size, tags.integer("NumberOfFrames") or 1


def slice_record(
    root: Path, path: str, line: Line, outcome: str | None, part: str, size: tuple[int, int],
    number: int, boxes: Sequence[Line],
) -> ImageRecord:  # fmt: skip
    """Describe one slice."""
    notes = Notes(f"BCS-DBT-labels-{part}")
    view = line["view"].strip().lower()
    if outcome is not None:
        notes.keep("pathology", OUTCOMES[outcome], outcome, "Normal, Benign, Cancer")
    turned = bool(boxes) and lies_at(root / path, number) != view[:1].upper()
    marked = [
        Finding(
            "distortion" if is_distortion(box) else "mass",
            lesion_id=box["name"],
            box=stored_box(box, size, turned),
            pathology=words.one_of(MEANING)(box["class"], notes.where("Class")),
        )
        for box in boxes
    ]
    return record(
        frame_path(path, number), notes, notes.labels(marked), patient=line["patientid"].strip(),
        exam=line["studyuid"].strip(), image=f"{key(line)} slice {number}",
        side=notes.side(view[:1], "View"), view=notes.view(view[1:].rstrip("0123456789"), "View"),
        name=boxes[0]["name"] if boxes else None, split=PARTS[part],
    )  # fmt: skip


def is_distortion(box: Line) -> bool:
    """Return whether a box bounds an architectural distortion (column AD)."""
    return box.get("ad", "").strip() in ("1", "True", "TRUE")


def lies_at(path: Path, number: int) -> str:
    """Return which breast a slice looks like: "R" if its right edge is brighter."""
    pixels = frame_pixels(path, number)
    left, right = (float(np.sum(pixels[:, column], dtype=np.float64)) for column in (0, -1))
    return "R" if left < right else "L"


def stored_box(line: Line, size: tuple[int, int], turned: bool) -> Box:
    """Turn a box of the archive's frame into pixels of the file."""
    x, y, wide, high = (words.number(line[name], name) for name in ("x", "y", "width", "height"))
    if not turned:
        return Box(x, y, x + wide, y + high)
    rows, columns = size
    return Box(columns - x - wide, rows - y - high, columns - x, rows - y)
