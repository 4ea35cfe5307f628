"""Where the breast is in every image of an archive, found once and kept beside the cache."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from safetensors.numpy import load_file, save
from tqdm import tqdm

from pretrain.views.crops import TissueMap, tissue_map
from pretrain.views.image_checks import refuse_uninformative
from versamammo.data.dataset import Archive, Picture
from versamammo.errors import InputError
from versamammo.files import write_atomically
from versamammo.input.preprocess import WHITE

SAMPLED = 64  # images looked at before anything is trained


@dataclass(frozen=True)
class TissueSettings:
    """What counts as tissue, and how large it is.

    Attributes:
        air: brightness, as a share of full scale, above which a pixel is no air.
        cell: side in pixels of the cells in which tissue is counted.
        assumed_spacing_mm: of the levels, for images whose file does not say how large a pixel
            is; None refuses such images, since crops are drawn in millimetres.
    """

    air: float = 0.05
    cell: int = 16
    assumed_spacing_mm: float | None = None


@dataclass(frozen=True, eq=False)
class TissueMaps:
    """The tissue maps of an archive, eight cells to a byte, in arrays that workers share.

    Attributes:
        bits: uint8, all maps one after the other.
        starts: [n + 1], where each map begins.
        sizes: [n, 2] of the images, in pixels.
        spacing_mm: [n, 2].
        cell: side of a cell in pixels.
    """

    bits: NDArray[np.uint8]
    starts: NDArray[np.int64]
    sizes: NDArray[np.int32]
    spacing_mm: NDArray[np.float64]
    cell: int

    def __len__(self) -> int:
        return len(self.sizes)

    def __getitem__(self, index: int) -> TissueMap:
        height, width = (int(side) for side in self.sizes[index])
        grid = -(-height // self.cell), -(-width // self.cell)
        packed = self.bits[self.starts[index] : self.starts[index + 1]]
        cells = np.unpackbits(packed, count=grid[0] * grid[1]).astype(np.bool_)
        down, across = (float(side) for side in self.spacing_mm[index])
        return TissueMap(cells.reshape(grid), self.cell, (height, width), (down, across))


def find_tissue(archive: Archive, settings: TissueSettings, workers: int = 1) -> TissueMaps:
    """Find the tissue of every image, or read what an earlier run found beside each folder.

    Raises:
        InputError: an image shows no tissue or has no known size, or nothing can be learnt from
            a folder because its images are constant or all the same.
    """
    found = [_of_folder(part, settings, workers) for part in archive.parts]
    return found[0] if len(found) == 1 else joined(found)


def joined(maps: Sequence[TissueMaps]) -> TissueMaps:
    """Lay the maps of several folders behind each other."""
    ends = np.cumsum([len(one.bits) for one in maps])
    starts = [one.starts[:-1] + end - len(one.bits) for one, end in zip(maps, ends, strict=True)]
    return TissueMaps(
        np.concatenate([one.bits for one in maps]),
        np.concatenate([*starts, ends[-1:]]),
        np.concatenate([one.sizes for one in maps]),
        np.concatenate([one.spacing_mm for one in maps]),
        maps[0].cell,
    )


def _of_folder(archive: Archive, settings: TissueSettings, workers: int) -> TissueMaps:
    key = hashlib.sha256(f"{archive.digest} {settings}".encode()).hexdigest()[:16]
    path = archive.folder / f"tissue_{key}.safetensors"
    if not path.is_file():
        refuse_uninformative([picture.levels() for picture in _sample(archive)])
        with ThreadPoolExecutor(max(1, workers)) as pool:
            found = pool.map(lambda picture: map_of(picture, settings), archive)
            shown = tqdm(found, "finding tissue", len(archive), disable=len(archive) < 1000)
            write_atomically(path, save(_packed(shown)))
    return TissueMaps(**load_file(path), cell=settings.cell)


def map_of(picture: Picture, settings: TissueSettings) -> TissueMap:
    """Find the tissue of one image.

    Raises:
        InputError: it shows none, or its size is not known.
    """
    spacing, assumed = picture.spacing_mm, settings.assumed_spacing_mm
    if spacing is None and assumed is None:
        message = "unknown; set tissue.assumed_spacing_mm to draw crops in millimetres all the same"
        raise InputError(message, file=picture.image_id, field="spacing", reason="no-spacing")
    known = spacing or (assumed or 0.0, assumed or 0.0)
    threshold = round(settings.air * WHITE)
    try:
        return tissue_map(picture.levels(), known, threshold=threshold, cell=settings.cell)
    except ValueError as error:
        raise InputError(str(error), file=picture.image_id, reason="no-tissue") from error


def _sample(archive: Archive) -> list[Picture]:
    places = np.unique(np.linspace(0, len(archive) - 1, SAMPLED).round().astype(int))
    return [archive[int(place)] for place in places]


def _packed(maps: Iterable[TissueMap]) -> dict[str, NDArray[np.generic]]:
    bits, sizes, spacings = [], [], []
    for one in maps:
        bits.append(np.packbits(one.cells))
        sizes.append(one.size)
        spacings.append(one.spacing_mm)
    return {
        "bits": np.concatenate(bits),
        "starts": np.cumsum([0, *map(len, bits)]),
        "sizes": np.array(sizes, np.int32),
        "spacing_mm": np.array(spacings, np.float64),
    }
