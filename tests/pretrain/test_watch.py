from __future__ import annotations

import pytest
import torch

from pretrain.monitoring.collapse_detection import CollapseRule
from pretrain.monitoring.running_metrics import CollapsedError, RunningMetrics
from pretrain.objectives.registry import StepLosses


def outcome(loss: float, features: torch.Tensor, prototypes: int = 8) -> StepLosses:
    scores = torch.randn(len(features), prototypes, generator=torch.Generator().manual_seed(1))
    total = torch.tensor(loss)
    return StepLosses(total, {"image": total / 2}, features, (3 * scores).softmax(1))


def spread() -> torch.Tensor:
    return torch.randn(16, 8, generator=torch.Generator().manual_seed(0))


def test_a_reading_is_the_mean_since_the_last_one() -> None:
    watch = RunningMetrics(CollapseRule())
    for loss, norm in ((4.0, 1.0), (2.0, 3.0)):
        watch.see(outcome(loss, spread()), torch.tensor(norm))
    first = watch.read(2, parts=1)
    watch.see(outcome(10.0, spread()), torch.tensor(5.0))
    second = watch.read(3, parts=1)

    assert first["loss"] == pytest.approx(3.0)
    assert first["loss/image"] == pytest.approx(1.5)
    assert first["gradient_norm"] == pytest.approx(2.0)
    assert second["loss"] == pytest.approx(10.0)
    assert 0 < second["prototypes/used"] <= 1


def test_the_gradient_is_counted_once_a_step_however_many_parts_it_had() -> None:
    watch = RunningMetrics(CollapseRule())
    watch.see(outcome(1.0, spread()), None)
    watch.see(outcome(1.0, spread()), torch.tensor(6.0))

    assert watch.read(1, parts=2)["gradient_norm"] == pytest.approx(6.0)


def test_equal_features_stop_the_run_after_some_patience() -> None:
    watch = RunningMetrics(CollapseRule(patience=2, grace_steps=0))
    same = torch.ones(16, 8)
    watch.see(outcome(1.0, same), None)
    watch.read(10, 1)
    watch.judge()
    watch.see(outcome(1.0, same), None)
    watch.read(20, 1)

    with pytest.raises(CollapsedError, match="nearly the same features"):
        watch.judge()


def test_a_loss_that_is_no_number_stops_at_once() -> None:
    watch = RunningMetrics(CollapseRule())
    watch.see(outcome(float("nan"), spread() * float("nan")), None)
    watch.read(10, 1)

    with pytest.raises(CollapsedError, match="The loss became nan"):
        watch.judge()


def test_readings_of_the_log_count_after_going_on() -> None:
    first = RunningMetrics(CollapseRule(patience=2, grace_steps=0))
    first.see(outcome(1.0, torch.ones(16, 8)), None)
    line = {"step": 10, **first.read(10, 1)}

    gone_on = RunningMetrics(
        CollapseRule(patience=2, grace_steps=0), [{"step": 0, "probe/std": 1.0}, line]
    )
    gone_on.see(outcome(1.0, torch.ones(16, 8)), None)
    gone_on.read(20, 1)

    with pytest.raises(CollapsedError, match="steps 10 to 20"):
        gone_on.judge()
