from __future__ import annotations

from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file
from transformers import (
    Dinov2Config,
    Dinov2Model,
    Dinov2WithRegistersConfig,
    Dinov2WithRegistersModel,
)

from pretrain.networks.starting_weights import local_weights
from tests.pretrain.tiny import TinyVit
from versamammo.errors import InputError

SHAPE = {
    "hidden_size": 16,
    "num_hidden_layers": 2,
    "num_attention_heads": 2,
    "image_size": 70,
    "patch_size": 14,
}


@pytest.mark.parametrize(
    ("model", "config", "name"),
    [
        (Dinov2Model, Dinov2Config, "vit_small_patch14_dinov2"),
        (
            Dinov2WithRegistersModel,
            Dinov2WithRegistersConfig,
            "vit_small_patch14_reg4_dinov2",
        ),
    ],
)
def test_a_hugging_face_folder_gives_the_same_features(
    tmp_path: Path, tiny_vit: TinyVit, model: type, config: type, name: str
) -> None:
    torch.manual_seed(0)
    theirs = model(config(**SHAPE)).eval()
    with torch.no_grad():
        for parameter in theirs.parameters():
            parameter.add_(0.1 * torch.randn_like(parameter))
    theirs.save_pretrained(tmp_path)
    image = torch.randn(2, 1, 70, 70)

    ours = tiny_vit(name, weights=tmp_path, image_size=(70, 70)).eval()(image)

    # one grey channel through weights summed over colours is three equal channels
    expected = theirs(pixel_values=image.expand(-1, 3, -1, -1)).last_hidden_state
    torch.testing.assert_close(ours.cls, expected[:, 0], rtol=1e-4, atol=1e-4)
    torch.testing.assert_close(ours.patches, expected[:, -25:], rtol=1e-4, atol=1e-4)


def test_a_file_without_its_config_is_known_by_its_names(tmp_path: Path, tiny_vit: TinyVit) -> None:
    torch.manual_seed(0)
    Dinov2Model(Dinov2Config(**SHAPE)).save_pretrained(tmp_path)
    name, size = "vit_small_patch14_dinov2", (70, 70)

    by_folder = tiny_vit(name, weights=tmp_path, image_size=size)
    by_file = tiny_vit(name, weights=tmp_path / "model.safetensors", image_size=size)

    assert by_folder.backbone.state_dict()
    for key, value in by_folder.backbone.state_dict().items():
        assert torch.equal(by_file.backbone.state_dict()[key], value), key


def test_our_own_weights_come_back_bit_for_bit(tmp_path: Path, tiny_vit: TinyVit) -> None:
    first = tiny_vit()
    save_file(first.backbone.state_dict(), tmp_path / "model.safetensors")
    torch.manual_seed(99)

    second = tiny_vit(weights=tmp_path)

    assert first.backbone.state_dict()
    for name, value in first.backbone.state_dict().items():
        assert torch.equal(second.backbone.state_dict()[name], value)


def test_weights_of_another_shape_are_refused_by_name(tmp_path: Path, tiny_vit: TinyVit) -> None:
    file = tmp_path / "other.safetensors"
    smaller = tiny_vit("vit_small_patch14_dinov2", image_size=(42, 42))
    save_file(smaller.backbone.state_dict(), file)

    with pytest.raises(InputError, match=r"(?s)other\.safetensors.*another variant"):
        tiny_vit(weights=file, image_size=(42, 42))


def test_a_rectangular_position_grid_is_stretched_to_a_larger_one(
    tmp_path: Path, tiny_vit: TinyVit
) -> None:
    small = tiny_vit()
    rows = torch.arange(4.0)[:, None, None].expand(4, 3, 16)
    with torch.no_grad():
        small.backbone.pos_embed.copy_(rows.reshape(1, 12, 16))
    save_file(small.backbone.state_dict(), tmp_path / "model.safetensors")

    large = tiny_vit(weights=tmp_path, weights_size=(56, 42), image_size=(112, 42))

    places = large.backbone.pos_embed.reshape(8, 3, 16)
    torch.testing.assert_close(places[:, 0], places[:, 2])
    assert (places[1:, 0, 0] > places[:-1, 0, 0]).all()


class _Surprise:
    """An object that would run code when unpickled."""

    def __reduce__(self) -> tuple[object, ...]:
        return (print, ("this must never be printed",))


def test_a_pickle_is_not_run(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    torch.save({"x": _Surprise()}, tmp_path / "bad.pth")

    for source in (tmp_path, tmp_path / "bad.pth"):
        with pytest.raises(InputError, match="safetensors"):
            local_weights(source)

    assert "never" not in capsys.readouterr().out


def test_missing_files_and_empty_folders_are_refused(tmp_path: Path) -> None:
    for source in (tmp_path / "nowhere", tmp_path):
        with pytest.raises(InputError, match=r"model\.safetensors"):
            local_weights(source)
