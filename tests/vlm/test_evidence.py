"""What the heads say reaches the projector, from the right cells, and is saved with it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch

from versamammo.errors import InputError
from versamammo.input.preprocess import InputContract
from versamammo.model.configuration import VersaMammoConfig
from versamammo.model.encoder import VersaMammoModel
from versamammo.model.heads import describe_heads
from vlm.assembly import assemble, load, save
from vlm.head_features import SCALE, widths, with_evidence
from vlm.language import TinyLanguage, tiny_language
from vlm.projector import ProjectorSettings


@pytest.fixture(scope="module")
def headed() -> VersaMammoModel:
    torch.manual_seed(0)
    config = VersaMammoConfig(
        backbone="test_efficientnet",
        contract=InputContract(size=(64, 32)).to_dict(),
        heads=describe_heads(["density", "mass"], ["mass", "calcification"], 8),
    )
    model = VersaMammoModel(config)
    model.eval()
    return model


@torch.no_grad()
def test_each_patch_hears_the_largest_odds_of_its_own_cells(headed: VersaMammoModel) -> None:
    features = headed.encode(torch.randn(2, 1, 64, 32))  # two patches, heat of 8 x 4 cells
    said = with_evidence(headed, features)
    heat = headed.heads.heat(features) / SCALE
    width = features.pooled.shape[1]
    assert features.grid == (2, 1)
    assert torch.equal(said.patches[..., :width], features.patches)
    assert torch.equal(said.patches[:, 0, width:], heat[:, :, :4].amax(dim=(2, 3)))
    assert torch.equal(said.patches[:, 1, width:], heat[:, :, 4:].amax(dim=(2, 3)))
    assert widths(headed) == (2, 2 + 4 + 2)
    assert said.pooled.shape == (2, width + 8)
    assert torch.equal(said.pooled[:, -2:], heat.amax(dim=(2, 3)))


def test_a_model_with_evidence_comes_back_the_same(
    headed: VersaMammoModel, small: Any, tmp_path: Path
) -> None:
    language = tiny_language(["Is there a mass? Yes."] * 4, TinyLanguage(300, 32, 1, 2))
    settings = ProjectorSettings(shrink=(1, 1), whole=2, evidence=True)
    model, processor = assemble(headed, language, settings)
    batch = processor.encode(small.questions, ["Yes.", "No."])
    model.train_only(projector=True)
    small.train(model, dict(batch), 2)
    save(model, processor, tmp_path)
    again, _ = load(tmp_path)
    with torch.no_grad():
        found, expected = again(**batch).logits, model(**batch).logits
    torch.testing.assert_close(found, expected, rtol=0, atol=1e-5)


def test_an_encoder_without_heads_is_refused(small: Any) -> None:
    language = tiny_language(["Is there a mass? Yes."] * 4, TinyLanguage(300, 32, 1, 2))
    with pytest.raises(InputError, match="heads say, but it has none"):
        assemble(small.encoder(), language, ProjectorSettings(evidence=True))
    with pytest.raises(InputError, match="a resampler does not see evidence"):
        ProjectorSettings("resampler", evidence=True)
