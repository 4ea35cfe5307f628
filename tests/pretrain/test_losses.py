"""Every loss against an oracle that shares no code with it: lightly, or loops over numbers."""

from __future__ import annotations

import math

import pytest
import torch
from lightly.loss import DINOLoss, IBOTPatchLoss, KoLeoLoss, NTXentLoss
from torch import Tensor

from pretrain.objectives.self_supervised_losses import (
    image_distillation,
    info_nce,
    koleo,
    masked_reconstruction,
    patch_distillation,
)

VIEWS, IMAGES, PROTOTYPES, WIDTH = 5, 6, 17, 12


def _random(*size: int, seed: int = 0) -> Tensor:
    return torch.randn(size, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def _same(ours: Tensor, oracle: Tensor, *leaves: Tensor, tolerance: float = 1e-8) -> None:
    """Compare two losses and their gradients with respect to the leaves."""
    torch.testing.assert_close(ours, oracle, rtol=0, atol=tolerance)
    for mine, theirs in zip(
        torch.autograd.grad(ours, leaves), torch.autograd.grad(oracle, leaves), strict=True
    ):
        assert mine.abs().max() > 1e-6
        torch.testing.assert_close(mine, theirs, rtol=0, atol=tolerance)


def test_image_distillation_equals_lightly() -> None:
    student = _random(VIEWS, IMAGES, PROTOTYPES).requires_grad_()
    teacher = _random(2, IMAGES, PROTOTYPES, seed=1)
    oracle = DINOLoss(PROTOTYPES, student_temp=0.1).double()

    ours = image_distillation(student, (teacher / 0.05).softmax(-1), temperature=0.1)

    _same(ours, oracle(list(teacher), list(student), teacher_temp=0.05), student)


def test_image_distillation_equals_a_sum_over_pairs() -> None:
    student = _random(3, 2, 4).requires_grad_()
    targets = _random(2, 2, 4, seed=1).softmax(-1)
    total = torch.zeros((), dtype=torch.float64)
    for t in range(2):
        for s in range(3):
            if s == t:
                continue
            for image in range(2):
                scores = (student[s, image] / 0.3).exp()
                for k in range(4):
                    total = total - targets[t, image, k] * (scores[k] / scores.sum()).log()

    _same(image_distillation(student, targets, 0.3), total / (4 * 2), student)


def test_one_view_cannot_teach_itself() -> None:
    with pytest.raises(ValueError, match="at least two views"):
        image_distillation(_random(1, IMAGES, PROTOTYPES), _random(1, IMAGES, PROTOTYPES))


def test_patch_distillation_equals_lightly() -> None:
    masks = torch.rand(IMAGES, 4, 3, generator=torch.Generator().manual_seed(3)) < 0.4
    masks[2] = False  # a crop without hidden patches counts in the mean
    hidden = int(masks.sum())
    student = _random(hidden, PROTOTYPES).requires_grad_()
    teacher = _random(hidden, PROTOTYPES, seed=1)
    per_crop = masks.flatten(1).sum(1).clamp(min=1)
    weights = (1 / per_crop.double())[masks.flatten(1).nonzero()[:, 0]]
    oracle = IBOTPatchLoss(PROTOTYPES, teacher_temp=0.05, student_temp=0.1).double()

    ours = patch_distillation(student, (teacher / 0.05).softmax(-1), weights, IMAGES, 0.1)

    # lightly weighs crops in float32
    _same(ours, oracle(teacher, student, masks), student, tolerance=1e-6)


def test_koleo_equals_lightly() -> None:
    features = _random(IMAGES, WIDTH).requires_grad_()

    _same(koleo(features), KoLeoLoss()(features), features, tolerance=1e-5)


def test_koleo_of_a_square_is_minus_the_log_of_its_side() -> None:
    corners = torch.tensor([[1.0, 0], [0, 1], [-1, 0], [0, -1]], dtype=torch.float64) * 3

    assert float(koleo(corners)) == pytest.approx(-math.log(math.sqrt(2)), abs=1e-7)


def test_koleo_of_equal_images_is_finite_and_pulls_nowhere() -> None:
    features = torch.ones(3, WIDTH, requires_grad=True)

    loss = koleo(features)
    loss.backward()

    assert torch.isfinite(loss)
    assert features.grad is not None
    assert features.grad.abs().max() == 0


def test_koleo_of_nearly_equal_half_precision_images_is_finite() -> None:
    features = (torch.ones(4, WIDTH) + 1e-4 * torch.randn(4, WIDTH)).half().requires_grad_()

    koleo(features).backward()

    assert features.grad is not None
    assert torch.isfinite(features.grad).all()


def test_koleo_refuses_a_batch_of_one() -> None:
    with pytest.raises(ValueError, match="batch of one"):
        koleo(_random(1, WIDTH))


def test_info_nce_equals_lightly() -> None:
    first = _random(IMAGES, WIDTH).requires_grad_()
    second = _random(IMAGES, WIDTH, seed=1).requires_grad_()

    _same(info_nce(first, second, 0.2), NTXentLoss(0.2)(first, second), first, second)


def test_info_nce_equals_a_loop_over_images() -> None:
    first = _random(4, WIDTH).requires_grad_()
    second = _random(4, WIDTH, seed=1).requires_grad_()
    everyone = [view / view.norm() for view in [*first, *second]]
    total = torch.zeros((), dtype=torch.float64)
    for i, one in enumerate(everyone):
        others = [(one @ other / 0.3).exp() for j, other in enumerate(everyone) if j != i]
        total = total - ((one @ everyone[(i + 4) % 8] / 0.3).exp() / sum(others)).log()

    _same(info_nce(first, second, 0.3), total / 8, first, second)


def test_info_nce_refuses_a_batch_of_one() -> None:
    with pytest.raises(ValueError, match="batch of one"):
        info_nce(_random(1, WIDTH), _random(1, WIDTH))


def test_masked_reconstruction_equals_a_loop_over_pixels() -> None:
    predicted = _random(5, 9).requires_grad_()
    pixels = _random(5, 9, seed=1)
    weights = torch.tensor([0.5, 0.5, 1 / 3, 1 / 3, 1 / 3], dtype=torch.float64)
    total, gradient = 0.0, torch.zeros(5, 9, dtype=torch.float64)
    for m in range(5):
        values = pixels[m].tolist()
        mean = sum(values) / 9
        spread = math.sqrt(sum((value - mean) ** 2 for value in values) / 9 + 0.05**2)
        for p in range(9):
            error = predicted[m, p].item() - (values[p] - mean) / spread
            total += float(weights[m]) * error**2 / 9 / 4
            gradient[m, p] = 2 * float(weights[m]) * error / 9 / 4

    ours = masked_reconstruction(predicted, pixels, weights, crops=4)

    assert ours.item() == pytest.approx(total, abs=1e-12)
    torch.testing.assert_close(torch.autograd.grad(ours, predicted)[0], gradient)


def test_noise_in_air_is_hardly_worth_redrawing() -> None:
    air = 0.001 * _random(1, 196)

    loss = masked_reconstruction(torch.zeros(1, 196), air, torch.ones(1), crops=1)

    assert float(loss) < 1e-3


@pytest.mark.parametrize("precision", [torch.bfloat16, torch.float16])
def test_losses_are_computed_in_float32_whatever_the_network_ran_in(
    precision: torch.dtype,
) -> None:
    student = _random(2, IMAGES, PROTOTYPES).to(precision)
    targets = _random(2, IMAGES, PROTOTYPES, seed=1).softmax(-1).float()

    with torch.autocast("cpu", torch.bfloat16):
        ours = [
            image_distillation(student, targets),
            koleo(student[0]),
            info_nce(student[0], student[1]),
        ]

    wide = student.float()
    expected = [image_distillation(wide, targets), koleo(wide[0]), info_nce(wide[0], wide[1])]
    assert len(ours) == 3
    for one, other in zip(ours, expected, strict=True):
        assert one.dtype == torch.float32
        torch.testing.assert_close(one, other, rtol=1e-6, atol=1e-6)
