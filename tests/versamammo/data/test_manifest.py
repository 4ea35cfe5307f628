from __future__ import annotations

import math
import random
from pathlib import Path
from typing import Any

import datasets
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from versamammo.data.labels import UNKNOWN, Labels
from versamammo.data.manifest import PLACE, SCHEMA, TOLD, read_manifest, write_manifest
from versamammo.errors import InputError
from versamammo.input.geometry import Crop


def row(number: int, **known: Any) -> dict[str, Any]:
    """A row of which nothing is known but its names, and what the test says."""
    blank: dict[str, Any] = dict.fromkeys(SCHEMA.names)
    blank |= dict.fromkeys((*Labels.names(), "age"), UNKNOWN)
    blank |= {name: [] for name in ("modifiers", "warnings", "findings")}
    blank |= {name: dict.fromkeys(TOLD) for name in ("original", "provenance")}
    blank |= {
        "image_id": f"i{number}",
        "source": "folder",
        "path": f"{number}.dcm",
        "cache_path": f"cache/{number}.tif",
        "content_key": str(number),
    }
    return blank | known


def finding(**known: Any) -> dict[str, Any]:
    corners = {"x1": 1.5, "y1": 2.0, "x2": 30.25, "y2": 40.0}
    blank = dict.fromkeys(("lesion_id", "mask", "shape", "margin", "morphology", "distribution"))
    numbers = dict.fromkeys(("pathology", "birads", "subtlety"), UNKNOWN)
    return {"kind": "mass", "box": corners, **blank, **numbers, **known}


def test_what_is_written_is_read_back(tmp_path: Path) -> None:
    path = tmp_path / "manifest.parquet"
    assert write_manifest(path, [row(1, density=2.0, findings=[finding()], split="train")])
    (read,) = read_manifest(path).to_pylist()
    assert read["density"] == 2.0
    assert math.isnan(read["birads"])
    assert read["findings"][0]["box"] == {"x1": 1.5, "y1": 2.0, "x2": 30.25, "y2": 40.0}
    assert math.isnan(read["findings"][0]["pathology"])
    assert read["spacing_mm"] is None


def test_the_order_of_rows_leaves_no_trace(tmp_path: Path) -> None:
    rows = [row(n, patient_id=f"p{n % 7}", exam_id=None if n % 3 else "e") for n in range(50)]
    write_manifest(tmp_path / "a.parquet", rows)
    random.Random(0).shuffle(rows)
    write_manifest(tmp_path / "b.parquet", rows)
    assert (tmp_path / "a.parquet").read_bytes() == (tmp_path / "b.parquet").read_bytes()
    keys = [
        (r["patient_id"], r["exam_id"] or "", r["image_id"])
        for r in read_manifest(tmp_path / "a.parquet").to_pylist()
    ]
    assert keys == sorted(keys)


def test_the_same_rows_leave_the_file_alone(tmp_path: Path) -> None:
    path = tmp_path / "manifest.parquet"
    assert write_manifest(path, [row(1)])
    before = path.stat().st_mtime_ns
    assert not write_manifest(path, [row(1)])
    assert path.stat().st_mtime_ns == before
    assert write_manifest(path, [row(1, split="test")])


def test_datasets_opens_it(tmp_path: Path) -> None:
    path = tmp_path / "manifest.parquet"
    crop = Crop((300, 200), (0, 10, 150, 290), True, (140, 75), (140, 75)).to_dict()
    write_manifest(path, [row(1, crop=crop, findings=[finding(), finding(kind="calcification")]),
                          row(2, breast_box=dict.fromkeys(PLACE.names, 1.0))])  # fmt: skip
    opened = datasets.Dataset.from_parquet(str(path), cache_dir=str(tmp_path / "hub"))
    assert opened.column_names == SCHEMA.names
    assert [found["kind"] for found in opened[0]["findings"]] == ["mass", "calcification"]
    assert math.isnan(opened[0]["density"])
    assert Crop.from_dict(opened[0]["crop"]).to_dict() == crop
    loaded = datasets.load_dataset(
        "parquet", data_files=str(path), split="train", cache_dir=str(tmp_path / "hub")
    )
    assert loaded[1]["breast_box"]["x1"] == 1.0


def test_columns_and_rows_can_be_chosen(tmp_path: Path) -> None:
    write_manifest(tmp_path / "manifest.parquet", [row(1, split="train"), row(2, split="test")])
    found = read_manifest(tmp_path, ["image_id"], [("split", "=", "test")])
    assert found.to_pylist() == [{"image_id": "i2"}]


@pytest.mark.parametrize(
    ("broken", "words"),
    [
        ({"extra": 1}, "extra"),
        ({"image_id": "i1"}, "twice"),
    ],
)
def test_a_row_that_does_not_fit_is_our_fault(
    tmp_path: Path, broken: dict[str, Any], words: str
) -> None:
    with pytest.raises(ValueError, match=words):
        write_manifest(tmp_path / "manifest.parquet", [row(1), row(2, **broken)])
    assert not list(tmp_path.iterdir())


def test_what_is_no_manifest_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "manifest.parquet"
    with pytest.raises(InputError) as caught:
        read_manifest(path)
    assert caught.value.reason == "missing-file"
    path.write_bytes(b"PAR1 and nothing more")
    with pytest.raises(InputError) as caught:
        read_manifest(path)
    assert caught.value.reason == "bad-manifest"
    pq.write_table(pa.table({"image_id": ["a"]}), path)
    with pytest.raises(InputError, match="version none") as caught:
        read_manifest(tmp_path)
    assert caught.value.reason == "manifest-version"
    write_manifest(path, [row(1)])
    with pytest.raises(InputError, match="densty") as caught:
        read_manifest(tmp_path, ["densty"])
    assert caught.value.reason == "unknown-column"


@pytest.mark.parametrize(
    ("column", "value"),
    [
        ("cache_path", "../elsewhere.tif"), ("cache_path", "/etc/passwd"),
        ("cache_path", "cache/../../x.tif"), ("cache_path", "C:\\x.tif"),
        ("cache_path", "cache\\..\\..\\x.tif"), ("path", "../../x.dcm"),
    ],
)  # fmt: skip
def test_a_place_outside_its_folder_is_refused(tmp_path: Path, column: str, value: str) -> None:
    path = tmp_path / "manifest.parquet"
    write_manifest(path, [row(1) | {column: value}])
    with pytest.raises(InputError) as caught:
        read_manifest(path)
    assert (caught.value.field, caught.value.reason) == (column, "outside-root")


def test_dots_within_a_name_lead_nowhere(tmp_path: Path) -> None:
    path = tmp_path / "manifest.parquet"
    write_manifest(path, [row(1) | {"cache_path": "cache/a..b/..c.tif"}])
    assert read_manifest(path).num_rows == 1


def test_a_column_of_another_type_is_named(tmp_path: Path) -> None:
    path = tmp_path / "manifest.parquet"
    write_manifest(path, [row(1)])
    table = pq.read_table(path)
    place = table.schema.get_field_index("age")
    pq.write_table(table.set_column(place, "age", table["age"].cast(pa.string())), path)
    with pytest.raises(InputError, match="string, expected float") as caught:
        read_manifest(path)
    assert (caught.value.field, caught.value.reason) == ("age", "bad-manifest")
    pq.write_table(table.drop_columns(["split"]), path)
    with pytest.raises(InputError, match="0 times") as caught:
        read_manifest(path)
    assert caught.value.field == "split"
