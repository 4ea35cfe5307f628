"""Pictures that are learned from, prepared once for a training process and all its workers.

They lie in one piece of memory that worker processes inherit, 16 bits a pixel. Without it every
worker would keep pictures of its own, and memory would grow with the number of workers.
"""

from __future__ import annotations

import mmap
from collections.abc import Callable
from multiprocessing import get_context

import numpy as np
from torch import Tensor

from versamammo.data.bounded_cache import bytes_of
from versamammo.input.contract import InputContract
from versamammo.input.sixteen_bits import from_sixteen_bits, to_sixteen_bits

LOCKS = 64  # so that workers seldom wait for one another


class SharedPictures:
    """The inputs of numbered pictures, as many as fit.

    A picture has one place, by its number. Where there are fewer places than pictures, several
    have the same, and the last of them stays: lessons are drawn at random, so that none is needed
    sooner than another.

    Attributes:
        contract: of the inputs.
        places: how many pictures fit.
    """

    def __init__(self, pictures: int, contract: InputContract, gigabytes: float) -> None:
        """Set the memory aside; the system fills it in as it is used.

        Args:
            pictures: how many there are.
            contract: of their inputs.
            gigabytes: that they may take.

        Raises:
            InputError: the gigabytes are negative.
        """
        self.contract = contract
        h, w = contract.size
        self.places = min(pictures, bytes_of(gigabytes, "pictures_gb") // (2 * h * w))
        levels = mmap.mmap(-1, max(1, 2 * h * w * self.places))
        owners = mmap.mmap(-1, max(1, 8 * self.places))
        count = h * w * self.places
        self._levels = np.frombuffer(levels, np.uint16, count).reshape(self.places, 1, h, w)
        self._owners = np.frombuffer(owners, np.int64, self.places)  # number + 1; 0 is nobody
        self._locks = [get_context("fork").Lock() for _ in range(LOCKS)]

    def take(self, number: int, make: Callable[[], Tensor]) -> Tensor:
        """Return the input [1, H, W] of one picture, which `make` prepares if it is not here."""
        if not self.places:
            return from_sixteen_bits(to_sixteen_bits(make(), self.contract), self.contract)
        place = number % self.places
        lock = self._locks[place % LOCKS]
        with lock:
            found = self._levels[place].copy() if self._owners[place] == number + 1 else None
        if found is None:
            found = to_sixteen_bits(make(), self.contract)
            with lock:
                self._levels[place] = found
                self._owners[place] = number + 1
        return from_sixteen_bits(found, self.contract)
