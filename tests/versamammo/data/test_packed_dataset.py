"""A prepared folder becomes a dataset and itself again; what is none of ours is refused."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import datasets
import huggingface_hub
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from app.cli import main
from tests.pretrain.archives import write_archive
from versamammo.data.cache import read_levels
from versamammo.data.manifest import read_manifest, write_manifest
from versamammo.data.packed_dataset import pack, unpack
from versamammo.errors import InputError


@pytest.fixture
def prepared(tmp_path: Path) -> Path:
    """Half discs; one of them is in no split."""
    folder = write_archive(tmp_path / "prepared")
    rows = read_manifest(folder).to_pylist()
    rows[0]["split"] = None
    write_manifest(folder / "manifest.parquet", rows)
    return folder


def files_of(folder: Path) -> dict[str, bytes]:
    return {
        str(path.relative_to(folder)): path.read_bytes()
        for path in folder.rglob("*")
        if path.is_file() and path.name != ".lock"
    }


def test_there_and_back_is_the_same_folder_byte_for_byte(prepared: Path, tmp_path: Path) -> None:
    rows = read_manifest(prepared).num_rows
    packed, back = tmp_path / "packed", tmp_path / "back"
    counts = pack(prepared, packed, per_file=3)
    assert sum(counts.values()) == rows
    assert counts["unassigned"] == 1
    assert unpack(str(packed), back) == rows
    assert files_of(back) == files_of(prepared)


def test_it_opens_as_any_dataset_with_labels_and_16_bit_pictures(
    prepared: Path, tmp_path: Path
) -> None:
    pack(prepared, tmp_path / "packed")
    table = read_manifest(prepared, filters=[("split", "=", "train")]).to_pylist()
    opened = datasets.load_dataset(str(tmp_path / "packed"), split="train", streaming=True)
    found = list(opened)
    assert [one["image_id"] for one in found] == [row["image_id"] for row in table]
    assert len(found) > 2
    for one, row in zip(found, table, strict=True):
        assert one["density"] == row["density"]
        assert one["crop"] == row["crop"]
        levels = read_levels(prepared / row["cache_path"])
        assert np.array_equal(np.asarray(one["image"]), levels)


def test_packing_again_leaves_no_file_of_before(prepared: Path, tmp_path: Path) -> None:
    packed = tmp_path / "packed"
    pack(prepared, packed, per_file=2)
    many = len(list((packed / "data").iterdir()))
    counts = pack(prepared, packed)
    assert many > len(counts) == len(list((packed / "data").iterdir()))


def test_the_card_counts_and_names_sources_and_licences(prepared: Path, tmp_path: Path) -> None:
    counts = pack(prepared, tmp_path / "packed")
    card = (tmp_path / "packed" / "README.md").read_text()
    for name, number in counts.items():
        assert f"{number} {name}" in card
        assert f"data/{name}-*.parquet" in card
    assert "half discs: not known" in card
    assert "Research use only" in card


def test_a_missing_picture_is_named(prepared: Path, tmp_path: Path) -> None:
    gone = prepared / read_manifest(prepared).column("cache_path")[1].as_py()
    gone.unlink()
    with pytest.raises(InputError, match="no such picture") as raised:
        pack(prepared, tmp_path / "packed")
    assert raised.value.file == gone.name


def test_what_was_not_packed_here_is_refused(tmp_path: Path) -> None:
    (tmp_path / "other").mkdir()
    pq.write_table(pa.table({"text": ["a"]}), tmp_path / "other" / "train.parquet")
    with pytest.raises(InputError, match=r"was not packed here: .*image_id.*text"):
        unpack(str(tmp_path / "other"), tmp_path / "back")
    with pytest.raises(InputError, match="is no dataset that can be opened"):
        unpack(str(tmp_path / "nothing"), tmp_path / "back")


def test_a_path_that_leads_out_of_the_folder_writes_nothing(prepared: Path, tmp_path: Path) -> None:
    pack(prepared, tmp_path / "packed")
    for file in (tmp_path / "packed" / "data").iterdir():
        table = pq.read_table(file)
        place = table.schema.get_field_index("cache_path")
        bad = pa.array(["../../out.tif"] * table.num_rows)
        pq.write_table(table.set_column(place, table.schema.field(place), bad), file)
    with pytest.raises(InputError, match="leads out of its folder"):
        unpack(str(tmp_path / "packed"), tmp_path / "deep" / "back")
    assert not list(tmp_path.glob("**/out.tif"))


def test_pushing_asks_for_a_licence_and_makes_the_repository_private(
    prepared: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    asked: list[dict[str, Any]] = []

    class Hub:
        def create_repo(self, name: str, **told: Any) -> huggingface_hub.RepoUrl:
            asked.append(told)
            return huggingface_hub.RepoUrl(f"https://huggingface.co/datasets/{name}")

        def upload_folder(self, **told: Any) -> None:
            asked.append(told)

    monkeypatch.setattr(huggingface_hub, "HfApi", Hub)
    words = ["dataset", "pack", str(prepared), str(tmp_path / "packed"), "--push-to", "us/discs"]
    assert main(words) == 2
    assert "half discs (not known)" in capsys.readouterr().err
    assert not asked
    assert main([*words, "--images-may-be-shared"]) == 0
    assert asked[0]["private"] is True
    assert asked[1]["repo_id"] == "us/discs"
    assert Path(asked[1]["folder_path"]) == tmp_path / "packed"
