from __future__ import annotations

import numpy as np
import pytest

from versamammo.imaging.quantiles import quantile, quantiles


@pytest.mark.parametrize("size", [1, 2, 7, 1000, 30_001])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_they_are_those_of_the_sorted_values(size: int, dtype: type) -> None:
    values = np.random.default_rng(size).normal(size=size).astype(dtype).round(2)
    shares = (0.5, 0.0, 0.16, 0.998, 1.0)
    expected = np.quantile(values, shares, method="lower")
    np.testing.assert_array_equal(quantiles(values, *shares), expected)
    assert quantile(values, 0.3) == np.quantile(values, 0.3, method="lower")


def test_a_picture_is_taken_as_a_whole_and_left_as_it_is() -> None:
    picture = np.arange(12, dtype=np.float32)[::-1].reshape(3, 4)
    before = picture.copy()
    assert quantile(picture[:, ::2], 0.5) == 5
    np.testing.assert_array_equal(picture, before)


def test_of_nothing_they_are_zero() -> None:
    assert quantiles(np.empty(0, np.float32), 0.1, 0.9) == (0.0, 0.0)
