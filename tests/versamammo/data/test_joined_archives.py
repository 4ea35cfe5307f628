"""Several prepared folders as one archive: nobody is taken for another or stands on two sides."""

from __future__ import annotations

import pickle
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.pretrain.archives import write_archive
from versamammo.data.dataset import Archive
from versamammo.data.joined_archives import open_archive
from versamammo.data.manifest import read_manifest, write_manifest
from versamammo.data.weighted_folders import WeightedFolder, weighted_folders
from versamammo.errors import InputError

Change = Callable[[dict[str, Any]], dict[str, Any]]


def prepared(folder: Path, source: str, change: Change = lambda row: {}) -> Path:
    """Write an archive of 16 train and 12 test images, some facts of which are changed."""
    write_archive(folder)
    rows = [
        {**row, "source": source, "content_key": f"{source} {row['content_key']}", **change(row)}
        for row in read_manifest(folder).to_pylist()
    ]
    write_manifest(folder / "manifest.parquet", rows)
    return folder


def own(name: str) -> Change:
    """Rename patients so that no other archive has their ids."""
    return lambda row: {"patient_id": f"{name} {row['patient_id']}"}


@pytest.fixture(scope="module")
def folders(tmp_path_factory: pytest.TempPathFactory) -> list[str]:
    root = tmp_path_factory.mktemp("prepared")
    return [str(prepared(root / name, name)) for name in ("bmcd", "cmmd", "dmid")]


def test_patients_of_different_sources_are_different_patients(folders: list[str]) -> None:
    archive = open_archive(folders, ["train"])

    assert len(archive) == 48
    assert len({picture.image_id for picture in archive}) == 48
    assert len({picture.patient for picture in archive}) == 24
    assert {picture.patient.partition("/")[0] for picture in archive} == {"bmcd", "cmmd", "dmid"}
    assert archive.sources == ["bmcd", "cmmd", "dmid"]


def test_pictures_keep_their_pixels_and_labels(folders: list[str]) -> None:
    joined = open_archive(folders, ["test"])
    alone = Archive.open(Path(folders[1]), ["test"])

    np.testing.assert_array_equal(joined[14].levels(), alone[2].levels())
    assert joined[14].file.samefile(alone[2].file)
    assert joined[14].labels.findings[0].box == alone[2].labels.findings[0].box
    assert pickle.loads(pickle.dumps(joined))[14].image_id == "cmmd/image 102"


def test_one_folder_is_opened_as_ever(folders: list[str]) -> None:
    alone = Archive.open(Path(folders[0]), ["train"])

    for data in (folders[:1], folders[0], Path(folders[0])):
        assert open_archive(data, ["train"]).digest == alone.digest


def test_two_folders_of_one_name_are_kept_apart(tmp_path: Path) -> None:
    folders = [str(prepared(tmp_path / name, "table")) for name in ("here", "there")]

    archive = open_archive(folders, ["train"])

    assert len({picture.image_id for picture in archive}) == 32
    assert len({picture.patient for picture in archive}) == 16
    assert archive.sources == ["table"]


def test_what_one_source_does_not_say_is_unknown(tmp_path: Path) -> None:
    nan = float("nan")
    first = prepared(tmp_path / "a", "bmcd", lambda row: {"mass": nan, "findings": None})
    second = prepared(tmp_path / "b", "cmmd", lambda row: {"density": nan, "exam_id": None})

    archive = open_archive([str(first), str(second)], ["train"])

    masses = np.array([picture.labels.mass for picture in archive])
    densities = np.array([picture.labels.density for picture in archive])
    assert np.isnan(masses[:16]).all()
    assert not np.isnan(masses[16:]).any()
    assert np.isnan(densities[16:]).all()
    assert not np.isnan(densities[:16]).any()
    assert archive.table["exam_id"].null_count == 16


def sides(folders: list[str]) -> dict[str, Archive]:
    return {split: open_archive(folders, [split]) for split in ("train", "test")}


def people(archive: Archive) -> set[str]:
    """Whom an archive shows, without their source."""
    return {picture.patient.partition("/")[2] for picture in archive}


def test_a_patient_id_of_two_sources_never_stands_on_both_sides(tmp_path: Path) -> None:
    def moved(row: dict[str, Any]) -> dict[str, Any]:
        return {"split": "test"} if row["patient_id"] in ("patient 1", "patient 2") else {}

    folders = [str(prepared(tmp_path / "a", "bmcd")), str(prepared(tmp_path / "b", "cmmd", moved))]
    opened = sides(folders)

    assert people(opened["train"]) & people(opened["test"]) == set()
    assert {"patient 1", "patient 2"} <= people(opened["test"])
    assert len(opened["train"]) == 12 + 12
    assert len(opened["test"]) == 12 + 16
    first, second = opened["train"].counts
    assert first.left_out == {
        "of other splits": 12, "whose patient id another folder holds out": 4,
    }  # fmt: skip
    assert second.left_out == {"of other splits": 16}


