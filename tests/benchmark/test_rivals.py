from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
import timm
import torch
from safetensors.torch import save_file
from torch import Tensor, nn

from benchmark.third_party_checkpoints import BLOCKS, ENDS, load_rival, main
from versamammo.errors import InputError
from versamammo.input.contract import InputContract
from versamammo.model.encoder import VersaMammoModel

Tensors = dict[str, Tensor]


def loud(network: nn.Module) -> nn.Module:
    """Return every tensor a value that matters, moments and scales of batch norms included."""
    generator = torch.Generator().manual_seed(1)
    for key, tensor in network.state_dict().items():
        if tensor.is_floating_point():
            noise = torch.randn(tensor.shape, generator=generator)
            around = 1.0 if "var" in key or ("bn" in key and "weight" in key) else 0.0
            tensor.copy_(around + noise.abs() * 0.3 if around else noise * 0.05)
    return network.eval()


def as_mammo_clip(network: nn.Module) -> Tensors:
    """Name a timm EfficientNet as EfficientNet-PyTorch does: blocks counted through."""
    stages = [len(stage) for stage in network.blocks]  # type: ignore[union-attr, arg-type]
    said: Tensors = {}
    for key, tensor in network.state_dict().items():
        block = re.fullmatch(r"blocks\.(\d+)\.(\d+)\.(.+)\.(\w+)", key)
        if block is None:
            layer, kind = key.split(".")
            if layer == "classifier":
                continue
            theirs = {ours: name for name, ours in ENDS.items()}[layer]
            said[f"image_encoder.{theirs}.{kind}"] = tensor
            continue
        stage, place = int(block[1]), int(block[2])
        names = {ours: name for name, ours in BLOCKS[stage > 0].items()}
        number = sum(stages[:stage]) + place
        said[f"image_encoder._blocks.{number}.{names[block[3]]}.{block[4]}"] = tensor
    beside = {
        "text_encoder.text_encoder.embeddings.weight": torch.zeros(4, 2),
        "image_projection.projection.weight": torch.zeros(2, 2),
        "text_projection.projection.weight": torch.zeros(2, 2),
        "logit_scale": torch.zeros(()),
    }
    return said | beside


def as_mama(network: Any, registers: bool) -> Tensors:
    """Name a timm DINOv2 as its authors do: one table of positions, the class token's first."""
    said = dict(network.state_dict())
    if registers:
        said["register_tokens"] = said.pop("reg_token")
        first = torch.full_like(said["cls_token"], 0.25)
        said["pos_embed"] = torch.cat([first, said["pos_embed"]], dim=1)
        said["cls_token"] = said["cls_token"] - first
    said["mask_token"] = torch.zeros(1, said["cls_token"].shape[-1])
    beside = {
        "img_encoder_q.global_embed.weight": torch.zeros(2, 2),
        "img_encoder_q.local_embed.head.0.weight": torch.zeros(2, 2),
        "text_encoder_q.model.base_model.weight": torch.zeros(2, 2),
        "logit_scale": torch.zeros(()),
        "simclr_proj.layers.0.weight": torch.zeros(2, 2),
    }
    return {f"img_encoder_q.model.{key}": tensor for key, tensor in said.items()} | beside


@pytest.fixture(scope="module")
def b2() -> nn.Module:
    return loud(timm.create_model("tf_efficientnet_b2", num_classes=0))


def grey(height: int, width: int) -> Tensor:
    return torch.randn(2, 1, height, width, generator=torch.Generator().manual_seed(3))


def test_mammo_clips_b2_sees_what_it_saw(b2: nn.Module, tmp_path: Path) -> None:
    # as its authors save it: tensors beside plain settings, in a tar of torch
    whole = {"model": as_mammo_clip(b2), "config": {"model": {"name": "b2"}}, "epoch": 9}
    torch.save(whole, tmp_path / "b2-model-best-epoch-10.tar")
    encoder = load_rival(tmp_path / "b2-model-best-epoch-10.tar")
    images = grey(64, 96)
    with torch.no_grad():
        due = b2(images.expand(-1, 3, -1, -1))
        seen = encoder.encode(images).pooled
    assert due.std() > 1e-3
    torch.testing.assert_close(seen, due, atol=1e-4, rtol=1e-3)
    assert encoder.config.input_contract == InputContract(
        size=(1520, 912), mean=0.3089279, std=0.25053555
    )
    steps = encoder.config.training["steps"]
    assert steps[0] == "taken from a checkpoint of Mammo-CLIP"
    assert steps[1] == (
        "left out: image_projection.projection (1), logit_scale (1), "
        "text_encoder.text_encoder.embeddings (1), text_projection.projection (1)"
    )


