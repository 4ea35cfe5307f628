"""Folders as the library `datasets` writes and reads them."""

from __future__ import annotations

import json
from pathlib import Path

import datasets
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from PIL import Image

from versamammo.data.quarantine import Quarantined
from versamammo.data.sources import SOURCES, imagefolder
from versamammo.data.sources.source_contract import ImageRecord, SourceOptions
from versamammo.errors import InputError
from versamammo.imaging.mammogram import Box

ROWS = [
    {"file_name": "a.png", "patient_id": "P1", "density": 2, "birads": None},
    {"file_name": "sub/b.png", "patient_id": "P2", "density": 4, "birads": 5},
]


def pictures(folder: Path) -> None:
    for name, level in (("a.png", 9), ("sub/b.png", 90)):
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(np.full((40, 30), level, np.uint8)).save(folder / name)


def write(folder: Path, kind: str, rows: list[dict[str, object]]) -> None:
    pictures(folder)
    path = folder / f"metadata.{kind}"
    if kind == "parquet":
        pq.write_table(pa.Table.from_pylist(rows), path)
    elif kind == "jsonl":
        path.write_text("\n".join(json.dumps(row) for row in rows) + "\n")
    else:
        lines = [",".join("" if v is None else str(v) for v in row.values()) for row in rows]
        path.write_text("\n".join([",".join(rows[0]), *lines]) + "\n")


def entries(root: Path, **columns: str) -> dict[str, ImageRecord | Quarantined]:
    options = SourceOptions(columns=columns)
    return {entry.path: entry for entry in imagefolder.records(root, options)}


@pytest.mark.parametrize("kind", ["csv", "jsonl", "parquet"])
def test_every_form_of_metadata_says_the_same(tmp_path: Path, kind: str) -> None:
    write(tmp_path, kind, ROWS)
    assert next(name for name, s in SOURCES.items() if s.detect(tmp_path)) == "imagefolder"
    found = entries(tmp_path)
    first, second = found["a.png"], found["sub/b.png"]
    assert isinstance(first, ImageRecord)
    assert isinstance(second, ImageRecord)
    assert (first.labels.density, second.labels.density, second.labels.birads) == (2, 4, 5)
    assert repr(first.labels.birads) == "nan"
    assert second.identifiers.patient_id == "P2"


def test_datasets_opens_what_we_open(tmp_path: Path) -> None:
    write(tmp_path, "csv", ROWS)
    theirs = datasets.load_dataset(
        "imagefolder", data_dir=str(tmp_path), split="train", cache_dir=str(tmp_path / "cache")
    )
    ours = [entry for path, entry in entries(tmp_path).items() if not path.startswith("cache/")]
    assert sorted(row["density"] for row in theirs) == [entry.labels.density for entry in ours]


def test_folders_named_like_splits_are_official_ones(tmp_path: Path) -> None:
    for part in ("train", "validation", "test"):
        write(tmp_path / "data" / part, "jsonl", ROWS)
    found = {path: entry.official_split for path, entry in entries(tmp_path).items()}
    assert found["data/train/a.png"] == "train"
    assert found["data/validation/sub/b.png"] == "val"
    assert found["data/test/a.png"] == "test"
    assert len(found) == 6


def test_objects_are_findings_in_pixels_of_the_file(tmp_path: Path) -> None:
    objects = {"bbox": [[2, 3, 10, 20], [5, 5, 4, 4]], "categories": ["mass", "calcification"]}
    none: dict[str, list[object]] = {"bbox": [], "categories": []}
    write(tmp_path, "jsonl", [ROWS[0] | {"objects": objects}, ROWS[1] | {"objects": none}])
    found = entries(tmp_path)
    assert [(f.kind, f.box) for f in found["a.png"].labels.findings] == [
        ("mass", Box(2, 3, 12, 23)), ("calcification", Box(5, 5, 9, 9)),
    ]  # fmt: skip
    assert found["sub/b.png"].labels.findings == ()


def test_a_category_without_meaning_keeps_its_picture_out(tmp_path: Path) -> None:
    write(tmp_path, "jsonl", [ROWS[0] | {"objects": {"bbox": [[2, 3, 4, 5]], "category": [3]}}])
    (only,) = entries(tmp_path).values()
    assert isinstance(only, Quarantined)
    assert only.reason == "unknown-word"


def test_objects_that_do_not_match_are_refused(tmp_path: Path) -> None:
    write(tmp_path, "jsonl", [ROWS[0] | {"objects": {"bbox": [[2, 3, 4, 5]], "category": []}}])
    with pytest.raises(InputError) as caught:
        entries(tmp_path)
    assert caught.value.reason == "bad-objects"


def test_columns_can_be_named(tmp_path: Path) -> None:
    write(tmp_path, "jsonl", [{"file_name": "a.png", "tissue_class": 3}])
    found = entries(tmp_path, density="tissue_class", birads_edition="=5th")
    assert found["a.png"].labels.density == 3
    assert found["a.png"].birads_edition == "5th"


def test_pictures_in_tables_have_to_be_unpacked(tmp_path: Path) -> None:
    made = datasets.Dataset.from_dict({"density": [1, 2]})
    made.save_to_disk(str(tmp_path / "set"))
    assert imagefolder.detect(tmp_path / "set")
    with pytest.raises(InputError, match="unpack it first") as caught:
        entries(tmp_path / "set")
    assert caught.value.reason == "packed-pictures"


def test_metadata_without_file_names_is_refused(tmp_path: Path) -> None:
    write(tmp_path, "jsonl", [{"density": 3}])
    with pytest.raises(InputError) as caught:
        entries(tmp_path)
    assert caught.value.reason == "missing-column"


def test_another_table_of_that_name_does_not_make_an_image_folder(tmp_path: Path) -> None:
    pictures(tmp_path)
    (tmp_path / "metadata.csv").write_text("scanner,room\nA,3\n")
    (tmp_path / "metadata.parquet").write_bytes(b"no parquet")
    assert not imagefolder.detect(tmp_path)
