from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from versamammo.data.quarantine import Quarantined
from versamammo.data.sources import SOURCES, coco
from versamammo.data.sources.masks import read_mask
from versamammo.data.sources.source_contract import ImageRecord, SourceOptions
from versamammo.errors import InputError
from versamammo.imaging.mammogram import Box


def write(root: Path, **changes: object) -> None:
    (root / "images").mkdir(exist_ok=True)
    Image.fromarray(np.full((40, 30), 9, np.uint8)).save(root / "images" / "a.png")
    made = {
        "images": [{"id": 1, "file_name": "a.png"}, {"id": 2, "file_name": "gone.png"}],
        "categories": [{"id": 7, "name": "Mass"}, {"id": 8, "name": "Blob"}],
        "annotations": [{"id": 5, "image_id": 1, "category_id": 7, "bbox": [2, 3, 10, 20]}],
    } | changes
    (root / "annotations.json").write_text(json.dumps(made))


def entries(root: Path) -> dict[str, ImageRecord | Quarantined]:
    return {entry.path: entry for entry in coco.records(root, SourceOptions())}


def test_boxes_of_coco_are_boxes_of_the_file(tmp_path: Path) -> None:
    write(tmp_path)
    record = entries(tmp_path)["images/a.png"]
    assert isinstance(record, ImageRecord)
    assert record.labels.mass == 1
    assert [found.box for found in record.labels.findings] == [Box(2, 3, 12, 23)]
    assert next(name for name, s in SOURCES.items() if s.detect(tmp_path)) == "coco"


def test_a_picture_that_is_not_there_is_said(tmp_path: Path) -> None:
    write(tmp_path)
    entry = entries(tmp_path)["gone.png"]
    assert isinstance(entry, Quarantined)
    assert entry.reason == "missing-file"


@pytest.mark.parametrize(
    ("annotation", "reason"),
    [
        ({"category_id": 8, "bbox": [2, 3, 10, 20]}, "unknown-word"),
        ({"category_id": 7, "bbox": [2, 3, 0, 20]}, "box-empty"),
        ({"category_id": 7}, "box-empty"),
    ],
)
def test_a_bad_annotation_keeps_its_picture_out(
    tmp_path: Path, annotation: dict[str, object], reason: str
) -> None:
    write(tmp_path, annotations=[{"id": 5, "image_id": 1} | annotation])
    entry = entries(tmp_path)["images/a.png"]
    assert isinstance(entry, Quarantined)
    assert entry.reason == reason


def test_a_file_that_is_no_coco_is_refused(tmp_path: Path) -> None:
    (tmp_path / "annotations.json").write_text("[]")
    with pytest.raises(InputError) as caught:
        entries(tmp_path)
    assert caught.value.reason == "bad-table"


def test_masks_of_coco_are_read_beside_their_boxes(tmp_path: Path) -> None:
    annotation = {"id": 5, "image_id": 1, "category_id": 7, "bbox": [2, 3, 10, 20]}
    outline = {"segmentation": [[2, 3, 12, 3, 12, 23, 2, 23]]}
    write(tmp_path, annotations=[annotation | {"image_id": 2}, annotation | outline, annotation])
    record = entries(tmp_path)["images/a.png"]
    assert isinstance(record, ImageRecord)
    with_mask, without = record.labels.findings
    assert without.mask is None
    assert with_mask.mask == "annotations.json#1"
    mask = read_mask(tmp_path, with_mask.mask, (40, 30))
    assert mask[3:23, 2:12].all()
    assert mask.sum() == 200


def listed(root: Path) -> tuple[list[ImageRecord | Quarantined], SourceOptions]:
    options = SourceOptions()
    return list(coco.records(root, options)), options


@pytest.mark.parametrize(("one", "other"), [("1", 1), (1, "1"), (1.0, 1), ("1", 1.0), ("a", "a")])
def test_ids_as_text_and_as_number_are_one(tmp_path: Path, one: object, other: object) -> None:
    annotation = {"id": 5, "image_id": other, "category_id": "7", "bbox": [2, 3, 10, 20]}
    write(tmp_path, images=[{"id": one, "file_name": "a.png"}], annotations=[annotation])
    (entry,) = entries(tmp_path).values()
    assert isinstance(entry, ImageRecord)
    assert len(entry.labels.findings) == 1


def test_an_annotation_of_no_listed_image_is_said(tmp_path: Path) -> None:
    own = {"id": 5, "image_id": 1, "category_id": 7, "bbox": [2, 3, 10, 20]}
    write(tmp_path, annotations=[own, own | {"image_id": 99}])
    found, options = listed(tmp_path)
    (orphan,) = [one for one in found if getattr(one, "reason", "") == "orphan-annotation"]
    assert "image 99" in orphan.message  # type: ignore[union-attr]
    (joined,) = options.joins
    assert (joined.rows, joined.rows_matched, joined.rows_are) == (2, 1, "annotations")


def test_annotations_that_belong_to_no_image_at_all_are_refused(tmp_path: Path) -> None:
    write(tmp_path, annotations=[{"image_id": 99, "category_id": 7, "bbox": [2, 3, 10, 20]}])
    with pytest.raises(InputError) as caught:
        entries(tmp_path)
    assert caught.value.reason == "no-file-found"


def test_one_id_for_two_images_is_refused(tmp_path: Path) -> None:
    write(tmp_path, images=[{"id": 1, "file_name": "a.png"}, {"id": "1", "file_name": "b.png"}])
    with pytest.raises(InputError) as caught:
        entries(tmp_path)
    assert caught.value.reason == "duplicate-id"


def test_the_size_that_coco_states_is_kept(tmp_path: Path) -> None:
    write(tmp_path, images=[{"id": 1, "file_name": "a.png", "width": 15, "height": 20.0}])
    entry = entries(tmp_path)["images/a.png"]
    assert isinstance(entry, ImageRecord)
    assert entry.size == (20, 15)


@pytest.mark.parametrize("name", ["../../etc/passwd", "a\0b.png", "x" * 5000, ""])
def test_a_name_that_is_no_file_of_the_folder_is_said(tmp_path: Path, name: str) -> None:
    write(tmp_path, images=[{"id": 1, "file_name": name}])
    (entry,) = entries(tmp_path).values()
    assert isinstance(entry, Quarantined)
