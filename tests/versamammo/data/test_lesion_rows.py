"""Close-ups of lesions show the right pixels, carry the lesion's labels and its patient."""

from __future__ import annotations

import pickle
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest

from tests.pretrain.archives import LESION, half_disc, row_of, write_archive
from versamammo.data.dataset import COLUMNS, Archive
from versamammo.data.labels import FINDINGS, Finding
from versamammo.data.lesion_rows import (
    CloseUps,
    CloseUpSettings,
    lesion_rows,
    split_lesions,
    window_around,
)
from versamammo.data.manifest import SCHEMA
from versamammo.data.splits.split_tables import read_splits
from versamammo.errors import InputError
from versamammo.imaging.mammogram import Box
from versamammo.input.geometry import Crop

BARE = CloseUpSettings(context=0, smallest=1)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_archive(tmp_path_factory.mktemp("prepared") / "archive")


def marked(*findings: Finding) -> pa.Table:
    """A manifest of one image with these findings."""
    listed = [{**vars(f), "box": f.box and vars(f.box)} for f in findings]
    row = row_of(7, 3, "train", 2, lesion=False) | {"findings": listed}
    return pa.Table.from_pylist([row], schema=SCHEMA)


def test_a_close_up_shows_the_lesion_and_nothing_else(folder: Path) -> None:
    shown = CloseUps.open(folder, ["test"], settings=BARE)

    assert [one.whole_id for one in shown] == [
        picture.image_id for picture in Archive.open(folder, ["test"]) if picture.labels.mass
    ]
    lesion = shown[0]
    x1, y1, x2, y2 = (int(LESION[side]) for side in ("x1", "y1", "x2", "y2"))
    index = int(lesion.whole_id.removeprefix("image "))
    picture = next(p for p in Archive.open(folder, ["test"]) if p.image_id == lesion.whole_id)
    whole = half_disc(index, int(picture.labels.density), lesion=True)
    np.testing.assert_array_equal(lesion.levels(), whole[y1:y2, x1:x2])
    np.testing.assert_array_equal(lesion.levels(slice(5, 9)), whole[y1 + 5 : y1 + 9, x1:x2])
    assert lesion.patient == picture.patient


def test_the_crop_of_a_close_up_leads_to_its_pixels(folder: Path) -> None:
    lesion = CloseUps.open(folder, ["test"], settings=CloseUpSettings(context=0.5))[0]

    box = lesion.crop.boxes_to_input([list(LESION.values())])[0]
    assert lesion.window == (4, 44, 68, 108)
    assert lesion.crop.content_size == lesion.levels().shape == (64, 64)
    np.testing.assert_allclose(box, [16, 16, 48, 48])


def test_context_is_added_on_each_side_and_the_window_stays_inside() -> None:
    box = np.array([40.0, 50.0, 60.0, 60.0])

    assert window_around(box, (200, 200), BARE) == (40, 45, 60, 65)
    assert window_around(box, (200, 200), CloseUpSettings(0.25, 8)) == (35, 40, 65, 70)
    assert window_around(box, (200, 200), CloseUpSettings(0, 64)) == (18, 23, 82, 87)
    assert window_around(box, (200, 70), CloseUpSettings(0, 64)) == (6, 23, 70, 87)
    assert window_around(box, (30, 200), CloseUpSettings(0, 64)) == (18, 0, 82, 30)


def test_labels_are_those_of_the_lesion() -> None:
    rows, left_out = lesion_rows(
        marked(
            Finding("mass", "a", Box(10, 20, 30, 40), pathology=1.0, birads=5.0, subtlety=2.0),
            Finding("calcification", "b", Box(50, 60, 70, 80), pathology=0.0),
        )
    )
    first, second = rows.to_pylist()

    assert left_out == {}
    assert (first["pathology"], first["birads"], first["subtlety"]) == (2, 5, 2)
    assert second["pathology"] == 1
    assert np.isnan(second["birads"])
    assert {kind: first[kind] for kind in FINDINGS if first[kind]} == {"mass": 1}
    assert {kind: second[kind] for kind in FINDINGS if second[kind]} == {"calcification": 1}
    assert first["density"] == second["density"] == 2


