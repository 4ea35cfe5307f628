"""Lines of what the heads say: their probabilities, in the record's words, of the pixels shown."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
import torch

from tests.vlm.archives import write_archive
from versamammo.errors import InputError
from versamammo.input.contract import InputContract
from versamammo.model.configuration import VersaMammoConfig
from versamammo.model.encoder import VersaMammoModel
from versamammo.model.heads import describe_heads
from vlm.evidence_text import evidence_lines
from vlm.image_cache import ImageCache
from vlm.instructions import make_items
from vlm.option_words import figure
from vlm.predict import Asker, Prediction
from vlm.prompts import PromptImage

SIZE = (64, 32)


@pytest.fixture(scope="module")
def headed() -> VersaMammoModel:
    torch.manual_seed(0)
    config = VersaMammoConfig(
        backbone="test_efficientnet",
        contract=InputContract(size=SIZE).to_dict(),
        heads=describe_heads(["density", "pathology"], ["mass"], 8),
    )
    model = VersaMammoModel(config)
    model.eval()
    return model


def pictures(count: int) -> tuple[PromptImage, ...]:
    random = torch.Generator().manual_seed(3)
    return tuple(PromptImage(torch.randn(1, *SIZE, generator=random)) for _ in range(count))


def test_the_density_of_a_picture_is_what_the_head_says(headed: VersaMammoModel) -> None:
    (one,) = pictures(1)
    (line,) = evidence_lines(headed, [one], "ACR")
    shares = headed.probabilities(one.pixels[None])[0]["density"]
    best = max(shares, key=lambda value: shares[value])
    assert line.startswith("ACR density: ")
    assert f"{best}" in line
    assert figure(shares[best]) in line


def test_of_several_pictures_the_mean_is_told_and_of_findings_the_most_suspicious(
    headed: VersaMammoModel,
) -> None:
    some = pictures(3)
    (line,) = evidence_lines(headed, some, "ACR")
    each = headed.probabilities(torch.stack([one.pixels for one in some]))
    mean = {value: sum(one["density"][value] for one in each) / 3 for value in each[0]["density"]}
    assert figure(max(mean.values())) in line
    assert line.endswith("(mean of 3 pictures).")
    (mass,) = evidence_lines(headed, some, "Mass")
    with torch.no_grad():
        heat = headed.heads.heat(headed.encode(torch.stack([one.pixels for one in some])))
    yes = float(heat.sigmoid().max())
    assert mass == f"Mass: {f'yes ({figure(yes)})' if yes >= 0.5 else f'no ({figure(1 - yes)})'}."


def test_what_no_head_knows_has_no_line_and_an_encoder_without_heads_is_refused(
    headed: VersaMammoModel,
) -> None:
    assert evidence_lines(headed, pictures(1), "Subtlety") == ()
    assert evidence_lines(headed, pictures(1), "a topic of another bench") == ()
    bare = VersaMammoModel(
        VersaMammoConfig(backbone="test_efficientnet", contract=InputContract(size=SIZE).to_dict())
    )
    with pytest.raises(InputError, match="no evidence to show"):
        evidence_lines(bare, pictures(1), "ACR")


def test_a_blank_picture_has_evidence_of_its_own(headed: VersaMammoModel, tmp_path: Path) -> None:
    images = write_archive(tmp_path / "prepared")
    items = [
        one for one in make_items(images, per_answer=2)
        if one.topic == "ACR" and len(one.images) == 1
    ]  # fmt: skip
    shelf = ImageCache(images, InputContract(size=SIZE))
    assert items
    level = (shelf.contract.fill - shelf.contract.mean) / shelf.contract.std
    for control in ("none", "blank"):
        settings = Prediction(
            tmp_path, tmp_path, images, tmp_path, control=control, context=False, evidence=True
        )
        asker = Asker(items, shelf, settings, headed)
        for one in asker.asked:
            shown = shelf.take(one.item.images[0])
            if control == "blank":
                shown = replace(shown, pixels=torch.full_like(shown.pixels, level))
            (question,) = asker.questions(one)
            assert question.facts == evidence_lines(headed, [shown], "ACR")
            assert torch.equal(question.pictures[0].pixels, shown.pixels)
