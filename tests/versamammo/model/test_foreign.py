from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import timm
import torch
import transformers
from safetensors.torch import load_file, save_file
from timm.models._hub import save_for_hf
from torch import Tensor

from versamammo.errors import InputError
from versamammo.model.foreign import load_encoder

VIT = {"hidden_size": 32, "num_hidden_layers": 2, "num_attention_heads": 2}
CONVNEXT = {"hidden_sizes": [8, 16, 24, 32], "depths": [1, 1, 1, 1]}
THEIRS = {
    "vit": ("ViTModel", {**VIT, "intermediate_size": 64, "image_size": 64, "layer_norm_eps": 1e-6}),
    "dinov2": ("Dinov2Model", {**VIT, "image_size": 56}),
    "dinov2_with_registers": (
        "Dinov2WithRegistersModel",
        {**VIT, "image_size": 56, "patch_size": 14},
    ),
    "dinov3_vit": ("DINOv3ViTModel", {**VIT, "intermediate_size": 64, "num_register_tokens": 4}),
    "convnext": ("ConvNextModel", {**CONVNEXT, "layer_norm_eps": 1e-6}),
    "convnextv2": ("ConvNextV2Model", {**CONVNEXT, "layer_norm_eps": 1e-6}),
}


def theirs(kind: str) -> Any:
    """Build a tiny model of transformers whose every weight says something."""
    torch.manual_seed(0)
    name, shape = THEIRS[kind]
    model = getattr(transformers, name)(transformers.AutoConfig.for_model(kind, **shape)).eval()
    for weight in model.parameters():
        torch.nn.init.normal_(weight, std=0.2)
    return model


def grey(side: int) -> Tensor:
    return torch.randn(2, 1, side, side, generator=torch.Generator().manual_seed(1))


@pytest.mark.parametrize("kind", THEIRS)
def test_an_encoder_of_transformers_sees_grey_as_it_saw_colour(kind: str, tmp_path: Path) -> None:
    model = theirs(kind)
    model.save_pretrained(tmp_path)
    encoder = load_encoder(tmp_path)
    images = grey(56 if "dinov2" in kind else 64)
    with torch.no_grad():
        seen = encoder.encode(images)
        expected = model(images.expand(-1, 3, -1, -1))
    if "convnext" in kind:
        torch.testing.assert_close(seen.pooled, expected.pooler_output, atol=1e-5, rtol=1e-4)
        return
    prefix = 1 + getattr(model.config, "num_register_tokens", 0)
    tokens = expected.last_hidden_state
    torch.testing.assert_close(seen.pooled, tokens[:, 0], atol=1e-5, rtol=1e-4)
    torch.testing.assert_close(seen.patches, tokens[:, prefix:], atol=1e-5, rtol=1e-4)


def test_a_classifier_is_left_out_and_said_so(tmp_path: Path) -> None:
    config = transformers.ViTConfig(**THEIRS["vit"][1])
    transformers.ViTForImageClassification(config).save_pretrained(tmp_path)
    steps = load_encoder(tmp_path).config.training["steps"]
    assert steps == [
        "left out: classifier.bias, classifier.weight",
        "patch_embed.proj.weight: three channels summed into one",
    ]


@pytest.mark.parametrize("name", ["efficientnet_b0", "convnext_femto", "resnet18", "vit_tiny"])
def test_an_encoder_of_timm_sees_grey_as_it_saw_colour(name: str, tmp_path: Path) -> None:
    torch.manual_seed(0)
    shape: dict[str, Any] = {}
    if name == "vit_tiny":
        name = "vit_tiny_patch16_224"
        shape = {"depth": 2, "embed_dim": 32, "num_heads": 2, "img_size": 64}
    network = timm.create_model(name, **shape).eval()
    save_for_hf(network, str(tmp_path), model_args=shape, safe_serialization=True)
    encoder = load_encoder(tmp_path)
    images = grey(64)
    with torch.no_grad():
        expected = network.forward_head(
            network.forward_features(images.expand(-1, 3, -1, -1)), pre_logits=True
        )
        torch.testing.assert_close(encoder.encode(images).pooled, expected, atol=1e-5, rtol=1e-4)


