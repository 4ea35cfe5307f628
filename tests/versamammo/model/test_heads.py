"""What attributes are read off: the pooled vector and the strongest cell of each finding."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch

from versamammo.model.configuration import VersaMammoConfig
from versamammo.model.encoder import VersaMammoModel
from versamammo.model.heads import LARGEST_ODDS, ODDS_SCALE, describe_heads

KINDS = ["mass", "calcification"]
DEMO = Path(__file__).parents[3] / "models" / "demo" / "encoder"


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


@torch.no_grad()
def test_attributes_see_how_malignant_the_marked_cells_look() -> None:
    encoder = encoder_with(describe_heads(["mass"], KINDS, 8, lesion_pathology=True))
    heads = encoder.heads
    assert heads is not None
    assert heads.lesions is not None
    features = encoder.encode(torch.randn(3, 1, 64, 64))
    heat = torch.full((3, 2, 8, 8), -9.0)
    heat[:, 1, 3, 4] = 9.0  # the one cell that is marked

    whole = heads.whole(features, heat)

    width = features.pooled.shape[1]
    assert whole.shape == (3, width + len(KINDS) + 1)
    assert torch.equal(whole[:, :width], features.pooled)
    odds = heads.lesions(features.pyramid)
    assert odds.shape == (3, 1, 8, 8)
    torch.testing.assert_close(whole[:, -1], odds[:, 0, 3, 4], rtol=1e-4, atol=1e-4)


@torch.no_grad()
def test_a_folder_with_lesion_pathology_answers_as_before(tmp_path: Path) -> None:
    first = encoder_with(describe_heads(["mass", "pathology"], KINDS, 8, lesion_pathology=True))
    first.save_pretrained(tmp_path)

    second = VersaMammoModel.from_pretrained(tmp_path).eval()

    assert second.config.heads["lesion_pathology"] is True
    assert first.heads is not None
    assert second.heads is not None
    image = torch.randn(2, 1, 64, 64)
    one, other = first.encode(image), second.encode(image)
    assert torch.equal(first.heads.whole(one), second.heads.whole(other))
    assert first.heads.lesions is not None
    assert second.heads.lesions is not None
    assert torch.equal(first.heads.lesions(one.pyramid), second.heads.lesions(other.pyramid))


def test_folders_from_before_have_no_lesion_pathology() -> None:
    assert "lesion_pathology" not in describe_heads(["mass"], KINDS, 8)

    encoder = VersaMammoModel.from_pretrained(DEMO)

    assert encoder.heads is not None
    assert encoder.heads.lesions is None
    assert encoder.heads.findings is not None


def test_lesion_pathology_takes_kinds_of_findings() -> None:
    encoder = encoder_with(describe_heads(["mass"], [], 8, lesion_pathology=True))

    assert encoder.heads is not None
    assert encoder.heads.lesions is None


def _strides_read(described: dict[str, Any]) -> list[int]:
    encoder = encoder_with(described)
    assert encoder.heads is not None
    assert encoder.heads.findings is not None
    return [encoder.levels[i].stride for i in encoder.heads.findings.chosen]


@torch.no_grad()
def test_mirrored_heads_answer_alike_for_an_image_upside_down() -> None:
    plain = encoder_with(describe_heads(["density"], KINDS, 8))
    mirrored = encoder_with(describe_heads(["density"], KINDS, 8) | {"mirrored": True})
    images = torch.randn(2, 1, 64, 32)
    turned = images.flip(-2)
    as_it_is, upside_down = plain.head_inputs(images), plain.head_inputs(turned)
    assert not torch.allclose(as_it_is.whole, upside_down.whole, atol=1e-3)

    both, other = mirrored.head_inputs(images), mirrored.head_inputs(turned)

    torch.testing.assert_close(both.whole, (as_it_is.whole + upside_down.whole) / 2)
    torch.testing.assert_close(both.whole, other.whole)
    torch.testing.assert_close(both.heat, other.heat.flip(-2))
    torch.testing.assert_close(both.heat, (as_it_is.heat + upside_down.heat.flip(-2)) / 2)
    torch.testing.assert_close(both.features.pooled, plain.encode(images).pooled)
    first, second = (mirrored.probabilities(one)[0]["density"] for one in (images, turned))
    assert first == pytest.approx(second, abs=1e-5)


@torch.no_grad()
def test_mirrored_places_fit_where_sides_are_padded() -> None:
    encoder = encoder_with(describe_heads(["density"], KINDS, 8) | {"mirrored": True})
    images = torch.randn(1, 1, 75, 50)
    inputs, plain = encoder.head_inputs(images), encoder.heads.heat(encoder.encode(images))
    assert inputs.heat.shape == plain.shape
    assert torch.isfinite(inputs.whole).all()