@pytest.mark.parametrize("registers", [False, True])
def test_mamas_vit_sees_what_it_saw(registers: bool, tmp_path: Path) -> None:
    name = f"vit_small_patch14_{'reg4_' if registers else ''}dinov2"
    network = loud(timm.create_model(name, num_classes=0, img_size=56))
    save_file(as_mama(network, registers), tmp_path / "mama.safetensors")
    encoder = load_rival(tmp_path / "mama.safetensors", InputContract(size=(56, 56)))
    images = grey(56, 56)
    with torch.no_grad():
        due = network(images.expand(-1, 3, -1, -1))
        seen = encoder.encode(images).pooled
    assert due.std() > 1e-3
    torch.testing.assert_close(seen, due, atol=1e-4, rtol=1e-3)
    assert encoder.config.input_contract.size == (56, 56)
    assert "img_encoder_q.model.mask_token (1)" in encoder.config.training["steps"][1]


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({"image_encoder._surprise.weight": 1}, "_surprise"),
        ({"image_encoder._blocks.3._attention.weight": 1}, "_attention"),
        ({"decoder.weight": 1}, "neither used nor known"),
        ({"image_encoder._blocks.3._project_conv.weight": None}, "missing"),
        ({"image_encoder._conv_head.weight": 1}, "wrong size"),
    ],
)
def test_every_key_is_used_or_known_to_be_droppable(
    b2: nn.Module, change: dict[str, int | None], told: str, tmp_path: Path
) -> None:
    tensors = as_mammo_clip(b2)
    for key, size in change.items():
        tensors.pop(key, None)
        if size is not None:
            tensors[key] = torch.zeros(size)
    save_file(tensors, tmp_path / "odd.safetensors")
    with pytest.raises(InputError, match=told) as refused:
        load_rival(tmp_path / "odd.safetensors")
    assert refused.value.reason == "weights-do-not-fit"


class Evil:
    def __reduce__(self) -> tuple[Any, ...]:
        return (Path.touch, (Path("/tmp/versamammo-was-here"),))


def test_a_pickle_with_code_is_refused_with_a_way_out(tmp_path: Path) -> None:
    mark = Path("/tmp/versamammo-was-here")
    torch.save({"model": Evil()}, tmp_path / "evil.pt")
    with pytest.raises(InputError, match="safetensors") as refused:
        load_rival(tmp_path / "evil.pt")
    assert refused.value.reason == "pickle"
    assert not mark.exists()


@pytest.mark.parametrize("content", [b"", b"no checkpoint"])
def test_what_is_no_checkpoint_is_refused(content: bytes, tmp_path: Path) -> None:
    (tmp_path / "x.pt").write_bytes(content)
    with pytest.raises(InputError):
        load_rival(tmp_path / "x.pt")
    with pytest.raises(InputError) as refused:
        load_rival(tmp_path / "absent.pt")
    assert refused.value.reason == "unreadable"


def test_another_groups_keys_are_not_guessed(tmp_path: Path) -> None:
    save_file({"encoder.weight": torch.zeros(2)}, tmp_path / "x.safetensors")
    with pytest.raises(InputError, match=r"image_encoder\.\* \(Mammo-CLIP\)") as refused:
        load_rival(tmp_path / "x.safetensors")
    assert refused.value.reason == "unknown-backbone"


def test_the_command_writes_a_folder_that_loads_as_ours(
    b2: nn.Module, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    save_file(as_mammo_clip(b2), tmp_path / "clip.safetensors")
    assert main([str(tmp_path / "clip.safetensors"), str(tmp_path / "clip")]) == 0
    assert "three channels summed into one" in capsys.readouterr().out
    images = grey(64, 64)
    with torch.no_grad():
        seen = VersaMammoModel.from_pretrained(tmp_path / "clip").encode(images).pooled
        due = load_rival(tmp_path / "clip.safetensors").encode(images).pooled
    torch.testing.assert_close(seen, due)
    assert main([str(tmp_path / "absent.pt"), str(tmp_path / "none")]) == 2
