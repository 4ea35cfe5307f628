"""Workers share prepared pictures, in memory that does not grow with their number."""

from __future__ import annotations

from collections.abc import Callable
from multiprocessing import get_context

import torch
from torch import Tensor

from versamammo.data.bounded_cache import GIGABYTE
from versamammo.input.contract import InputContract
from vlm.shared_pictures import SharedPictures

CONTRACT = InputContract(size=(16, 12))
EACH = 2 * 16 * 12 / GIGABYTE


class Makes:
    """Makes pictures, and counts them."""

    def __init__(self) -> None:
        self.made = 0

    def of(self, number: int) -> Callable[[], Tensor]:
        def make() -> Tensor:
            self.made += 1
            return (torch.full((1, *CONTRACT.size), number / 65535) - 0.2) / 0.2

        return make


def level(pixels: Tensor) -> int:
    found = ((pixels * 0.2 + 0.2) * 65535).round().unique()
    assert len(found) == 1
    return int(found)


def test_a_picture_is_made_once_and_comes_back_the_same() -> None:
    makes, shared = Makes(), SharedPictures(10, CONTRACT, 1.0)
    first = shared.take(3, makes.of(3))
    again = shared.take(3, makes.of(3))
    assert (makes.made, level(first), shared.places) == (1, 3, 10)
    assert torch.equal(first, again)


def test_no_more_fit_than_the_bytes_allow_and_none_is_mistaken_for_another() -> None:
    makes, shared = Makes(), SharedPictures(10, CONTRACT, 4.5 * EACH)
    assert shared.places == 4
    for _ in range(2):
        for number in range(10):
            assert level(shared.take(number, makes.of(number))) == number
    assert makes.made == 20  # another of its place came after each
    assert level(shared.take(9, makes.of(9))) == 9
    assert makes.made == 20


def test_without_room_pictures_are_the_same() -> None:
    makes = Makes()
    one = SharedPictures(10, CONTRACT, 0.0).take(5, makes.of(5))
    other = SharedPictures(10, CONTRACT, 1.0).take(5, makes.of(5))
    assert torch.equal(one, other)


def test_another_process_fills_the_same_memory() -> None:
    shared, makes = SharedPictures(10, CONTRACT, 1.0), Makes()
    worker = get_context("fork").Process(target=shared.take, args=(7, makes.of(7)))
    worker.start()
    worker.join()
    assert worker.exitcode == 0
    assert level(shared.take(7, makes.of(7))) == 7
    assert makes.made == 0  # in this process
