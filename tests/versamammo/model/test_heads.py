"""What attributes are read off: the pooled vector and the strongest cell of each finding."""

from __future__ import annotations

from typing import Any

import pytest
import torch

from versamammo.model.configuration import VersaMammoConfig
from versamammo.model.encoder import VersaMammoModel
from versamammo.model.heads import LARGEST_ODDS, ODDS_SCALE, describe_heads

KINDS = ["mass", "calcification"]


def encoder_with(heads: dict[str, object]) -> VersaMammoModel:
    torch.manual_seed(0)
    return VersaMammoModel(VersaMammoConfig(backbone="test_efficientnet", heads=heads)).eval()


@torch.no_grad()
def test_attributes_see_the_strongest_cell_of_each_kind() -> None:
    encoder = encoder_with(describe_heads(["mass"], KINDS, 8))
    heads = encoder.heads
    assert heads is not None
    features = encoder.encode(torch.randn(3, 1, 64, 64))
    heat = heads.heat(features)
    assert heat is not None
    heat[0, 0, 1, 2] = 5.0  # one cell of one image
    heat[1, 1, 3, 3] = 1e4

    whole = heads.whole(features, heat)

    width = features.pooled.shape[1]
    assert torch.equal(whole[:, :width], features.pooled)
    assert whole[0, width] == pytest.approx(5.0 / ODDS_SCALE)
    assert whole[1, width + 1] == pytest.approx(LARGEST_ODDS / ODDS_SCALE)
    assert torch.equal(heads.whole(features), heads.whole(features, heads.heat(features)))


def test_attributes_teach_the_finding_head_through_it() -> None:
    encoder = encoder_with(describe_heads(["mass"], KINDS, 8))
    heads = encoder.heads
    assert heads is not None
    assert heads.findings is not None

    logits = heads.attributes(heads.whole(encoder.encode(torch.randn(2, 1, 64, 64))))["mass"]
    logits[:, 1].sum().backward()

    assert heads.findings.score.weight.grad.abs().sum() > 0


@pytest.mark.parametrize("kinds", [[], KINDS])
def test_folders_from_before_read_attributes_off_the_pooled_vector(kinds: list[str]) -> None:
    described = describe_heads(["mass"], kinds, 8)
    del described["version"]
    encoder = encoder_with(described)
    assert encoder.heads is not None
    features = encoder.encode(torch.randn(1, 1, 64, 64))

    assert encoder.heads.whole(features) is features.pooled


def test_the_finding_head_reads_maps_up_to_the_coarsest() -> None:
    strides = {
        coarsest: _strides_read(describe_heads(["mass"], KINDS, 8, coarsest))
        for coarsest in (8, 16, 64)
    }
    assert strides == {8: [8], 16: [8, 16], 64: [8, 16, 32]}


def test_folders_from_before_read_maps_of_all_strides() -> None:
    described = describe_heads(["mass"], KINDS, 8)
    del described["coarsest"]
    assert _strides_read(described) == [8, 16, 32]


def _strides_read(described: dict[str, Any]) -> list[int]:
    encoder = encoder_with(described)
    assert encoder.heads is not None
    assert encoder.heads.findings is not None
    return [encoder.levels[i].stride for i in encoder.heads.findings.chosen]
