from __future__ import annotations

import pickle
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from PIL import Image
from transformers import AutoImageProcessor

from versamammo.errors import InputError, Refused
from versamammo.imaging.breast import find_breast
from versamammo.imaging.reading import read
from versamammo.input.preprocess import InputContract, prepare_pixels, to_input
from versamammo.model.image_processor import VersaMammoImageProcessor, as_mammogram

CONTRACT = InputContract(size=(96, 64))


@pytest.fixture
def picture() -> NDArray[np.uint16]:
    """A half disc of soft texture against the left edge, in 16 bits [H, W]."""
    y, x = np.mgrid[:300, :220]
    inside = np.clip(1.2 - np.hypot((y - 150) / 130, x / 170), 0, 1)
    texture = 1 + 0.1 * np.sin(x / 5) * np.cos(y / 7)
    return (inside * texture / 1.32 * 65535).clip(0, 65535).astype(np.uint16)


@pytest.fixture
def processor() -> VersaMammoImageProcessor:
    return VersaMammoImageProcessor(contract=CONTRACT.to_dict())


def test_a_file_a_mammogram_an_array_and_a_picture_give_the_same(
    picture: NDArray[np.uint16], processor: VersaMammoImageProcessor, tmp_path: Path
) -> None:
    file = tmp_path / "breast.png"
    cv2.imwrite(str(file), picture)
    by_file = processor(file)["pixel_values"]
    assert by_file.shape == (1, 1, 96, 64)
    assert by_file.dtype == torch.float32
    for other in (str(file), read(file), picture, Image.fromarray(picture)):
        assert torch.equal(processor(other)["pixel_values"], by_file)


def test_training_by_way_of_the_cache_sees_the_same_pixels(
    picture: NDArray[np.uint16], processor: VersaMammoImageProcessor
) -> None:
    mammogram = as_mammogram(picture)
    cached = prepare_pixels(mammogram, find_breast(mammogram.pixels))
    assert torch.equal(processor(mammogram)["pixel_values"][0], to_input(cached.levels, CONTRACT))


def test_boxes_find_back_to_the_source(
    picture: NDArray[np.uint16], processor: VersaMammoImageProcessor
) -> None:
    batch = processor([picture, picture[:, ::-1]])
    box = np.array([[40.0, 120.0, 70.0, 160.0]])
    mirrored = np.array([[150.0, 120.0, 180.0, 160.0]])
    assert [crop.mirrored for crop in batch.crops] == [False, True]
    for crop, source in zip(batch.crops, (box, mirrored), strict=True):
        there = crop.boxes_to_input(source)
        np.testing.assert_allclose(there, batch.crops[0].boxes_to_input(box), atol=1.0)
        np.testing.assert_allclose(crop.boxes_to_source(there), source, atol=1e-6)


def test_only_tensors_go_to_the_model_but_crops_survive_a_worker(
    picture: NDArray[np.uint16], processor: VersaMammoImageProcessor
) -> None:
    batch = processor(picture)
    assert list(batch) == ["pixel_values"]
    assert pickle.loads(pickle.dumps(batch)).crops == batch.crops
    assert batch.to(torch.float16).crops == batch.crops


def test_a_folder_gives_the_processor_back_offline(
    picture: NDArray[np.uint16], processor: VersaMammoImageProcessor, tmp_path: Path
) -> None:
    processor.save_pretrained(tmp_path)
    again = AutoImageProcessor.from_pretrained(tmp_path)
    assert isinstance(again, VersaMammoImageProcessor)
    assert torch.equal(again(picture)["pixel_values"], processor(picture)["pixel_values"])


def test_arrays_of_any_usual_type_show_the_same_breast(picture: NDArray[np.uint16]) -> None:
    whole = as_mammogram(picture).pixels
    floating = (picture / 65535).astype(np.float64)
    for same, tolerance in (
        (floating, 1e-6),
        ((picture >> 8).astype(np.uint8), 1 / 200),
        (picture >> 4, 1 / 2000),  # 12 bits in use of 16
        (np.repeat((picture >> 8).astype(np.uint8)[..., None], 3, axis=-1), 1 / 200),
    ):
        np.testing.assert_allclose(as_mammogram(same).pixels, whole, atol=tolerance)


def test_a_negative_is_turned_round(picture: NDArray[np.uint16]) -> None:
    negative = as_mammogram(65535 - picture)
    np.testing.assert_allclose(negative.pixels, as_mammogram(picture).pixels, atol=1e-6)
    assert negative.provenance.inverted
    assert any("negative" in warning for warning in negative.warnings)


@pytest.mark.parametrize(
    ("pixels", "reason"),
    [
        (np.zeros((4, 4, 4, 4), np.uint8), "size-mismatch"),
        (np.zeros((0, 4), np.uint8), "size-mismatch"),
        (np.zeros((8, 8), np.int32), "unsupported-depth"),
        (np.full((8, 8), 300.0), "unsupported-depth"),
        (np.full((8, 8), np.nan), "unsupported-depth"),
        (torch.zeros(8, 8), "unknown-format"),
        (None, "unknown-format"),
    ],
)
def test_what_is_no_picture_is_refused(pixels: Any, reason: str) -> None:
    with pytest.raises(InputError) as refused:
        as_mammogram(pixels)
    assert refused.value.reason == reason


def test_an_empty_picture_is_no_breast(processor: VersaMammoImageProcessor) -> None:
    with pytest.raises(Refused):
        processor(np.zeros((200, 150), np.uint8))


def test_no_image_at_all_is_said(processor: VersaMammoImageProcessor) -> None:
    with pytest.raises(InputError, match="no image"):
        processor([])


def test_options_that_would_break_the_contract_are_refused(
    picture: NDArray[np.uint16], processor: VersaMammoImageProcessor
) -> None:
    with pytest.raises(InputError, match="do_resize"):
        processor(picture, do_resize=False)
    with pytest.raises(InputError, match="return_tensors"):
        processor(picture, return_tensors="np")
