"""A cache never holds more bytes than it may, whatever the number of its values."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

from versamammo.data.bounded_cache import BoundedCache, bytes_of
from versamammo.errors import InputError


def cache(limit: int) -> BoundedCache[int, bytes]:
    return BoundedCache(limit, len)


def test_bytes_are_bounded_and_the_longest_unused_goes_first() -> None:
    kept = cache(10)
    for key, size in ((1, 4), (2, 4)):
        kept.keep(key, bytes(size))
    assert kept.get(1) == bytes(4)
    kept.keep(3, bytes(5))  # 2 goes, since 1 was asked for
    assert [kept.get(key) is not None for key in (1, 2, 3)] == [True, False, True]
    assert (kept.taken, len(kept)) == (9, 2)


def test_a_value_larger_than_the_whole_is_not_kept_and_pushes_none_out() -> None:
    kept = cache(10)
    kept.keep(1, bytes(6))
    kept.keep(2, bytes(11))
    assert kept.get(1) is not None
    assert kept.get(2) is None


def test_a_value_that_is_kept_again_counts_once() -> None:
    kept = cache(10)
    kept.keep(1, bytes(6))
    kept.keep(1, bytes(7))
    assert (kept.taken, kept.get(1)) == (7, bytes(7))
    assert kept.pop(1) == bytes(7)
    assert (kept.taken, kept.pop(1)) == (0, None)


def test_what_is_cleared_is_gone() -> None:
    kept = cache(10)
    kept.keep(1, bytes(6))
    kept.clear()
    assert (kept.taken, len(kept), kept.get(1)) == (0, 0, None)


def test_threads_do_not_lose_count() -> None:
    kept = cache(1000)

    def work(seed: int) -> None:
        random = np.random.default_rng(seed)
        for key in random.integers(0, 50, 500).tolist():
            if kept.get(key) is None:
                kept.keep(key, bytes(1 + key))

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(work, range(4)))
    held = [value for key in range(50) if (value := kept.get(key)) is not None]
    assert kept.taken == sum(map(len, held)) <= 1000


def test_gigabytes_are_read_and_negative_ones_refused() -> None:
    assert bytes_of(1.5, "features_gb") == 1_500_000_000
    for wrong in (-0.1, float("nan")):
        with pytest.raises(InputError, match="features_gb: found"):
            bytes_of(wrong, "features_gb")
