from __future__ import annotations

import pickle
from pathlib import Path

import numpy as np
import pytest

from tests.pretrain.archives import LESION, SIZE, half_disc, write_archive
from versamammo.data.dataset import Archive
from versamammo.errors import InputError
from versamammo.imaging.mammogram import Box


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_archive(tmp_path_factory.mktemp("prepared") / "archive")


def test_a_picture_knows_its_pixels_place_and_labels(folder: Path) -> None:
    archive = Archive.open(folder, ["test"])
    picture = archive[2]

    assert len(archive) == 12
    assert picture.image_id == "image 102"
    assert picture.patient == "patient 101"
    assert picture.spacing_mm == (1.0, 1.0)
    assert picture.labels.density == 3
    assert picture.labels.findings[0].box == Box(**LESION)
    np.testing.assert_array_equal(picture.levels(), half_disc(102, 3, lesion=True))
    np.testing.assert_array_equal(picture.levels(slice(70, 90)), picture.levels()[70:90])
    assert picture.levels().shape == SIZE


def test_a_sequence_ends_where_it_ends(folder: Path) -> None:
    archive = Archive.open(folder, ["train"])

    assert [picture.image_id for picture in archive] == [f"image {i:03d}" for i in range(16)]
    with pytest.raises(IndexError):
        archive[16]


def test_the_digest_follows_the_split_and_not_the_folder(folder: Path, tmp_path: Path) -> None:
    elsewhere = write_archive(tmp_path / "copy")

    train = Archive.open(folder, ["train"]).digest
    assert train == Archive.open(elsewhere, ["train"]).digest
    assert train != Archive.open(folder, ["train", "test"]).digest


def test_an_archive_travels_to_a_worker(folder: Path) -> None:
    archive = Archive.open(folder, ["train"])

    there = pickle.loads(pickle.dumps(archive))[3]

    assert (there.image_id, there.file) == (archive[3].image_id, archive[3].file)


def test_a_split_without_images_is_refused(folder: Path) -> None:
    with pytest.raises(InputError, match="no image is in the splits val"):
        Archive.open(folder, ["val"])
