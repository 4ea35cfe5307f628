from __future__ import annotations

import pytest
import torch
from torch import nn

from pretrain.networks.momentum_teacher import follow, teacher_of


def _student() -> nn.Sequential:
    torch.manual_seed(0)
    return nn.Sequential(nn.Linear(4, 3), nn.BatchNorm1d(3))


def test_the_teacher_is_the_closed_form_of_the_running_mean() -> None:
    student = _student()
    teacher = teacher_of(student)
    momenta = [0.9, 0.5, 0.99]
    seen = [student[0].weight.detach().clone()]
    for momentum in momenta:
        with torch.no_grad():
            student[0].weight.add_(torch.randn(3, 4))
        seen.append(student[0].weight.detach().clone())
        follow(teacher, student, momentum)

    shares = [0.9 * 0.5 * 0.99, 0.1 * 0.5 * 0.99, 0.5 * 0.99, 0.01]
    expected = sum(share * weight for share, weight in zip(shares, seen, strict=True))
    torch.testing.assert_close(teacher[0].weight, expected)


@pytest.mark.parametrize(("momentum", "which"), [(1.0, "before"), (0.0, "student")])
def test_the_ends_of_the_momentum_are_exact(momentum: float, which: str) -> None:
    student = _student()
    teacher = teacher_of(student)
    before = teacher[0].weight.clone()
    with torch.no_grad():
        student[0].weight.normal_()

    follow(teacher, student, momentum)

    expected = before if which == "before" else student[0].weight
    assert torch.equal(teacher[0].weight, expected)


def test_buffers_are_copied_not_averaged() -> None:
    student = _student()
    teacher = teacher_of(student)
    student(torch.randn(8, 4))

    follow(teacher, student, 0.999)

    assert torch.equal(teacher[1].running_mean, student[1].running_mean)


def test_the_teacher_is_not_trained_and_shares_nothing() -> None:
    student = _student()
    teacher = teacher_of(student)

    assert not any(parameter.requires_grad for parameter in teacher.parameters())
    assert not teacher.training
    assert student.training
    assert teacher[0].weight.data_ptr() != student[0].weight.data_ptr()


def test_another_architecture_is_refused_by_name() -> None:
    with pytest.raises(ValueError, match=r"1\.weight"):
        follow(teacher_of(_student()), nn.Sequential(nn.Linear(4, 3)), 0.9)