def test_a_picture_of_two_sources_never_stands_on_both_sides(tmp_path: Path) -> None:
    def copied(row: dict[str, Any]) -> dict[str, Any]:
        # the first train patient's second picture is a test picture of the other archive
        key = {"content_key": "cmmd 100"} if row["image_id"] == "image 001" else {}
        return own("a")(row) | key

    first = prepared(tmp_path / "a", "bmcd", copied)
    second = prepared(tmp_path / "b", "cmmd", own("b"))
    opened = sides([str(first), str(second)])

    keys = [set(opened[side].table["content_key"].to_pylist()) for side in ("train", "test")]
    assert keys[0] & keys[1] == set()
    # with her picture her other pictures go, since they show the same woman
    assert "a patient 0" not in people(opened["train"])
    assert opened["train"].counts[0].left_out["whose picture another folder holds out"] == 2
    assert len(opened["train"]) == 14 + 16


def test_who_is_held_out_under_another_name_is_not_learnt_from(tmp_path: Path) -> None:
    """One picture makes two ids one woman, whose third id's images are held out with her."""

    def middle(row: dict[str, Any]) -> dict[str, Any]:
        names = {"patient 0": "linked", "patient 1": "shared"}
        key = {"content_key": "bmcd 0"} if row["image_id"] == "image 002" else {}
        return {"patient_id": names.get(row["patient_id"], f"b {row['patient_id']}")} | key

    def last(row: dict[str, Any]) -> dict[str, Any]:
        shared = row["patient_id"] == "patient 100"
        return {"patient_id": "shared" if shared else f"c {row['patient_id']}"}

    folders = [
        str(prepared(tmp_path / "a", "bmcd", own("a"))),
        str(prepared(tmp_path / "b", "cmmd", middle)),
        str(prepared(tmp_path / "c", "dmid", last)),
    ]
    train = open_archive(folders, ["train"])

    assert not {"a patient 0", "shared"} & people(train)
    assert "linked" in people(train)
    assert [count.images for count in train.counts] == [14, 14, 16]


@pytest.mark.parametrize("splits", [["train"], ["test"], ["train", "test"]])
def test_counts_add_up(folders: list[str], splits: list[str]) -> None:
    archive = open_archive([folders[0], f"{folders[1]}:0.5", folders[2]], splits)

    assert [count.source for count in archive.counts] == ["bmcd", "cmmd", "dmid"]
    assert sum(count.images for count in archive.counts) == len(archive)
    assert sum(count.patients for count in archive.counts) == len(
        {picture.patient for picture in archive}
    )
    for count in archive.counts:
        assert count.found == 28 == count.images + sum(count.left_out.values())
    assert "cmmd in cmmd" in str(archive.counts[1])
    assert "weight 0.5" in str(archive.counts[1])
    assert "CC BY 4.0" in str(archive.counts[1])


def test_a_source_that_may_not_be_shared_is_left_out_and_counted(tmp_path: Path) -> None:
    folders = [str(prepared(tmp_path / name, name)) for name in ("cmmd", "embed")]

    archive = open_archive(folders, ["train"], shareable=True)

    assert archive.sources == ["cmmd"]
    assert len(archive) == 16
    assert archive.counts[1].images == 0
    assert archive.counts[1].left_out == {"whose terms do not let weights be shared": 28}
    with pytest.raises(InputError, match="no source lets weights be shared"):
        open_archive([folders[1], str(prepared(tmp_path / "ours", "ask us"))], ["train"],
                     shareable=True)  # fmt: skip


def test_a_folder_without_images_of_a_split_is_passed_over(tmp_path: Path) -> None:
    train_only = prepared(tmp_path / "a", "bmcd", lambda row: {"split": "train"})
    other = prepared(tmp_path / "b", "cmmd", own("b"))

    assert open_archive([str(train_only), str(other)], ["test"]).sources == ["cmmd"]
    with pytest.raises(InputError, match="no image is in the splits val"):
        open_archive([str(train_only), str(other)], ["val"])


def test_the_digest_follows_images_splits_and_weights(folders: list[str], tmp_path: Path) -> None:
    def digest(*data: str) -> str:
        return open_archive(data, ["train"]).digest

    first, second, _ = folders
    elsewhere = str(prepared(tmp_path / "moved", "cmmd"))
    assert digest(first, second) == digest(first, elsewhere) == digest(f"{first}:1", second)
    assert len({digest(first, second), digest(first, f"{second}:2"), digest(first)}) == 3


def test_weights_are_read_from_the_end_of_a_name() -> None:
    assert weighted_folders(["a", "b:0.5", "c:d", "e:1:2"]) == (
        WeightedFolder(Path("a"), 1.0),
        WeightedFolder(Path("b"), 0.5),
        WeightedFolder(Path("c:d"), 1.0),
        WeightedFolder(Path("e:1"), 2.0),
    )


@pytest.mark.parametrize("wrong", ["a:0", "a:-1", "a:nan", "a:inf", ":2", ""])
def test_a_weight_that_makes_no_sense_is_refused(wrong: str) -> None:
    with pytest.raises(InputError, match="FOLDER:WEIGHT with a weight above 0"):
        weighted_folders([wrong])


def test_a_folder_named_twice_is_refused() -> None:
    with pytest.raises(InputError, match="named twice"):
        weighted_folders(["a", "b/../a:2"])
    with pytest.raises(InputError, match="names no folder"):
        weighted_folders([])
