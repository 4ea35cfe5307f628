"""What an encoder with heads says of a file, and where its candidates lie in the stored picture."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

from versamammo.errors import InputError
from versamammo.input.contract import InputContract
from versamammo.input.geometry import Crop
from versamammo.model.configuration import VersaMammoConfig
from versamammo.model.encoder import VersaMammoModel
from versamammo.model.finding import candidates_in, find, heat_on_source, spread_cells
from versamammo.model.heads import describe_heads


@pytest.fixture(scope="module")
def encoder() -> VersaMammoModel:
    torch.manual_seed(0)
    config = VersaMammoConfig(
        backbone="convnext_femto",
        backbone_args={"depths": [1, 1, 1, 1], "dims": [16, 16, 24, 32]},
        contract=InputContract(size=(96, 64)).to_dict(),
        heads=describe_heads(["density", "cancer"], ["mass"], width=16),
    )
    return VersaMammoModel(config).eval()


def test_a_phantom_file_is_described(encoder: VersaMammoModel, phantoms: Path) -> None:
    file = next(phantoms.rglob("*.dcm"))
    sight = find(encoder, file, least=0.0)

    assert sum(sight.probabilities["density"].values()) == pytest.approx(1)
    assert list(sight.probabilities["cancer"]) == ["no", "yes"]
    assert sight.heat is not None
    assert sight.heat.shape == sight.pixels.shape
    assert sight.candidates
    rows, columns = sight.pixels.shape
    box = sight.candidates[0].box
    assert 0 <= box.x1 < box.x2 <= columns
    assert 0 <= box.y1 < box.y2 <= rows


def test_heads_come_back_with_the_folder(encoder: VersaMammoModel, tmp_path: Path) -> None:
    encoder.save_pretrained(tmp_path / "encoder")
    again = VersaMammoModel.from_pretrained(tmp_path / "encoder")
    images = torch.randn(2, 1, 96, 64)
    assert again.probabilities(images) == encoder.probabilities(images)


def test_an_encoder_without_heads_says_so(phantoms: Path) -> None:
    bare = VersaMammoModel(VersaMammoConfig(backbone="resnet10t")).eval()
    with pytest.raises(InputError, match="no heads") as refused:
        find(bare, next(phantoms.rglob("*.dcm")))
    assert refused.value.reason == "no-heads"


def test_unknown_heads_are_refused() -> None:
    for heads in (
        {"attributes": ["hair"], "findings": [], "width": 16},
        {"attributes": [], "findings": ["hair"], "width": 16},
        {"attributes": []},
    ):
        config = VersaMammoConfig(backbone="resnet10t", heads=heads)
        with pytest.raises(InputError):
            VersaMammoModel(config)


@pytest.mark.parametrize("mirrored", [False, True])
def test_a_warm_place_becomes_a_box_in_source_pixels(mirrored: bool) -> None:
    # the cut begins at (10, 20) and is halved: 100 x 80 source pixels become 50 x 40
    crop = Crop((140, 120), (10, 20, 90, 120), mirrored, (50, 40), (64, 48))
    heat = np.zeros((64, 48), np.float32)
    heat[8:16, 4:12] = 0.9

    (found,) = candidates_in(heat, crop, "mass", 0.5)

    x1, x2 = (66, 82) if mirrored else (18, 34)
    assert found.box.as_tuple() == pytest.approx((x1, 36, x2, 52))
    assert found.score == pytest.approx(0.9)
    placed = heat_on_source(heat, crop)
    y, x = np.mgrid[: placed.shape[0], : placed.shape[1]] + 0.5
    centre = (placed * x).sum() / placed.sum(), (placed * y).sum() / placed.sum()
    assert centre == pytest.approx(((x1 + x2) / 2, 44), abs=0.3)


def test_cells_are_spread_over_the_pixels_that_they_cover() -> None:
    crop = Crop((64, 48), (0, 0, 48, 64), False, (64, 40), (64, 48))
    cells = np.zeros((8, 6), np.float32)
    cells[3, 2] = 1
    shown = spread_cells(cells, 8, crop)
    y, x = np.mgrid[:64, :48] + 0.5
    assert (shown * x).sum() / shown.sum() == pytest.approx(20, abs=0.01)
    assert (shown * y).sum() / shown.sum() == pytest.approx(28, abs=0.01)
    assert not shown[:, 40:].any()
