"""EMBED's boxes: which frame they hold in, and what they show."""

from __future__ import annotations

import csv
from collections.abc import Callable
from pathlib import Path

import pydicom
import pytest

from versamammo.data.sources.archives import embed
from versamammo.data.sources.archives.label_record import Notes
from versamammo.errors import InputError
from versamammo.imaging.mammogram import Box

from .conftest import Twin

METADATA = "tables/EMBED_OpenData_metadata.csv"


def rewrite(path: Path, change: Callable[[dict[str, str]], None]) -> None:
    """Change every row of a table."""
    with path.open() as stream:
        rows = list(csv.DictReader(stream))
    for row in rows:
        change(row)
    with path.open("w", newline="") as stream:
        writer = csv.DictWriter(stream, list(rows[0]))
        writer.writeheader()
        writer.writerows(rows)


def boxes(made: Twin) -> dict[str, list[Box | None]]:
    kept, _ = made.read()
    return {path: [f.box for f in record.labels.findings] for path, record in kept.items()}


def test_boxes_of_files_that_the_png_mirrors_are_listed_and_not_used(
    twin: Callable[[str], Twin],
) -> None:
    made = twin("embed")
    kept, _ = made.read()
    listed = {path for path, r in kept.items() if any(t.fact == "region" for t in r.told)}
    mirrored = {
        shown.path
        for shown in made.shown
        if pydicom.dcmread(made.root / shown.path).PatientOrientation[0] == "P"
    }
    assert listed
    assert listed <= mirrored
    used = {path for path, found in boxes(made).items() if found}
    assert used
    assert not used & mirrored


def test_boxes_in_the_frame_of_the_file_are_preferred(twin: Callable[[str], Twin]) -> None:
    made = twin("embed")
    views = {shown.path: shown.view for shown in made.shown}

    def newer(row: dict[str, str]) -> None:
        view = next((v for path, v in views.items() if path.endswith(row["anon_dicom_path"][-30:])
                     ), None)  # fmt: skip
        found = [f.box for f in view.labels.findings if f.box] if view and row["num_roi"] else []
        found = found if row["num_roi"] != "0" else []
        corners = ", ".join(f"[{b.y1:g}, {b.x1:g}, {b.y2:g}, {b.x2:g}]" for b in found)
        row["DCM_ROI_coords"] = f"[[{corners}]]"
        row["PNG_ROI_coords"] = row.pop("ROI_coords")

    before = boxes(made)
    rewrite(made.root / METADATA, newer)
    after = boxes(made)
    for path, found in after.items():
        true = [f.box for f in views[path].labels.findings]
        assert all(box in true for box in found)
    assert sum(map(len, after.values())) > sum(map(len, before.values()))


def test_a_count_that_does_not_fit_keeps_the_picture_out(twin: Callable[[str], Twin]) -> None:
    made = twin("embed")

    def more(row: dict[str, str]) -> None:
        row["num_roi"] = str(int(row["num_roi"]) + 1)

    rewrite(made.root / METADATA, more)
    kept, refused = made.read()
    assert not kept
    assert {entry.reason for entry in refused} == {"region-count", "synthetic-2d"}


def test_without_any_column_of_boxes_the_table_is_refused(twin: Callable[[str], Twin]) -> None:
    made = twin("embed")
    rewrite(made.root / METADATA, lambda row: row.pop("ROI_coords") and None)
    with pytest.raises(InputError) as caught:
        made.read()
    assert caught.value.reason == "missing-column"


@pytest.mark.parametrize(
    ("rows", "kind"),
    [
        ([("R", "")], "mass"),
        ([("X ", ""), ("O", "")], "mass"),
        ([("S", "")], "asymmetry"),
        ([("Q", "")], "distortion"),
        ([("", "P")], "calcification"),
        ([("R", "P")], None),
        ([("N", "")], None),  # a lymph node in the breast is no finding
        ([("N", ""), ("R", "")], None),
        ([("", "")], None),
    ],
)
def test_a_shape_that_is_no_mass_is_not_called_one(
    rows: list[tuple[str, str]], kind: str | None
) -> None:
    about = [{"massshape": shape, "calcfind": calcification} for shape, calcification in rows]
    assert embed.only_reported(about, Notes("clinical")) == kind


def test_a_letter_without_legend_is_refused() -> None:
    with pytest.raises(InputError) as caught:
        embed.only_reported([{"massshape": "K"}], Notes("clinical"))
    assert caught.value.reason == "unknown-word"
