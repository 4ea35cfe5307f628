"""Held-out images are the same whether they stay in memory or are read again."""

from __future__ import annotations

import pytest
import torch

from pretrain.monitoring.held_out_images import HeldOutImages
from tests.vlm.archives import SIZE, write_archive
from versamammo.data.bounded_cache import GIGABYTE
from versamammo.data.dataset import Archive, Picture
from versamammo.input.contract import InputContract
from versamammo.input.preprocess import to_input

EACH = 2 * SIZE[0] * SIZE[1] / GIGABYTE


@pytest.fixture(scope="module")
def pictures(tmp_path_factory: pytest.TempPathFactory) -> list[Picture]:
    folder = write_archive(tmp_path_factory.mktemp("held out") / "prepared", patients=3)
    return list(Archive.open(folder, ["train"]))


def test_images_are_the_same_kept_or_read_again(pictures: list[Picture]) -> None:
    contract = InputContract(size=SIZE)
    whole = torch.stack([to_input(one.levels(), contract) for one in pictures])
    for room, kept in ((0.0, 0), (2.5 * EACH, 2), (1.0, len(pictures))):
        images = HeldOutImages(pictures, contract, room)
        assert (images.kept, len(images)) == (kept, len(pictures))
        batches = list(images.batches(4))
        assert [len(one) for one in batches] == [4, 2]
        assert torch.equal(torch.cat(batches), whole)
        assert torch.equal(images[5], whole[5])


def test_what_stays_is_not_read_again(
    pictures: list[Picture], monkeypatch: pytest.MonkeyPatch
) -> None:
    images = HeldOutImages(pictures, InputContract(size=SIZE), 2.5 * EACH)
    read: list[str] = []
    levels = Picture.levels
    monkeypatch.setattr(
        Picture, "levels", lambda self, rows=None: read.append(self.image_id) or levels(self, rows)
    )
    list(images.batches(3))
    assert sorted(read) == sorted(one.image_id for one in pictures[2:])
