from __future__ import annotations

import pytest
import torch
from lightly.loss.swav_loss import sinkhorn as lightly_sinkhorn
from lightly.models.modules.center import Center
from torch import Tensor

from pretrain.objectives.centering import (
    CenteredTargets,
    SinkhornTargets,
    sinkhorn_knopp,
    targets_for,
)


def _scores(rows: int = 8, prototypes: int = 5, seed: int = 0) -> Tensor:
    generator = torch.Generator().manual_seed(seed)
    return torch.rand(rows, prototypes, generator=generator, dtype=torch.float64) * 2 - 1


def _plain_sinkhorn(scores: Tensor, temperature: float, iterations: int) -> Tensor:
    """Scale prototypes, then samples, one number at a time."""
    rows, prototypes = scores.shape
    mass = [[float((score / temperature).exp()) for score in row] for row in scores]
    for _ in range(iterations):
        for k in range(prototypes):
            total = sum(mass[i][k] for i in range(rows))
            for i in range(rows):
                mass[i][k] /= total * prototypes
        for i in range(rows):
            total = sum(mass[i])
            for k in range(prototypes):
                mass[i][k] /= total
    return torch.tensor(mass, dtype=torch.float64)


@pytest.mark.parametrize("iterations", [1, 3])
def test_sinkhorn_equals_a_plain_double_loop(iterations: int) -> None:
    ours = sinkhorn_knopp(_scores(), 0.05, iterations)

    torch.testing.assert_close(ours, _plain_sinkhorn(_scores(), 0.05, iterations))


def test_sinkhorn_equals_lightly() -> None:
    torch.testing.assert_close(
        sinkhorn_knopp(_scores(32, 12), 0.06), lightly_sinkhorn(_scores(32, 12), epsilon=0.06)
    )


def test_sinkhorn_deals_every_prototype_an_equal_share() -> None:
    targets = sinkhorn_knopp(_scores(30, 6) + torch.tensor([5.0, 0, 0, 0, 0, 0]), 0.5, 200)

    torch.testing.assert_close(targets.sum(1), torch.ones(30, dtype=torch.float64))
    torch.testing.assert_close(targets.sum(0), torch.full((6,), 5.0, dtype=torch.float64))


def test_sinkhorn_stays_finite_where_the_plain_exponential_would_not() -> None:
    scores = torch.tensor([[90.0, -90.0], [89.0, -90.0]])

    targets = sinkhorn_knopp(scores, 0.04)

    assert torch.isfinite(targets).all()


def test_sinkhorn_of_no_rows_is_no_rows() -> None:
    assert sinkhorn_knopp(torch.zeros(0, 4), 0.05).shape == (0, 4)


def test_centered_targets_follow_the_mean_as_lightly_does() -> None:
    ours, oracle = CenteredTargets(5, momentum=0.9).double(), Center((1, 5), momentum=0.9).double()

    for step in range(4):
        scores = _scores(seed=step)
        expected = ((scores - oracle.value) / 0.04).softmax(-1)
        oracle.update(scores)
        torch.testing.assert_close(ours(scores, 0.04), expected)
    torch.testing.assert_close(ours.center, oracle.value)


def test_centering_undoes_a_prototype_that_wins_everywhere() -> None:
    targets = CenteredTargets(3, momentum=0.5)
    scores = torch.tensor([[1.0, 0.0, 0.1], [1.0, 0.1, 0.0]])
    for _ in range(20):
        chosen = targets(scores, 0.04).argmax(1)

    assert chosen.tolist() == [2, 1]


def test_a_config_names_its_centering() -> None:
    assert isinstance(targets_for("sinkhorn", 7), SinkhornTargets)
    assert isinstance(targets_for("softmax", 7), CenteredTargets)
