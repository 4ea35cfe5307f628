"""A model's input comes back from 16 bits a pixel as it was, or very nearly."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from versamammo.input.contract import InputContract
from versamammo.input.preprocess import to_input
from versamammo.input.sixteen_bits import from_sixteen_bits, to_sixteen_bits


@pytest.mark.parametrize(("mean", "std"), [(0.2, 0.2), (0.5, 0.5)])
def test_a_picture_that_was_not_shrunk_comes_back_bit_by_bit(mean: float, std: float) -> None:
    contract = InputContract(size=(300, 400), mean=mean, std=std)
    levels = np.arange(65536, dtype=np.uint16)[: 256 * 256].reshape(256, 256)  # every level
    pixels = to_input(levels, contract)
    small = to_sixteen_bits(pixels, contract)
    assert np.array_equal(small[0, :256, :256], levels)
    assert small.nbytes * 2 == pixels.nbytes
    assert torch.equal(from_sixteen_bits(small, contract), pixels)


def test_a_shrunk_picture_comes_back_within_half_a_level() -> None:
    contract = InputContract(size=(64, 48))
    levels = np.random.default_rng(0).integers(0, 65536, (200, 150)).astype(np.uint16)
    pixels = to_input(levels, contract)
    back = from_sixteen_bits(to_sixteen_bits(pixels, contract), contract)
    assert 0 < (back - pixels).abs().max() * contract.std * 65535 < 0.51
