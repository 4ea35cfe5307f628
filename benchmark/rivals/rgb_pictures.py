"""The pictures that a bench names, as models for photographs want them: 8 bits, three channels.

Ours reads 16 bits at a fixed size. A rival gets the same breast crop where the folder is a prepared
one, and else the file as it is, made no smaller than its longest side is allowed to be.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from versamammo.data.bounded_cache import BoundedCache, bytes_of
from versamammo.data.cache import read_levels
from versamammo.data.manifest import read_manifest
from versamammo.errors import InputError
from versamammo.imaging.reading import read

PICTURES_GB = 0.25
SIDE = 1024  # pixels of the longest side


class RivalPictures:
    """Looks up pictures by the path that an item gives them.

    Attributes:
        folder: a prepared archive, or where the images lie.
        side: pixels of the longest side, at most.
    """

    def __init__(self, folder: Path, side: int = SIDE) -> None:
        """Learn which files are prepared pictures.

        Raises:
            InputError: there is no such folder, or a side is below 1.
        """
        if not folder.is_dir():
            message = "there is no such folder"
            raise InputError(message, file=folder, field="images", reason="missing-file")
        if side < 1:
            raise InputError(f"found {side}; expected 1 or more", field="side", reason="bad-option")
        self.folder = folder
        self.side = side
        self.prepared: set[Path] = set()
        if (folder / "manifest.parquet").is_file():
            places = read_manifest(folder, ["cache_path"]).column("cache_path").to_pylist()
            self.prepared = {folder / place for place in places}
        limit = bytes_of(PICTURES_GB, "pictures_gb")
        self._kept: BoundedCache[str, Image.Image] = BoundedCache(limit, _bytes)

    def take(self, path: str) -> Image.Image:
        """Return the picture that an item calls `path`, which begins at the folder.

        Raises:
            InputError: the path leads out of the folder, or there is no such image.
        """
        known = self._kept.get(path)
        if known is None:
            known = self._look(path)
            self._kept.keep(path, known)
        return known

    def place(self, path: str) -> Path:
        """Return the file that an item calls `path`, which begins at the folder.

        Raises:
            InputError: the path leads out of the folder, or there is no such image.
        """
        file = self.folder / path.lstrip("/")
        if not file.resolve().is_relative_to(self.folder.resolve()):
            raise InputError("lies outside the images' folder", file=file, reason="bad-path")
        if not file.is_file():
            raise InputError("there is no such image", file=file, reason="missing-file")
        return file

    def _look(self, path: str) -> Image.Image:
        file = self.place(path)
        if file in self.prepared:
            shown = Image.fromarray(as_bytes((read_levels(file) / 65535).astype(np.float32)))
        else:
            shown = Image.fromarray(as_bytes(read(file).pixels))
        shown.thumbnail((self.side, self.side), Image.Resampling.BOX)
        return shown.convert("RGB")


def _bytes(picture: Image.Image) -> int:
    return picture.width * picture.height * len(picture.getbands())


def as_bytes(pixels: NDArray[np.float32]) -> NDArray[np.uint8]:
    """Turn brightness in 0..1 [H, W] into 8 bits."""
    return np.asarray(np.rint(pixels.clip(0, 1) * 255), np.uint8)


def blank(picture: Image.Image) -> Image.Image:
    """Return a black picture of the same size."""
    return Image.new("RGB", picture.size)
