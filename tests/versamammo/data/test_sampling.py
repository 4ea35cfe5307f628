from __future__ import annotations

import numpy as np
import pytest

from versamammo.data.sampling import Draw, Share, StepSampler
from versamammo.data.weighted_folders import Stretch
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


@pytest.mark.parametrize("weight", [0.25, 0.5, 1.5, 3.0, 0.31])
def test_a_weight_says_how_often_each_image_is_drawn(weight: float) -> None:
    stretches, epochs = (Stretch(100), Stretch(60, weight)), 100
    sampler = StepSampler(stretches, Share(1), range(0), seed=1)
    counts = sum(np.bincount(sampler.order(epoch)[0], minlength=160) for epoch in range(epochs))

    assert (counts[:100] == epochs).all()
    shares = counts[100:] / epochs
    assert abs(shares.mean() - weight) < 1 / 60  # draws of an epoch are whole
    assert shares.max() - shares.min() <= 1.5 / epochs


def test_an_image_drawn_twice_is_another_draw() -> None:
    batches = list(StepSampler((Stretch(4), Stretch(3, 2.0)), Share(5), range(6), seed=1))
    drawn = [draw for batch in batches for draw in batch]

    for epoch in (0, 1, 2):
        numbers = [draw.number for draw in drawn if draw.epoch == epoch]
        assert len(set(numbers)) == len(numbers) == 10


def test_weights_of_one_draw_as_if_there_were_none() -> None:
    plain = draws(10, Share(2), range(20))
    stretches = (Stretch(4), Stretch(6, 1.0))

    assert list(StepSampler(stretches, Share(2), range(20), 1)) == plain


def test_weighted_draws_go_on_where_they_stopped() -> None:
    stretches = (Stretch(7, 0.5), Stretch(5, 1.7))
    whole = list(StepSampler(stretches, Share(2), range(40), 3))

    assert list(StepSampler(stretches, Share(2), range(17, 40), 3)) == whole[17:]
