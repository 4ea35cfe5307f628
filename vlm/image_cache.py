"""Images that questions name, prepared for the encoder, with what is known of how they were taken.

A prepared archive's manifest brings side, view and orientation; from any other folder files are
read as they are, and their tags are all there is.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from versamammo.data import dataset
from versamammo.data.bounded_cache import BoundedCache, bytes_of
from versamammo.data.dataset import picture_of
from versamammo.data.manifest import read_manifest
from versamammo.errors import InputError
from versamammo.imaging.mammogram import Laterality, View
from versamammo.input.contract import InputContract
from versamammo.input.preprocess import to_input
from versamammo.input.sixteen_bits import from_sixteen_bits, to_sixteen_bits
from versamammo.model.image_processor import VersaMammoImageProcessor
from vlm.prompts import PromptImage, look_at

PICTURES_GB = 2.0
NO_PIXELS = torch.empty(0)
Kept = tuple[PromptImage, NDArray[np.uint16]]  # without its pixels, and they with 16 bits each


class ImageCache:
    """Looks up pictures by the path an item gives them.

    Attributes:
        folder: a prepared archive, or where the images lie.
    """

    def __init__(
        self,
        folder: Path,
        contract: InputContract,
        pictures: Iterable[dataset.Picture] | None = None,
        gigabytes: float = PICTURES_GB,
    ) -> None:
        """Learn what is known of the images.

        Args:
            folder: that their paths begin at.
            contract: how an encoder wants them.
            pictures: of which something is known; by default those of the folder's manifest.
            gigabytes: of pictures that are kept in memory.

        Raises:
            InputError: there is no such folder, its manifest is damaged, or the gigabytes are
                negative.
        """
        if not folder.is_dir():
            raise InputError(
                "there is no such folder", file=folder, field="images", reason="missing-file"
            )
        self.folder = folder
        self.contract = contract
        self.processor = VersaMammoImageProcessor(contract.to_dict())
        self.known = {picture.file: picture for picture in pictures or ()}
        if pictures is None and (folder / "manifest.parquet").is_file():
            rows = read_manifest(folder, dataset.COLUMNS).to_pylist()
            self.known = {(folder / row["cache_path"]): picture_of(row, folder) for row in rows}
        limit = bytes_of(gigabytes, "pictures_gb")
        self._kept: BoundedCache[str, Kept] = BoundedCache(limit, lambda kept: kept[1].nbytes)

    def take(self, path: str) -> PromptImage:
        """Return the picture an item calls `path`, which begins at the folder.

        Raises:
            InputError: the path leads out of the folder, or there is no such image.
        """
        kept = self._kept.get(path)
        if kept is None:
            found = self._look(path)
            levels = to_sixteen_bits(found.pixels, self.contract)
            kept = (replace(found, pixels=NO_PIXELS), levels)
            self._kept.keep(path, kept)
        return replace(kept[0], pixels=from_sixteen_bits(kept[1], self.contract))

    def _look(self, path: str) -> PromptImage:
        file = self.folder / path.lstrip("/")
        if not file.resolve().is_relative_to(self.folder.resolve()):
            raise InputError("lies outside the images' folder", file=file, reason="bad-path")
        if file in self.known:
            return shown(self.known[file], self.contract)
        return look_at(file, self.processor)


def shown(picture: dataset.Picture, contract: InputContract) -> PromptImage:
    """Prepare a manifest's picture for an encoder."""
    return described(picture, contract, to_input(picture.levels(), contract))


def described(picture: dataset.Picture, contract: InputContract, pixels: Tensor) -> PromptImage:
    """Return pixels [1, H, W] with what a manifest knows of their picture."""
    known_view = picture.view in set(View)
    return PromptImage(
        pixels=pixels,
        laterality=None if picture.laterality is None else Laterality(picture.laterality),
        view=View(picture.view) if picture.view is not None and known_view else None,
        stored_mirrored=picture.crop.mirrored,
        crop=picture.crop.within(contract.size),
        name=picture.image_id,
    )
