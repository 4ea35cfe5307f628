"""Each distillation loss against numpy, and in the units in which they add up."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from scipy.special import log_softmax
from torch import Tensor

from pretrain.objectives.as_published import published_relational_loss, self_similarity_loss
from pretrain.objectives.distillation_losses import (
    at_patches,
    consistency_loss,
    dense_loss,
    pooled_loss,
    relational_loss,
)


def randn(*shape: int, seed: int = 0) -> Tensor:
    generator = torch.Generator().manual_seed(seed)
    return torch.randn(shape, generator=generator, dtype=torch.float64)


def likeness(features: np.ndarray, temperature: float) -> np.ndarray:
    """Log-probabilities over the other images, row by row."""
    centred = features - features.mean(0)
    unit = centred / np.linalg.norm(centred, axis=1, keepdims=True)
    rows = [np.delete(unit @ unit[i], i) / temperature for i in range(len(unit))]
    return log_softmax(np.stack(rows), axis=1)


def test_relations_are_a_divergence_relative_to_chance() -> None:
    student, teacher = randn(6, 5), randn(6, 9, seed=1)
    found, wanted = likeness(student.numpy(), 0.1), likeness(teacher.numpy(), 0.1)
    divergence = (np.exp(wanted) * (wanted - found)).sum()
    chance = (np.exp(wanted) * (wanted + np.log(5))).sum()

    assert float(relational_loss(student, teacher, 0.1)) == pytest.approx(
        divergence / chance, rel=1e-5
    )


def test_equal_relations_cost_nothing_even_in_another_space() -> None:
    teacher = randn(6, 5)
    turned = teacher @ torch.linalg.qr(randn(5, 5, seed=2))[0] * 3 + 7
    assert float(relational_loss(turned, teacher, 0.1)) == pytest.approx(0, abs=1e-5)


def test_the_teacher_gets_no_gradient() -> None:
    teacher = randn(4, 5).requires_grad_()
    student = randn(4, 5, seed=1).requires_grad_()
    low = randn(4, 5, seed=2).requires_grad_()
    pooled_loss(student, teacher).backward()
    relational_loss(student, teacher, 0.1).backward()
    consistency_loss(low, teacher, 0.1).backward()
    assert teacher.grad is None
    assert student.grad.abs().sum() > 0
    assert low.grad.abs().sum() > 0


def test_coarse_looks_that_equal_fine_ones_cost_nothing() -> None:
    fine = randn(5, 4)
    assert float(consistency_loss(2 * fine, fine, 0.1)) == pytest.approx(0, abs=1e-6)
    assert float(consistency_loss(randn(5, 4, seed=3), fine, 0.1)) > 0.5


def test_dense_counts_tissue_only() -> None:
    wanted = randn(2, 3, 4, 5)
    found = wanted.clone()
    found[:, :, 0] = -found[:, :, 0]  # wrong in the first row of patches
    tissue = torch.ones(2, 4, 5, dtype=torch.float64)
    tissue[:, 0] = 0
    assert float(dense_loss(found, wanted, tissue)) == pytest.approx(0, abs=1e-6)
    tissue[:, 0] = 1
    assert float(dense_loss(found, wanted, tissue)) == pytest.approx(2 / 4, abs=1e-6)


@pytest.mark.parametrize(("stride", "patch"), [(32, 14), (8, 14), (16, 16)])
def test_maps_are_read_where_the_patches_lie(stride: int, patch: int) -> None:
    # the map holds its own cells' centres in pixels, so what is read must be the patches' centres
    h, w = 224 // stride, 448 // stride
    y = (torch.arange(h, dtype=torch.float64) + 0.5) * stride
    x = (torch.arange(w, dtype=torch.float64) + 0.5) * stride
    maps = torch.stack(torch.meshgrid(y, x, indexing="ij"))[None]
    grid = (224 // patch, 448 // patch)

    found = at_patches(maps, stride, grid, patch)[0]

    rows = ((torch.arange(grid[0]) + 0.5) * patch).clamp(stride / 2, 224 - stride / 2).double()
    columns = ((torch.arange(grid[1]) + 0.5) * patch).clamp(stride / 2, 448 - stride / 2).double()
    torch.testing.assert_close(found[0], rows[:, None].expand(grid), atol=1e-4, rtol=0)
    torch.testing.assert_close(found[1], columns.expand(grid), atol=1e-4, rtol=0)


def test_published_formulas() -> None:
    first, second, teacher = randn(4, 3), randn(4, 3, seed=1), randn(4, 6, seed=2)
    q = np.exp(log_softmax((second @ second.T).numpy() / 0.07, axis=1))
    p = log_softmax((first @ first.T).numpy() / 0.07, axis=1)
    assert float(self_similarity_loss(first, second)) == pytest.approx(-(q * p).sum() / 4)

    def rows(features: Tensor) -> np.ndarray:
        unit = features / features.norm(dim=1, keepdim=True)
        return log_softmax((unit @ unit.T).numpy(), axis=1)

    ours, theirs = rows(first), rows(teacher)
    expected = (np.exp(ours) * (ours - theirs)).sum() / 4
    assert float(published_relational_loss(first, teacher)) == pytest.approx(expected, rel=1e-5)
