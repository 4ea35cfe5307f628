"""A teacher beside the student: standardised, silent about gradients, at its own resolution."""

from __future__ import annotations

from pathlib import Path

import pytest
import timm
import torch
from safetensors.torch import save_file
from torch import Tensor
from transformers import AutoConfig, Dinov2Config, Dinov2Model

from pretrain.export import open_teacher
from pretrain.networks.frozen_teacher import FrozenTeacher
from versamammo.input.contract import InputContract
from versamammo.model.configuration import VersaMammoConfig
from versamammo.model.encoder import VersaMammoModel

TAUGHT = InputContract(size=(56, 42), mean=0.2, std=0.2)


@pytest.fixture
def teacher() -> VersaMammoModel:
    torch.manual_seed(0)
    config = VersaMammoConfig(
        backbone="vit_small_patch14_reg4_dinov2",
        backbone_args={
            "img_size": [56, 42],
            "depth": 2,
            "embed_dim": 16,
            "num_heads": 2,
            "init_values": 1.0,
        },
        contract=InputContract(size=(56, 42), mean=0.5, std=0.25).to_dict(),
    )
    network = VersaMammoModel(config)
    for weight in network.parameters():  # timm's start lets all images look alike
        if weight.ndim > 1:
            torch.nn.init.normal_(weight, std=0.3)
    return network


@pytest.fixture
def images() -> Tensor:
    return torch.randn(6, 1, 56, 42, generator=torch.Generator().manual_seed(1))


def test_what_all_images_have_in_common_is_taken_away(
    teacher: VersaMammoModel, images: Tensor
) -> None:
    seen = FrozenTeacher(teacher, TAUGHT, images)(images)

    assert seen.patches.shape == (6, 16, 4, 3)
    for rows in (seen.pooled, seen.patches.permute(0, 2, 3, 1).flatten(0, 2)):
        torch.testing.assert_close(rows.mean(0), torch.zeros(16), atol=1e-4, rtol=0)
        torch.testing.assert_close(rows.std(0, correction=0), torch.ones(16), atol=1e-3, rtol=0)
    assert not seen.pooled.requires_grad
    assert not any(one.requires_grad for one in teacher.parameters())


def test_the_teacher_sees_its_own_brightness(teacher: VersaMammoModel, images: Tensor) -> None:
    guide = FrozenTeacher(teacher, TAUGHT, images)
    levels = images * TAUGHT.std + TAUGHT.mean
    expected = teacher.encode((levels - 0.5) / 0.25).pooled
    torch.testing.assert_close(
        guide(images).pooled, (expected - guide.pooled_at[0]) / guide.pooled_at[1]
    )


def test_a_teacher_of_coarse_sight_says_how_large_its_patches_are(
    teacher: VersaMammoModel, images: Tensor
) -> None:
    twice = images.repeat_interleave(2, dim=2).repeat_interleave(2, dim=3)
    fine, coarse = (
        FrozenTeacher(teacher, TAUGHT, images),
        FrozenTeacher(teacher, TAUGHT, twice, shrink=2),
    )
    seen = coarse(twice)
    assert seen.patch == 2 * fine(images).patch == 28
    torch.testing.assert_close(seen.patches, fine(images).patches, atol=1e-4, rtol=1e-4)


@pytest.mark.parametrize("maker", ["timm", "transformers"])
def test_anybodys_model_in_a_folder_may_teach(maker: str, images: Tensor, tmp_path: Path) -> None:
    torch.manual_seed(0)
    if maker == "timm":
        network = timm.create_model("resnet10t", num_classes=0)
        save_file(network.state_dict(), tmp_path / "model.safetensors")
        (tmp_path / "config.json").write_text('{"architecture": "resnet10t", "num_classes": 0}')
    else:
        described = Dinov2Config(
            hidden_size=16, num_hidden_layers=2, num_attention_heads=2, image_size=56, patch_size=14
        )
        Dinov2Model(described).save_pretrained(tmp_path)
        assert AutoConfig.from_pretrained(tmp_path).model_type == "dinov2"

    seen = FrozenTeacher(
        open_teacher(tmp_path, tmp_path / "scratch", lambda: True), TAUGHT, images
    )(images)

    assert torch.isfinite(seen.pooled).all()
    assert seen.pooled.std() > 0.5