def test_several_kinds_in_one_place_are_one_lesion() -> None:
    place = Box(10, 20, 30, 40)
    rows, _ = lesion_rows(
        marked(
            Finding("mass", "a", place),
            Finding("distortion", "a", place),
            Finding("mass", None, place),
        )
    )

    assert [len(row["findings"]) for row in rows.to_pylist()] == [2, 1]
    both = rows.to_pylist()[0]
    assert (both["mass"], both["distortion"], both["asymmetry"]) == (1, 1, 0)


def test_every_lesion_has_keys_of_its_own_and_the_owner_of_the_image() -> None:
    table = marked(
        Finding("mass", "a", Box(10, 20, 30, 40)), Finding("mass", "b", Box(15, 20, 35, 40))
    )
    rows = lesion_rows(table)[0].to_pylist()

    for name in ("image_id", "content_key", "lesion_id"):
        assert len({row[name] for row in rows} | {table[name][0].as_py() for name in
                   ("image_id", "content_key")}) == 4  # fmt: skip
    for name in ("whole_id", "patient_id", "cache_path", "split"):
        assert len({row[name] for row in rows}) == 1
    assert {row["whole_id"] for row in rows} == {"image 007"}


def test_lesions_that_cannot_be_shown_are_counted() -> None:
    table = marked(
        Finding("mass", "a", Box(10, 20, 30, 40)),
        Finding("calcification", "b"),
        Finding("mass", "c", Box(100, 20, 110, 40)),
    )
    row = table.to_pylist()[0]
    row["crop"] = Crop((160, 112), (0, 0, 80, 160), False, (160, 80), (160, 80)).to_dict()

    rows, left_out = lesion_rows(pa.Table.from_pylist([row], schema=SCHEMA))

    assert rows["lesion_id"].to_pylist() == ["a"]
    assert left_out == {"no-place": 1, "outside-crop": 1}


def test_without_a_patient_lesions_of_one_image_belong_together(folder: Path) -> None:
    table = marked(
        Finding("mass", "a", Box(10, 20, 30, 40)), Finding("mass", "b", Box(50, 20, 70, 40))
    )
    row = table.to_pylist()[0] | {"patient_id": None, "exam_id": None}
    rows, _ = lesion_rows(pa.Table.from_pylist([row], schema=SCHEMA).select(COLUMNS))

    assert {one.patient for one in CloseUps(folder, rows)} == {"image 007"}


def test_splits_without_a_lesion_are_refused(tmp_path: Path) -> None:
    folder = write_archive(tmp_path / "data")
    table = Archive.open(folder, ["train"]).table
    at = table.schema.get_field_index("findings")
    empty = table.set_column(at, "findings", pa.array([[]] * len(table), table.schema.types[at]))
    assert lesion_rows(empty)[0].num_rows == 0
    with pytest.raises(InputError) as caught:
        CloseUps.open(folder, ["val"])
    assert caught.value.reason == "empty-split"


def test_close_ups_travel_to_a_worker(folder: Path) -> None:
    shown = CloseUps.open(folder, ["train"])
    there = pickle.loads(pickle.dumps(shown))
    assert repr(there[1]) == repr(shown[1])  # unknown numbers equal nothing
    assert there.digest == shown.digest
    with pytest.raises(IndexError):
        shown[len(shown)]


def test_a_published_table_of_lesions_is_matched_by_name_and_its_leaks_are_told(
    tmp_path: Path,
) -> None:
    rows, _ = lesion_rows(
        marked(
            Finding("mass", "a", Box(10, 20, 30, 40)),
            Finding("mass", "b", Box(50, 20, 70, 40)),
            Finding("mass", "c", Box(50, 60, 70, 90)),
        )
    )
    table = tmp_path / "published.csv"
    table.write_text("dataset,data_name,data_split\nX,a,Train\nX,b,Test\nX,elsewhere,Test\n")

    placed, given = split_lesions(rows, read_splits(f"published:{table}#X"))

    assert placed["split"].to_pylist() == ["train", "test", None]
    assert (given.unnamed, given.unmatched) == (1, 1)
    assert given.leaks[0].train_and_test == 1  # the one patient
