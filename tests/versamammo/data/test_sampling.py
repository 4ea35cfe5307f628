from __future__ import annotations

import pytest

from versamammo.data.sampling import Draw, Share, StepSampler
from versamammo.errors import InputError


def draws(images: int, share: Share, steps: range, seed: int = 1) -> list[list[Draw]]:
    return list(StepSampler(images, share, steps, seed))


def test_an_epoch_shows_every_image_once() -> None:
    batches = draws(12, Share(4), range(3))

    assert sorted(draw.image for batch in batches for draw in batch) == list(range(12))


def test_the_next_epoch_has_another_order_and_what_was_left_over_may_come() -> None:
    batches = draws(10, Share(4), range(20))
    epochs = {draw.epoch for batch in batches for draw in batch}
    orders = [tuple(d.image for b in batches for d in b if d.epoch == epoch) for epoch in epochs]

    assert epochs == set(range(10))
    assert len(set(orders)) == 10
    assert {image for order in orders for image in order} == set(range(10))


def test_starting_in_the_middle_gives_what_would_have_come() -> None:
    assert (
        draws(10, Share(4, parts=2), range(7, 12)) == draws(10, Share(4, parts=2), range(12))[14:]
    )


@pytest.mark.parametrize("parts", [1, 2])
def test_two_processes_together_see_what_one_sees(parts: int) -> None:
    alone = draws(20, Share(8, parts), range(5))
    first, second = (draws(20, Share(8, parts, 2, rank), range(5)) for rank in (0, 1))

    assert [one + other for one, other in zip(first, second, strict=True)] == alone


def test_another_seed_another_order() -> None:
    assert draws(20, Share(4), range(5), seed=1) != draws(20, Share(4), range(5), seed=2)


def test_a_batch_that_does_not_divide_is_refused() -> None:
    with pytest.raises(InputError, match="a batch of 6 images cannot be divided"):
        Share(6, parts=2, processes=2)


def test_an_archive_smaller_than_a_step_is_refused() -> None:
    with pytest.raises(InputError, match="3 images, fewer than one step's 4"):
        StepSampler(3, Share(4), range(1), 0)
