from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from torch import Tensor

from pretrain.monitoring.collapse_detection import (
    CollapseReading,
    CollapseRule,
    PrototypeTally,
    PrototypeUse,
    effective_rank,
    feature_std,
)
from pretrain.views.image_checks import refuse_uninformative
from versamammo.errors import InputError

GOOD = PrototypeUse(evenness=0.9, sharpness=0.5, information=0.4, used=0.8)


def _gaussian(rows: int, width: int) -> Tensor:
    return torch.randn(rows, width, generator=torch.Generator().manual_seed(0))


def test_the_rank_of_an_isotropic_gaussian_is_nearly_its_width() -> None:
    assert effective_rank(_gaussian(20_000, 32)) == pytest.approx(32, rel=0.002)


@pytest.mark.parametrize("kept", [1, 3, 10])
def test_the_rank_counts_equal_orthogonal_directions(kept: int) -> None:
    basis = torch.linalg.qr(_gaussian(64, 16))[0]

    assert effective_rank(basis[:, :kept] @ torch.eye(kept, 16)) == pytest.approx(kept, rel=1e-3)


def test_the_rank_of_unequal_directions_is_the_exponential_of_their_entropy() -> None:
    features = torch.diag(torch.tensor([3.0, 1.0]))
    expected = math.exp(-(0.75 * math.log(0.75) + 0.25 * math.log(0.25)))

    assert effective_rank(features) == pytest.approx(expected, rel=1e-5)


def test_spread_is_one_on_the_sphere_and_zero_at_a_point() -> None:
    assert feature_std(_gaussian(20_000, 32)) == pytest.approx(1, abs=0.01)
    assert feature_std(torch.ones(8, 32)) == pytest.approx(0, abs=1e-9)


def _use(probabilities: Tensor) -> PrototypeUse:
    tally = PrototypeTally(probabilities.shape[1])
    for part in probabilities.split(3):  # in several steps
        tally.add(part)
    return tally.read()


def test_one_prototype_for_each_image_is_perfect_use() -> None:
    use = _use(torch.eye(8))

    assert use == PrototypeUse(evenness=1, sharpness=1, information=1, used=1)


@pytest.mark.parametrize(
    ("assignment", "evenness", "sharpness"),
    [
        (torch.tensor([1.0, 0, 0, 0]), 0.0, 1.0),  # all on one prototype
        (torch.full((4,), 0.25), 1.0, 0.0),  # all undecided
    ],
)
def test_both_ways_to_collapse_carry_no_information(
    assignment: Tensor, evenness: float, sharpness: float
) -> None:
    use = _use(assignment.expand(8, 4))

    assert use.evenness == pytest.approx(evenness)
    assert use.sharpness == pytest.approx(sharpness, abs=1e-6)
    assert use.information == pytest.approx(0, abs=1e-6)
    assert use.used == 0.25


def test_reading_a_tally_starts_it_again() -> None:
    tally = PrototypeTally(4)
    tally.add(torch.eye(4))
    tally.read()

    with pytest.raises(ValueError, match="no assignments"):
        tally.read()


def _readings(*spreads: float, loss: float = 1.0) -> list[CollapseReading]:
    return [CollapseReading(100 * (i + 1), loss, std, 20.0, GOOD) for i, std in enumerate(spreads)]


def test_a_healthy_run_goes_on() -> None:
    assert CollapseRule().verdict(_readings(0.9, 0.8, 0.9, 0.7)) is None


def test_a_collapse_is_explained_once_it_lasts() -> None:
    rule = CollapseRule(patience=3)

    assert rule.verdict(_readings(0.9, 0.001, 0.001)) is None
    said = rule.verdict(_readings(0.9, 0.001, 0.001, 0.001))

    assert said is not None
    assert "nearly the same features (spread 0.0010)" in said
    assert "steps 200 to 400" in said


@pytest.mark.parametrize(
    ("reading", "said"),
    [
        (CollapseReading(500, 1.0, 0.9, 1.2, GOOD), "1.20 dimensions"),
        (CollapseReading(500, 1.0, 0.9, 20.0, PrototypeUse(0.0, 1.0, 0.0, 0.1)), "same prototypes"),
        (CollapseReading(5, math.nan, 0.9, 20.0, None), "became nan at step 5"),
    ],
)
def test_every_kind_of_collapse_has_its_sentence(reading: CollapseReading, said: str) -> None:
    verdict = CollapseRule(patience=1).verdict([reading])

    assert verdict is not None
    assert said in verdict


def test_the_start_of_a_run_is_not_judged() -> None:
    early = [CollapseReading(step, 1.0, 0.0, 1.0) for step in (10, 20, 30, 40)]

    assert CollapseRule(grace_steps=100).verdict(early) is None


def test_archives_with_nothing_to_learn_are_refused() -> None:
    ramp = np.arange(16, dtype=np.uint16).reshape(4, 4)
    cases = {
        "too-few-images": [ramp],
        "constant-images": [np.zeros((4, 4), np.uint16), np.ones((5, 4), np.uint16)],
        "identical-images": [ramp, ramp.copy(), ramp.copy()],
    }
    for reason, images in cases.items():
        with pytest.raises(InputError) as caught:
            refuse_uninformative(images)
        assert caught.value.reason == reason
    refuse_uninformative([ramp, ramp.T.copy()])
