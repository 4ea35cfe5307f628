from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import cv2
import numpy as np
import pytest
import torch
from huggingface_hub import CommitOperationAdd
from numpy.typing import NDArray
from transformers import AutoImageProcessor, AutoModel

from versamammo.errors import InputError
from versamammo.input.preprocess import InputContract
from versamammo.model.configuration import VersaMammoConfig
from versamammo.model.encoder import VersaMammoModel

CONTRACT = InputContract(size=(64, 48)).to_dict()


def tiny(backbone: str = "vit_tiny_patch16_224") -> VersaMammoModel:
    torch.manual_seed(0)
    shape = {"depth": 2, "embed_dim": 16, "num_heads": 1, "img_size": [64, 48]}
    arguments = shape if backbone.startswith("vit") else {}
    config = VersaMammoConfig(backbone=backbone, backbone_args=arguments, contract=CONTRACT)
    return VersaMammoModel(config).eval()


@pytest.fixture
def breast() -> NDArray[np.float32]:
    """A half disc of soft texture against the left edge, [H, W] in 0..1."""
    y, x = np.mgrid[:180, :140]
    inside = np.clip(1.2 - np.hypot((y - 90) / 80, x / 110), 0, 1)
    texture = 1 + 0.1 * np.sin(x / 5) * np.cos(y / 7)
    return (inside * texture / 1.4).clip(0, 1).astype(np.float32)


def test_encode_takes_a_file_as_it_takes_prepared_images(
    breast: NDArray[np.float32], tmp_path: Path
) -> None:
    file = tmp_path / "x.png"
    cv2.imwrite(str(file), (breast * 65535).astype(np.uint16))
    encoder = tiny()
    with torch.no_grad():
        by_name = encoder.encode(str(file))
        by_hand = encoder.encode(encoder.image_processor(file)["pixel_values"])
    assert by_name.pooled.shape == (1, 16)
    assert torch.equal(by_name.patches, by_hand.patches)


def test_a_folder_holds_what_prepares_the_images(
    breast: NDArray[np.float32], tmp_path: Path
) -> None:
    tiny().save_pretrained(tmp_path)
    names = {file.name for file in tmp_path.iterdir()}
    assert names >= {"config.json", "model.safetensors", "preprocessor_config.json"}
    processor = AutoImageProcessor.from_pretrained(tmp_path)
    encoder = AutoModel.from_pretrained(tmp_path)
    assert processor.contract == encoder.config.contract == CONTRACT
    with torch.no_grad():
        output = encoder(**processor(breast))
    assert output.last_hidden_state.shape == (1, 12, 16)


def test_features_only_gives_what_a_detector_reads() -> None:
    encoder = tiny("convnext_femto")
    maps = encoder.features_only()
    with torch.no_grad():
        levels = maps(torch.zeros(1, 1, 64, 32))
    assert maps.strides == [4, 8, 16, 32]
    assert maps.channels == [level.shape[1] for level in levels]
    assert [tuple(level.shape[2:]) for level in levels] == [(16, 8), (8, 4), (4, 2), (2, 1)]
    assert dict(maps.named_parameters()).keys() == {
        f"encoder.{name}" for name, _ in encoder.named_parameters()
    }


@pytest.mark.parametrize(
    "backbone", ["vit_tiny_patch16_224", "convnext_femto", "test_efficientnet", "test_resnet"]
)
def test_the_finest_maps_alone_are_those_of_all(backbone: str) -> None:
    encoder = tiny(backbone)
    images = torch.randn(2, 1, 61, 33, generator=torch.Generator().manual_seed(0))
    with torch.no_grad():
        whole = encoder.encode(images).pyramid
        assert whole
        for count in range(1, len(whole) + 1):
            found = encoder.maps(images, count)
            assert len(found) == count
            assert all(map(torch.equal, found, whole))


def test_a_cnn_computes_nothing_behind_the_last_map_asked_for() -> None:
    encoder = tiny("test_efficientnet")
    seen: list[int] = []
    for number, stage in enumerate(encoder.backbone.blocks):
        stage.register_forward_hook(lambda *_, number=number: seen.append(number))
    encoder.maps(torch.zeros(1, 1, 64, 32), 2)
    assert seen == list(range(len(seen)))
    assert len(seen) < len(encoder.backbone.blocks)


