"""From what a user has, a file, a picture or an array, to the tensor that an encoder expects."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image
from transformers import AutoImageProcessor, BaseImageProcessor, BatchFeature

from versamammo.errors import InputError
from versamammo.imaging.breast import find_breast
from versamammo.imaging.color import to_grey
from versamammo.imaging.grayscale import used_bits
from versamammo.imaging.mammogram import Mammogram, Provenance
from versamammo.imaging.polarity import background_is_bright
from versamammo.imaging.reading import read
from versamammo.input.preprocess import Crop, InputContract, prepare_pixels, to_input
from versamammo.model.configuration import VersaMammoConfig

OneImage = str | Path | Mammogram | Image.Image | NDArray[Any]
Readable = OneImage | Sequence[OneImage]


class PreparedBatch(BatchFeature):
    """`pixel_values` [B, 1, H, W] for the model, and the crops that lead back to the sources.

    Attributes:
        crops: one per image; `crops[i].boxes_to_source` maps boxes [N, 4] back. An attribute and
            no key, so that `model(**batch)` hands over tensors only.
    """

    def __init__(self, pixel_values: torch.Tensor, crops: Sequence[Crop]) -> None:
        super().__init__({"pixel_values": pixel_values})
        self.crops = tuple(crops)

    def __getstate__(self) -> dict[str, Any]:
        state = super().__getstate__()  # type: ignore[no-untyped-call]
        return {**state, "crops": self.crops}

    def __setstate__(self, state: dict[str, Any]) -> None:
        super().__setstate__(state)  # type: ignore[no-untyped-call]
        self.crops = state["crops"]


class VersaMammoImageProcessor(BaseImageProcessor):
    """Reads, finds the breast, crops, resizes and normalises as the encoder's contract says.

    Attributes:
        contract: `InputContract.to_dict()`, saved in preprocessor_config.json.
    """

    model_input_names = ["pixel_values"]  # noqa: RUF012 - declared so in the base class

    def __init__(self, contract: dict[str, Any] | None = None, **others: Any) -> None:
        super().__init__(**others)
        parsed = InputContract() if contract is None else InputContract.from_dict(contract)
        self.contract = parsed.to_dict()

    def preprocess(
        self, images: Readable, return_tensors: str | None = "pt", **options: Any
    ) -> PreparedBatch:
        """Prepare one image or several.

        Args:
            images: paths of DICOM, PNG, JPEG, TIFF or PGM files, `Mammogram`s, pictures of Pillow,
                or arrays: uint8, uint16, or floating in 0..1, [H, W] or [H, W, 3].
            return_tensors: only "pt".
            options: none is taken; the contract alone says how an image is prepared.

        Raises:
            InputError: an image cannot be used, or an option was given.
        """
        if return_tensors not in (None, "pt") or options:
            asked = ", ".join(
                [*options, *([] if return_tensors in (None, "pt") else ["return_tensors"])]
            )
            message = "the encoder's contract alone says how an image is prepared, as torch tensors"
            raise InputError(message, field=asked, reason="bad-option")
        several = (
            images if isinstance(images, Sequence) and not isinstance(images, str) else [images]
        )
        if not several:
            raise InputError("there is no image to prepare", reason="empty")
        contract = InputContract.from_dict(self.contract)
        prepared = [self._prepare(as_mammogram(image), contract) for image in several]
        return PreparedBatch(
            torch.stack([tensor for tensor, _ in prepared]), [crop for _, crop in prepared]
        )

    @staticmethod
    def _prepare(mammogram: Mammogram, contract: InputContract) -> tuple[torch.Tensor, Crop]:
        # by way of what the cache stores, so that training and use see the same pixels
        rows, columns = InputContract.size
        bounds = max(rows, contract.size[0]), max(columns, contract.size[1])
        prepared = prepare_pixels(mammogram, find_breast(mammogram.pixels), bounds)
        return to_input(prepared.levels, contract), prepared.crop.within(contract.size)


def as_mammogram(image: object) -> Mammogram:
    """Read a file, or take pixels that were read elsewhere.

    Raises:
        InputError: it is nothing that holds one picture.
    """
    if isinstance(image, Mammogram):
        return image
    if isinstance(image, str | Path):
        return read(image)
    if isinstance(image, Image.Image):
        return _from_pixels(np.asarray(image), "a Pillow image")
    if isinstance(image, np.ndarray):
        return _from_pixels(image, "an array")
    message = f"expected a path, Mammogram, Pillow image or array, got {type(image).__name__}"
    raise InputError(message, reason="unknown-format")


def _from_pixels(pixels: NDArray[Any], what: str) -> Mammogram:
    """Take pixels [H, W] or [H, W, 3] that come without a file, bright or dark on their border."""
    notes = []
    if pixels.ndim == 3 and pixels.shape[-1] == 3 and pixels.dtype.kind == "u":
        pixels, note = to_grey(pixels)
        notes.append(note)
    if pixels.ndim != 2 or not pixels.size:
        message = f"{what} of shape {list(pixels.shape)}; expected [H, W] or [H, W, 3]"
        raise InputError(message, reason="size-mismatch")
    scaled, bits = _scaled(pixels, what)
    inverted = background_is_bright(scaled)
    if inverted:
        scaled = 1.0 - scaled
        notes.append("the surroundings are bright: taken for a negative and turned round")
    return Mammogram(
        pixels=scaled,
        bits=bits,
        provenance=Provenance(
            file=what, format="array", photometric="MONOCHROME2", inverted=inverted
        ),
        warnings=tuple(notes),
    )


def _scaled(pixels: NDArray[Any], what: str) -> tuple[NDArray[np.float32], int]:
    if pixels.dtype in (np.uint8, np.uint16):
        bits = used_bits(pixels, 8 * pixels.dtype.itemsize)
        return pixels.astype(np.float32) / np.float32((1 << bits) - 1), bits
    if pixels.dtype.kind != "f":
        message = f"{what} of {pixels.dtype}; expected uint8, uint16 or floating in 0..1"
        raise InputError(message, reason="unsupported-depth")
    if not np.isfinite(pixels).all() or pixels.min() < 0 or pixels.max() > 1:
        message = f"{what} with values outside 0..1 or not finite"
        raise InputError(message, reason="unsupported-depth")
    return pixels.astype(np.float32), 16


AutoImageProcessor.register(
    VersaMammoConfig,
    image_processor_classes=dict.fromkeys(("pil", "torchvision"), VersaMammoImageProcessor),
    exist_ok=True,
)
