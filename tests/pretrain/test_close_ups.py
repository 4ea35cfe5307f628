"""Close-ups show what they say, are reckoned rightly, and leave the network's moments alone."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch
from torch import nn

from pretrain.views.augmentations import LookSettings
from pretrain.views.lesion_patches import (
    close_rates,
    close_up,
    fixed_statistics,
    settled_statistics,
)
from pretrain.views.whole_breast import WholeSettings, shown_at
from pretrain.views.whole_breast_loader import WholeDataset, collate_wholes
from tests.pretrain.archives import write_archive
from versamammo.data.dataset import Archive
from versamammo.data.labels import FINDINGS
from versamammo.data.sampling import Draw

PLAIN = LookSettings(black=0, white=0, gamma=0, blur=0, noise=0, flip=(0, 0))
SETTINGS = WholeSettings(size=(160, 112), low=(80, 56), close=4, close_size=32, look=PLAIN)
MASS = FINDINGS.index("mass")


@pytest.fixture(scope="module")
def archive(tmp_path_factory: pytest.TempPathFactory) -> Archive:
    return Archive.open(write_archive(tmp_path_factory.mktemp("close") / "data"), ["train"])


@pytest.fixture(scope="module")
def showing(archive: Archive) -> np.ndarray:
    return np.array([i for i, one in enumerate(archive) if one.labels.findings])


@pytest.mark.parametrize("seed", range(8))
def test_a_finding_lies_in_its_window_where_the_cells_say(
    archive: Archive, showing: np.ndarray, seed: int
) -> None:
    picture = archive[int(showing[0])]
    shown = np.zeros_like(shown_at(picture, SETTINGS.size))
    box = [one.box.as_tuple() for one in picture.labels.findings if one.box is not None][:1]
    x1, y1, x2, y2 = picture.crop.within(SETTINGS.size).boxes_to_input(np.array(box))[0].round()
    shown[int(y1) : int(y2), int(x1) : int(x2)] = 1  # bright where the box lies, dark elsewhere
    random = np.random.default_rng(seed)

    seen = close_up(picture, shown, SETTINGS, 8, random, on_finding=True)
    image, cover, placed = seen.image, seen.cover, seen.placed

    bright = image[0] * SETTINGS.std + SETTINGS.mean
    cells = bright.reshape(4, 8, 4, 8).mean(axis=(1, 3))
    assert placed[MASS]
    assert cover[MASS].max() > 0.2
    np.testing.assert_allclose(cover[MASS], cells, atol=0.2)


def test_windows_follow_from_seed_epoch_and_index(archive: Archive, showing: np.ndarray) -> None:
    def windows(epoch: int) -> np.ndarray:
        dataset = WholeDataset(archive, SETTINGS, cell=8, seed=3, hidden=0.0, showing=showing)
        return dataset[Draw(epoch, 0, 1)].close.images

    assert windows(0).shape == (4, 1, 32, 32)
    np.testing.assert_array_equal(windows(0), windows(0))
    assert np.abs(windows(0) - windows(1)).max() > 0.1


def test_without_findings_there_are_no_windows(archive: Archive) -> None:
    none = np.zeros(0, np.int64)
    dataset = WholeDataset(archive, SETTINGS, cell=8, seed=3, hidden=0.0, showing=none)

    batch = collate_wholes([dataset[Draw(0, 0, i)] for i in range(2)])

    assert batch.close.shape == (2, 0, 1, 32, 32)
    assert batch.close_cover.shape == (2, 0, len(FINDINGS), 4, 4)


def test_hidden_places_stay_hidden_in_windows(archive: Archive, showing: np.ndarray) -> None:
    dataset = WholeDataset(archive, SETTINGS, cell=8, seed=3, hidden=0.999, showing=showing)

    placed = np.stack([dataset[Draw(0, 0, i)].close.placed for i in range(4)])

    assert placed.mean() < 0.02


def test_the_reckoned_share_is_about_what_windows_cover(
    archive: Archive, showing: np.ndarray
) -> None:
    still = replace(SETTINGS, scale=(1.0, 1.0), turn=0.0)
    dataset = WholeDataset(archive, still, cell=8, seed=0, hidden=0.0, showing=showing)
    samples = [dataset[Draw(epoch, 0, i)] for epoch in range(8) for i in range(len(archive))]
    whole = np.mean([one.whole.cover[MASS].mean() for one in samples])
    seen = np.mean([one.close.cover[:, MASS].mean() for one in samples])

    reckoned = close_rates(np.array([whole]), len(archive), len(showing), still)

    # a finding at the window's rim lies in it by half
    assert seen == pytest.approx(reckoned[0], rel=0.35)


def test_windows_do_not_move_running_moments() -> None:
    network = nn.Sequential(nn.Conv2d(1, 4, 3), nn.BatchNorm2d(4)).train()
    before = network[1].running_mean.clone()

    with settled_statistics(network):
        found = network(torch.randn(2, 1, 8, 8) + 5)
        found.sum().backward()

    assert torch.equal(network[1].running_mean, before)
    assert network[1].momentum == 0.1
    assert network[0].weight.grad.abs().sum() > 0


def test_fixed_moments_are_used_and_kept() -> None:
    network = nn.Sequential(nn.Conv2d(1, 4, 3), nn.BatchNorm2d(4), nn.Dropout(0.0)).train()
    images = torch.randn(2, 1, 8, 8) + 5
    for _ in range(3):
        network(images)
    before = network[1].running_mean.clone()

    with fixed_statistics(network):
        found = network(images)
        assert network.training

    assert torch.equal(network[1].running_mean, before)
    torch.testing.assert_close(found, network.eval()(images))
    assert network.train()[1].training