def test_a_config_says_how_wide_the_features_are() -> None:
    encoder = tiny()
    assert encoder.config.hidden_size == 16


@pytest.mark.parametrize(
    "batch",
    [torch.zeros(1, 64, 48), torch.zeros(1, 3, 64, 48), torch.zeros(1, 1, 64, 48).byte()],
    ids=["no_channel", "colour", "integers"],
)
def test_a_batch_of_another_shape_or_type_is_refused(batch: torch.Tensor) -> None:
    with pytest.raises(InputError, match=r"\[B, 1, H, W\]") as refused:
        tiny().encode(batch)
    assert refused.value.field == "pixel_values"


@pytest.mark.parametrize(
    "option",
    [{"ignore_mismatched_sizes": True}, {"use_safetensors": False}, {"weights_only": False}],
)
def test_options_that_would_let_half_an_encoder_pass_are_refused(
    option: dict[str, bool], tmp_path: Path
) -> None:
    tiny().save_pretrained(tmp_path)
    with pytest.raises(InputError) as refused:
        AutoModel.from_pretrained(tmp_path, **option)
    assert refused.value.field == next(iter(option))


def test_pushing_sends_the_whole_folder(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    sent: dict[str, bytes] = {}

    class Hub:
        def create_repo(self, name: str, **_: Any) -> SimpleNamespace:
            return SimpleNamespace(repo_id=name)

        def create_commit(self, *_: Any, operations: list[CommitOperationAdd], **__: Any) -> str:
            for one in operations:
                with one.as_file() as file:
                    sent[one.path_in_repo] = file.read()
            return "done"

    monkeypatch.setattr("transformers.utils.hub.hf_api", Hub)
    encoder = tiny()
    encoder.push_to_hub("somebody/encoder")

    assert sent.keys() >= {"config.json", "model.safetensors", "preprocessor_config.json"}
    for name, content in sent.items():
        (tmp_path / name).write_bytes(content)
    images = torch.randn(1, 1, 64, 48)
    with torch.no_grad():
        again = AutoModel.from_pretrained(tmp_path).encode(images)
        assert torch.equal(again.pooled, encoder.encode(images).pooled)


def test_a_damaged_weight_file_is_refused_by_name(tmp_path: Path) -> None:
    tiny().save_pretrained(tmp_path)
    file = tmp_path / "model.safetensors"
    file.write_bytes(file.read_bytes()[:-100])
    with pytest.raises(InputError, match="damaged"):
        AutoModel.from_pretrained(tmp_path)


def test_loading_reports_nothing_left_over_to_who_asks(tmp_path: Path) -> None:
    tiny().save_pretrained(tmp_path)
    encoder, report = AutoModel.from_pretrained(tmp_path, output_loading_info=True)
    assert isinstance(encoder, VersaMammoModel)
    assert not report["missing_keys"] | report["unexpected_keys"]


def test_weights_of_the_network_itself_are_wrapped_whole_or_not_at_all() -> None:
    encoder = tiny()
    tensors = encoder.backbone.state_dict()
    wrapped = VersaMammoModel.from_backbone(encoder.config, tensors)
    images = torch.randn(1, 1, 64, 48)
    with torch.no_grad():
        assert torch.equal(wrapped.encode(images).pooled, encoder.encode(images).pooled)
    del tensors["cls_token"]
    with pytest.raises(InputError, match="cls_token"):
        VersaMammoModel.from_backbone(encoder.config, tensors)


def test_moments_of_a_student_stay_in_full_precision(tmp_path: Path) -> None:
    tiny("efficientnet_b0").save_pretrained(tmp_path)
    encoder = AutoModel.from_pretrained(tmp_path, dtype=torch.bfloat16)
    kinds = {name: value.dtype for name, value in encoder.backbone.state_dict().items()}
    assert kinds["bn1.running_var"] == torch.float32
    assert kinds["bn1.num_batches_tracked"] == torch.int64
    assert kinds["conv_stem.weight"] == torch.bfloat16


def test_weights_saved_in_half_precision_come_back_so(tmp_path: Path) -> None:
    tiny().to(torch.bfloat16).save_pretrained(tmp_path)
    assert AutoModel.from_pretrained(tmp_path).dtype == torch.bfloat16
    assert AutoModel.from_pretrained(tmp_path, dtype=torch.float32).dtype == torch.float32