def test_our_own_folder_loads_as_it_is(tmp_path: Path) -> None:
    theirs("vit").save_pretrained(tmp_path / "theirs")
    encoder = load_encoder(tmp_path / "theirs", pyramid_blocks=[0])
    encoder.save_pretrained(tmp_path / "ours")
    again = load_encoder(tmp_path / "ours")
    images = grey(64)
    with torch.no_grad():
        assert torch.equal(again.encode(images).pooled, encoder.encode(images).pooled)
    assert again.config.training == encoder.config.training
    with pytest.raises(InputError, match="carry their contract"):
        load_encoder(tmp_path / "ours", pyramid_blocks=[1])


def test_positions_are_resampled_once_to_a_rectangle(tmp_path: Path) -> None:
    theirs("dinov2").save_pretrained(tmp_path)
    kept, resampled = load_encoder(tmp_path), load_encoder(tmp_path, image_size=(112, 28))
    images = torch.randn(1, 1, 112, 28)
    with torch.no_grad():
        seen = resampled.encode(images)
        # interpolated by the way instead, from the grid that it was trained on
        torch.testing.assert_close(kept.encode(images).patches, seen.patches, atol=1e-5, rtol=1e-4)
    assert seen.grid == (8, 2)
    assert "bicubic" in resampled.config.training["steps"][-1]
    resampled.save_pretrained(tmp_path / "again")
    with torch.no_grad():
        assert torch.equal(load_encoder(tmp_path / "again").encode(images).pooled, seen.pooled)


@pytest.mark.parametrize("size", [(100, 28), (28, 30)])
def test_a_size_that_cuts_patches_is_refused(size: tuple[int, int], tmp_path: Path) -> None:
    theirs("dinov2").save_pretrained(tmp_path)
    with pytest.raises(InputError, match="14 pixels"):
        load_encoder(tmp_path, image_size=size)


def test_a_cnn_has_no_positions_to_resample(tmp_path: Path) -> None:
    theirs("convnext").save_pretrained(tmp_path)
    with pytest.raises(InputError, match="any size"):
        load_encoder(tmp_path, image_size=(64, 32))


def test_a_renamed_key_is_refused(tmp_path: Path) -> None:
    theirs("vit").save_pretrained(tmp_path)
    file = tmp_path / "model.safetensors"
    tensors = load_file(file)
    tensors["layernorm.wieght"] = tensors.pop("layernorm.weight")
    save_file(tensors, file)
    with pytest.raises(InputError, match=r"missing: norm\.weight.*unexpected: norm\.wieght"):
        load_encoder(tmp_path)


def edit_config(folder: Path, **fields: Any) -> None:
    file = folder / "config.json"
    config = {**json.loads(file.read_text()), **fields}
    file.write_text(json.dumps({k: v for k, v in config.items() if v != "drop"}))


@pytest.mark.parametrize(
    ("fields", "named"),
    [
        ({"model_type": "clip_vision_model"}, "clip_vision_model"),
        ({"hidden_act": "relu"}, "hidden_act"),
        ({"num_hidden_layers": "drop"}, "num_hidden_layers"),
    ],
)
def test_a_model_that_is_not_known_is_refused_by_field(
    fields: dict[str, Any], named: str, tmp_path: Path
) -> None:
    theirs("vit").save_pretrained(tmp_path)
    edit_config(tmp_path, **fields)
    with pytest.raises(InputError, match=named):
        load_encoder(tmp_path)


def test_a_folder_without_a_sensible_config_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"config\.json"):
        load_encoder(tmp_path)
    (tmp_path / "config.json").write_text("[]")
    with pytest.raises(InputError, match="JSON object"):
        load_encoder(tmp_path)
    (tmp_path / "config.json").write_text("{")
    with pytest.raises(InputError, match="no JSON"):
        load_encoder(tmp_path)


def test_a_name_that_cannot_be_had_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)
    with pytest.raises(InputError, match="neither a folder nor a repository"):
        load_encoder("nobody/no-such-encoder")
