"""Images of held-out patients that a run looks at again and again, in bounded memory."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from versamammo.data.bounded_cache import bytes_of
from versamammo.data.dataset import Picture
from versamammo.input.contract import InputContract
from versamammo.input.preprocess import to_input
from versamammo.input.sixteen_bits import from_sixteen_bits, to_sixteen_bits

HELD_OUT_GB = 2.0
READERS = 4  # threads that read what is not kept


class HeldOutImages:
    """Inputs of pictures, 16 bits a pixel; as many as fit stay in memory, others are read again.

    The first ones stay: looks go from the first to the last, and of those used last none would
    still be there when its turn comes.

    Attributes:
        kept: how many stay in memory.
    """

    def __init__(
        self, pictures: Sequence[Picture], contract: InputContract, gigabytes: float = HELD_OUT_GB
    ) -> None:
        """Read what stays.

        Args:
            pictures: of held-out patients.
            contract: of the inputs.
            gigabytes: that they may take.

        Raises:
            InputError: a picture is missing or damaged, or the gigabytes are negative.
        """
        self.pictures = pictures
        self.contract = contract
        h, w = contract.size
        self.kept = min(len(pictures), bytes_of(gigabytes, "held_out_gb") // (2 * h * w))
        self._levels = np.zeros((self.kept, 1, h, w), np.uint16)
        for place in range(self.kept):
            self._levels[place] = self._read(place)

    def __len__(self) -> int:
        return len(self.pictures)

    def __getitem__(self, place: int) -> Tensor:
        levels = self._levels[place] if place < self.kept else self._read(place)
        return from_sixteen_bits(levels, self.contract)

    def batches(self, rows: int) -> Iterator[Tensor]:
        """Return all inputs in their order, [B, 1, H, W] with B up to `rows`."""
        with ThreadPoolExecutor(READERS) as readers:
            for start in range(0, len(self), rows):
                places = range(start, min(start + rows, len(self)))
                yield torch.stack(list(readers.map(self.__getitem__, places)))

    def _read(self, place: int) -> NDArray[np.uint16]:
        pixels = to_input(self.pictures[place].levels(), self.contract)
        return to_sixteen_bits(pixels, self.contract)
