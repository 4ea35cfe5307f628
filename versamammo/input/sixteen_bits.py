"""A model's input in half the memory: 16 bits a pixel, as prepared pictures have.

An input of a picture that was not shrunk comes back as it was; of another, each pixel within half
of one of 65,535 levels.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from versamammo.input.contract import InputContract
from versamammo.input.preprocess import WHITE

if TYPE_CHECKING:
    from torch import Tensor


def to_sixteen_bits(pixels: Tensor, contract: InputContract) -> NDArray[np.uint16]:
    """Turn a model's input, float32 of any shape, into levels of that shape."""
    levels = (pixels.detach().cpu().numpy() * contract.std + contract.mean) * WHITE
    return np.asarray(np.rint(levels).clip(0, WHITE), np.uint16)


def from_sixteen_bits(levels: NDArray[np.uint16], contract: InputContract) -> Tensor:
    """Turn levels of any shape back into a model's input, float32 of that shape."""
    import torch

    # the steps of `to_input`, so that the numbers are the same
    pixels = levels.astype(np.float32)
    np.multiply(pixels, np.float32(1 / WHITE / contract.std), out=pixels)
    pixels -= np.float32(contract.mean / contract.std)
    return torch.from_numpy(pixels)
