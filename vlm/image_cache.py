"""Images that questions name, prepared for the encoder, with what is known of how they were taken.

A prepared archive's manifest brings side, view and orientation; from any other folder files are
read as they are, and their tags are all there is.
"""

from __future__ import annotations

from collections.abc import Iterable
from functools import lru_cache
from pathlib import Path

from versamammo.data import dataset
from versamammo.data.dataset import picture_of
from versamammo.data.manifest import read_manifest
from versamammo.errors import InputError
from versamammo.imaging.mammogram import Laterality, View
from versamammo.input.contract import InputContract
from versamammo.input.preprocess import to_input
from versamammo.model.image_processor import VersaMammoImageProcessor
from vlm.prompts import PromptImage, look_at

KEPT = 2048  # pictures in memory


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
    ) -> None:
        """Learn what is known of the images.

        Args:
            folder: that their paths begin at.
            contract: how an encoder wants them.
            pictures: of which something is known; by default those of the folder's manifest.

        Raises:
            InputError: there is no such folder, or its manifest is damaged.
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
        self.take = lru_cache(KEPT)(self._take)

    def _take(self, path: str) -> PromptImage:
        """Return the picture an item calls `path`, which begins at the folder.

        Raises:
            InputError: the path leads out of the folder, or there is no such image.
        """
        file = self.folder / path.lstrip("/")
        if not file.resolve().is_relative_to(self.folder.resolve()):
            raise InputError("lies outside the images' folder", file=file, reason="bad-path")
        if file in self.known:
            return shown(self.known[file], self.contract)
        return look_at(file, self.processor)


def shown(picture: dataset.Picture, contract: InputContract) -> PromptImage:
    """Prepare a manifest's picture for an encoder."""
    known_view = picture.view in set(View)
    return PromptImage(
        pixels=to_input(picture.levels(), contract),
        laterality=None if picture.laterality is None else Laterality(picture.laterality),
        view=View(picture.view) if picture.view is not None and known_view else None,
        stored_mirrored=picture.crop.mirrored,
        crop=picture.crop.within(contract.size),
        name=picture.image_id,
    )
