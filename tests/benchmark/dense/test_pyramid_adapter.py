from __future__ import annotations

import torch

from benchmark.dense.pyramid_adapter import STRIDES, PyramidAdapter, resample


def test_a_spot_of_a_vits_grid_stays_where_it_is() -> None:
    # patches of 14 pixels; the spot is patch (3, 5), whose centre is pixel (49, 77)
    maps = torch.zeros(1, 1, 14, 10)
    maps[0, 0, 3, 5] = 1
    for target in STRIDES:
        size = (192 // target, 128 // target)
        laid = resample(maps, 14, target, size)[0, 0]
        assert laid.shape == size
        row, column = divmod(int(laid.argmax()), size[1])
        assert abs((row + 0.5) * target - 49) <= 14 / 2 + target / 2
        assert abs((column + 0.5) * target - 77) <= 14 / 2 + target / 2


def test_resampling_keeps_a_slope_at_its_pixels() -> None:
    rows = (torch.arange(14) + 0.5) * 14  # each cell holds the pixel row of its centre
    maps = rows[None, None, :, None].expand(1, 1, 14, 10)
    for target in (4, 8, 16):
        laid = resample(maps, 14, target, (192 // target, 128 // target))[0, 0]
        due = (torch.arange(192 // target) + 0.5) * target
        inside = (due > 28) & (due < 168)  # near the edges nothing can be interpolated
        torch.testing.assert_close(laid[inside, 0], due[inside], atol=1, rtol=0)


def test_a_cnns_maps_are_taken_as_they_are_and_a_vits_are_brought_to_four_strides() -> None:
    maps = [torch.randn(2, 3, 64 // s, 32 // s) for s in STRIDES]
    even = PyramidAdapter([3] * 4, STRIDES, width=8)
    assert all(torch.equal(a, b) for a, b in zip(even(maps, (64, 32)), maps, strict=True))
    tokens = [torch.randn(2, 6, 4, 2) for _ in range(2)]  # two depths of one grid
    laid = PyramidAdapter([6, 6], (16, 16), width=8)(tokens, (64, 32))
    assert [tuple(one.shape) for one in laid] == [(2, 8, 64 // s, 32 // s) for s in STRIDES]
