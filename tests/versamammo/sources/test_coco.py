from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from versamammo.errors import InputError
from versamammo.mammogram import Box
from versamammo.quarantine import Quarantined
from versamammo.sources import SOURCES, coco
from versamammo.sources.contract import ImageRecord, SourceOptions
from versamammo.sources.masks import read_mask


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
