from __future__ import annotations

import pytest
import torch
from lightly.utils.scheduler import cosine_schedule
from transformers import get_cosine_schedule_with_warmup

from pretrain.settings.stage1_schedules import Schedules, scaled_learning_rate
from versamammo.training.schedules import cosine, linear, warm_cosine


@pytest.mark.parametrize(("start", "end"), [(0.994, 1.0), (0.04, 0.2), (1.0, 0.0)])
def test_the_cosine_equals_lightly_at_every_step(start: float, end: float) -> None:
    for step in range(50):
        expected = cosine_schedule(step, 50, start, end)
        assert cosine(step, 50, start, end) == pytest.approx(expected, abs=1e-12)


def test_the_warm_cosine_has_the_shape_transformers_gives_it() -> None:
    optimizer = torch.optim.SGD([torch.nn.Parameter(torch.zeros(1))], lr=1.0)
    oracle = get_cosine_schedule_with_warmup(optimizer, 10, 100)
    theirs = []
    for _ in range(100):
        theirs.append(optimizer.param_groups[0]["lr"])
        optimizer.step()
        oracle.step()

    ours = [warm_cosine(step, 100, 10, peak=1.0, end=0.0) for step in range(100)]

    # ours never spends a step at rate 0 and ends on the last step, so it runs one step ahead
    assert ours[:9] == pytest.approx(theirs[1:10])
    assert ours[10:] == pytest.approx(theirs[10:], abs=0.02)
    assert ours[-1] == 0.0


def test_the_temperature_rises_in_a_line_and_stays() -> None:
    values = [linear(step, 4, 0.04, 0.08) for step in range(7)]

    assert values == pytest.approx([0.04, 0.05, 0.06, 0.07, 0.08, 0.08, 0.08])
    assert linear(0, 0, 0.04, 0.07) == 0.07


def test_every_knob_starts_and_ends_where_the_config_says() -> None:
    schedules = Schedules(
        steps=100, learning_rate=2e-3, warmup_steps=10, temperature_steps=30, frozen_steps=5
    )
    first, frozen, free, last = (schedules.at(step) for step in (0, 4, 5, 99))

    assert first.learning_rate == pytest.approx(2e-4)
    assert first.weight_decay == pytest.approx(0.04)
    assert first.momentum == pytest.approx(0.994)
    assert first.teacher_temperature == pytest.approx(0.04)
    assert (frozen.prototypes_frozen, free.prototypes_frozen) == (True, False)
    assert schedules.at(10).learning_rate == pytest.approx(2e-3)
    assert last.learning_rate == pytest.approx(1e-6)
    assert last.weight_decay == pytest.approx(0.2)
    assert last.momentum == pytest.approx(1.0)
    assert last.teacher_temperature == pytest.approx(0.07)


def test_a_warm_up_longer_than_the_run_is_refused() -> None:
    with pytest.raises(ValueError, match="do not fit"):
        Schedules(steps=10, learning_rate=1e-3, warmup_steps=10)


def test_the_published_learning_rate_follows_from_its_batch_of_sixteen() -> None:
    assert scaled_learning_rate(1e-4, batch=16) == pytest.approx(1.25e-5)
