"""One contract, held by every kind of encoder: teacher or student, in tokens or in maps."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import pytest
import torch
import torch.nn.functional as F
from safetensors.torch import load_file, save_file
from torch import Tensor
from transformers import AutoModel

from versamammo.errors import InputError
from versamammo.model.configuration import VersaMammoConfig
from versamammo.model.encoder import EncoderOutput, VersaMammoModel
from versamammo.model.features import Features

TINY_VIT = {"depth": 4, "embed_dim": 32, "num_heads": 2}


class Kind(NamedTuple):
    backbone: str
    arguments: dict[str, Any]
    strides: list[int]


KINDS = {
    "vit": Kind("vit_tiny_patch16_224", {**TINY_VIT, "img_size": [64, 48]}, [16] * 4),
    "vit_registers": Kind(
        "vit_small_patch14_reg4_dinov2", {**TINY_VIT, "img_size": [56, 42]}, [14] * 4
    ),
    # rotary angles are buffers that no file holds
    "vit_rotary": Kind("vit_small_patch16_dinov3_qkvb", TINY_VIT, [16] * 4),
    "efficientnet": Kind("efficientnet_b0", {}, [4, 8, 16, 32]),
    "convnext": Kind("convnext_femto", {"depths": [1, 1, 2, 1]}, [4, 8, 16, 32]),
    # its last norms start at zero, which would keep gradients from the weights before them
    "resnet": Kind("resnet18", {"zero_init_last": False}, [4, 8, 16, 32]),
    "efficientnet_b5": Kind("efficientnet_b5", {}, [4, 8, 16, 32]),
}
SLOW = {"efficientnet_b5"}
PARAMETERS = [pytest.param(k, marks=[pytest.mark.slow] * (k in SLOW)) for k in KINDS]
each_kind = pytest.mark.parametrize("kind", PARAMETERS)
each_small_kind = pytest.mark.parametrize("kind", [kind for kind in KINDS if kind not in SLOW])


@pytest.fixture(autouse=True, scope="module")
def _one_thread() -> Iterator[None]:
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


@pytest.fixture(scope="module")
def images() -> Tensor:
    """Prepared images [2, 1, 97, 71], whose sides are no multiple of any stride used here."""
    return torch.randn(2, 1, 97, 71, generator=torch.Generator().manual_seed(1))


def build(kind: str) -> VersaMammoModel:
    """Build an encoder whose running statistics have seen something, in eval mode."""
    torch.manual_seed(0)
    backbone, arguments, _ = KINDS[kind]
    config = VersaMammoConfig(backbone=backbone, backbone_args=arguments)
    encoder = VersaMammoModel(config).train()
    with torch.no_grad():
        for _ in range(3):
            encoder.encode(torch.randn(4, 1, 64, 64))
    return encoder.eval()


@pytest.fixture(scope="module")
def encoders() -> dict[str, VersaMammoModel]:
    return {}


@pytest.fixture
def encoder(kind: str, encoders: dict[str, VersaMammoModel]) -> VersaMammoModel:
    """One encoder per kind; a test that changes it builds its own."""
    return encoders.setdefault(kind, build(kind)) if kind not in encoders else encoders[kind]


@pytest.fixture(scope="module")
def folders(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("encoders")


@pytest.fixture
def folder(kind: str, encoder: VersaMammoModel, folders: Path) -> Path:
    if not (folders / kind).is_dir():
        encoder.save_pretrained(folders / kind)
    return folders / kind


def see(encoder: VersaMammoModel, images: Tensor) -> Features:
    with torch.no_grad():
        return encoder.encode(images)


def tensors_of(features: Features) -> list[Tensor]:
    return [features.pooled, features.patches, *features.pyramid]


def apart(a: Tensor, b: Tensor) -> float:
    """Largest difference, as a share of the largest value."""
    return float((a.float() - b.float()).abs().max() / b.float().abs().max())


@each_kind
def test_hands_over_features_of_the_stated_shapes(
    kind: str, encoder: VersaMammoModel, images: Tensor
) -> None:
    seen = see(encoder, images)
    strides, width = KINDS[kind].strides, encoder.config.hidden_size
    h, w = (-(-side // strides[-1]) for side in images.shape[-2:])

    assert seen.grid == (h, w)
    assert seen.pooled.shape == (2, width)
    assert seen.patches.shape == (2, h * w, width)
    assert seen.as_map().shape == (2, width, h, w)
    assert [level.stride for level in encoder.levels] == strides
    for level, found in zip(encoder.levels, seen.pyramid, strict=True):
        scale = strides[-1] // level.stride
        assert found.shape == (2, level.channels, h * scale, w * scale)
    assert all(torch.isfinite(tensor).all() for tensor in tensors_of(seen))


@each_kind
def test_fills_odd_sizes_up_with_background_at_the_bottom_and_the_right(
    encoder: VersaMammoModel, images: Tensor
) -> None:
    below, right = (-side % encoder.stride for side in images.shape[-2:])
    contract = encoder.config.input_contract
    black = (contract.fill - contract.mean) / contract.std
    filled = F.pad(images, (0, right, 0, below), value=black)

    assert right > 0
    for odd, full in zip(
        tensors_of(see(encoder, images)), tensors_of(see(encoder, filled)), strict=True
    ):
        assert torch.equal(odd, full)


@each_kind
def test_takes_portrait_and_landscape(encoder: VersaMammoModel) -> None:
    side = encoder.stride
    assert see(encoder, torch.zeros(1, 1, 4 * side, 2 * side)).grid == (4, 2)
    assert see(encoder, torch.zeros(1, 1, side, 3 * side)).grid == (1, 3)


@each_kind
def test_answers_the_same_twice_in_eval_mode(encoder: VersaMammoModel, images: Tensor) -> None:
    once, again = tensors_of(see(encoder, images)), tensors_of(see(encoder, images))
    assert len(once) > 2
    for first, second in zip(once, again, strict=True):
        assert torch.equal(first, second)


@each_kind
def test_an_image_is_seen_alike_alone_and_in_company(
    encoder: VersaMammoModel, images: Tensor
) -> None:
    together, alone = see(encoder, images), see(encoder, images[1:])
    assert len(tensors_of(alone)) > 2
    for both, one in zip(tensors_of(together), tensors_of(alone), strict=True):
        assert apart(both[1:], one) < 1e-5


@each_kind
def test_speaks_the_names_of_transformers(encoder: VersaMammoModel, images: Tensor) -> None:
    with torch.no_grad():
        output = encoder(pixel_values=images)
        plain = encoder(images, return_dict=False)
    seen = see(encoder, images)
    assert isinstance(output, EncoderOutput)
    assert torch.equal(output.last_hidden_state, seen.patches)
    assert torch.equal(output.pooler_output, seen.pooled)
    assert output.grid == seen.grid
    assert len(output.pyramid) == len(plain[3]) == len(seen.pyramid)


@each_kind
def test_gradient_reaches_every_parameter(kind: str, images: Tensor) -> None:
    encoder = build(kind).train()
    loss = sum(tensor.square().mean() for tensor in tensors_of(encoder.encode(images)))
    loss.backward()
    numb = [
        name
        for name, weight in encoder.named_parameters()
        if weight.grad is None or not torch.isfinite(weight.grad).all() or not weight.grad.any()
    ]
    assert numb == []


@pytest.mark.filterwarnings("ignore:`gradient_checkpointing_enable`:FutureWarning")
@each_kind
def test_a_step_is_the_same_when_activations_are_computed_again(kind: str, images: Tensor) -> None:
    gradients, statistics = [], []
    for again in (False, True):
        encoder = build(kind).train()
        if again:
            encoder.gradient_checkpointing_enable()
        encoder.encode(images).pooled.square().mean().backward()
        gradients.append([weight.grad for weight in encoder.parameters()])
        statistics.append([v for k, v in encoder.named_buffers() if "running_" in k])
    assert any(gradient is not None for gradient in gradients[0])
    for kept, recomputed in zip(*gradients, strict=True):
        assert (kept is None) == (recomputed is None)
        assert kept is None or torch.allclose(kept, recomputed, rtol=1e-4, atol=1e-7)
    for kept, recomputed in zip(*statistics, strict=True):
        torch.testing.assert_close(kept, recomputed, rtol=1e-4, atol=1e-6)


@each_kind
@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16])
def test_half_precision_loads_and_agrees(
    folder: Path, encoder: VersaMammoModel, images: Tensor, dtype: torch.dtype
) -> None:
    half = AutoModel.from_pretrained(folder, dtype=dtype)
    seen, exact = see(half, images), see(encoder, images)
    for rounded, full in zip(tensors_of(seen), tensors_of(exact), strict=True):
        assert rounded.dtype == dtype
        assert apart(rounded, full) < 0.1
    kept = {v.dtype for k, v in half.state_dict().items() if "running_" in k}
    assert kept <= {torch.float32}


@each_kind
def test_autocast_leaves_weights_alone_and_agrees(encoder: VersaMammoModel, images: Tensor) -> None:
    with torch.autocast("cpu", torch.bfloat16):
        seen = see(encoder, images)
    assert {weight.dtype for weight in encoder.parameters()} == {torch.float32}
    assert apart(seen.pooled, see(encoder, images).pooled) < 0.1


def spoil(folder: Path, fault: str) -> str:
    """Rename, remove, resize or add a weight; return the key to be named."""
    file = folder / "model.safetensors"
    tensors = load_file(file)
    key = next(key for key in tensors if key.endswith("weight"))
    if fault == "renamed":
        tensors[f"{key}s"] = tensors.pop(key)
    elif fault == "missing":
        del tensors[key]
    elif fault == "resized":
        tensors[key] = torch.cat([tensors[key], tensors[key]])
    else:
        tensors["head.weight"] = torch.zeros(2)
        key = "head.weight"
    save_file(tensors, file, {"format": "pt"})
    return key


@each_kind
@pytest.mark.parametrize("fault", ["renamed", "missing", "resized", "added"])
def test_weights_that_do_not_fit_are_refused_by_key(
    encoder: VersaMammoModel, tmp_path: Path, fault: str, kind: str
) -> None:
    encoder.save_pretrained(tmp_path)
    key = spoil(tmp_path, fault)
    with pytest.raises(InputError) as refused:
        AutoModel.from_pretrained(tmp_path)
    assert refused.value.reason == "weights-do-not-fit"
    assert key in str(refused.value)


@each_kind
def test_a_pickle_is_not_opened(encoder: VersaMammoModel, tmp_path: Path, kind: str) -> None:
    encoder.save_pretrained(tmp_path)
    (tmp_path / "model.safetensors").unlink()
    torch.save(encoder.state_dict(), tmp_path / "pytorch_model.bin")
    with pytest.raises(InputError, match=r"pytorch_model\.bin.*run code"):
        AutoModel.from_pretrained(tmp_path)


@pytest.mark.slow
@each_small_kind
def test_compiles_whole_and_for_any_size(kind: str, images: Tensor) -> None:
    encoder = build(kind)
    torch.compiler.reset()
    compiled = torch.compile(encoder, backend="eager", fullgraph=True, dynamic=True)
    with torch.no_grad():
        for size in ((96, 96), (128, 64), images.shape[-2:]):
            batch = torch.randn(2, 1, *size)
            assert torch.equal(compiled(batch).pooler_output, encoder(batch).pooler_output)


@pytest.mark.slow
@each_small_kind
def test_exports_for_any_batch_height_and_width(
    kind: str, images: Tensor, request: pytest.FixtureRequest
) -> None:
    if kind == "vit_rotary":
        reason = "timm keeps rotary angles by size, which fixes the exported graph to one"
        request.applymarker(pytest.mark.xfail(reason=reason))
    encoder = build(kind)
    exported = torch.export.export(
        encoder,
        (images,),
        {"return_dict": False},
        dynamic_shapes={
            "pixel_values": dict.fromkeys((0, 2, 3), torch.export.Dim.DYNAMIC),
            "return_dict": None,
        },
    ).module()
    with torch.no_grad():
        for size in ((1, 96, 160), (3, 130, 65)):
            batch = torch.randn(size[0], 1, *size[1:])
            seen = exported(batch, return_dict=False)
            assert apart(seen[1], encoder(batch).pooler_output) < 1e-5
