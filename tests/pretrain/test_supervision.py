"""Attributes and places of findings: in units of chance, and blind to what is unknown."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from scipy.special import expit
from sklearn.metrics import log_loss

from pretrain.objectives.supervised_losses import (
    attribute_loss,
    finding_loss,
    frequencies_of,
    lesion_loss,
    set_priors,
    start_at_rates,
)
from versamammo.data.attributes import ATTRIBUTES
from versamammo.model.features import Level
from versamammo.model.heads import AttributeHeads, FindingHead, OrdinalHead

NAMES = ("density", "pathology", "mass")
ENTROPIES = [1.2, 0.9, 0.5]


def heads() -> AttributeHeads:
    torch.manual_seed(0)
    return AttributeHeads(6, NAMES)


def test_the_ordinal_head_is_the_cumulative_link_model() -> None:
    torch.manual_seed(0)
    head = OrdinalHead(5, 4).double()
    features = torch.randn(7, 5, dtype=torch.float64)

    found = head(features).exp().detach().numpy()

    score = (features @ head.linear.weight.T + head.linear.bias).detach().numpy()
    above = expit(score - head.cutpoints().detach().numpy())  # P(y > k)
    padded = np.concatenate([np.ones((7, 1)), above, np.zeros((7, 1))], axis=1)
    np.testing.assert_allclose(found, -np.diff(padded, axis=1), rtol=1e-9)
    assert (np.diff(head.cutpoints().detach().numpy()) > 0).all()


@pytest.mark.parametrize("classes", [3, 4, 6])
def test_each_class_in_order_can_be_the_likeliest_from_the_start(classes: int) -> None:
    head = OrdinalHead(1, classes)
    with torch.no_grad():
        head.linear.weight.fill_(1.0)
        head.linear.bias.fill_(0.0)
    scores = torch.linspace(-8, 8, 321)[:, None]
    named = head(scores).argmax(dim=1).tolist()
    assert named == sorted(named)
    assert set(named) == set(range(classes))


def test_ordinal_probabilities_stay_finite_for_extreme_scores() -> None:
    head = OrdinalHead(1, 4)
    with torch.no_grad():
        head.linear.weight.fill_(1.0)
    features = torch.tensor([[-200.0], [0.0], [200.0]], requires_grad=True)
    found = head(features)
    found.sum().backward()
    assert torch.isfinite(found).all()
    assert torch.isfinite(features.grad).all()


def test_the_loss_of_names_is_scikit_learns_over_the_entropy() -> None:
    own = heads()
    pooled = torch.randn(8, 6)
    classes = torch.tensor([[-1, k % 3, -1] for k in range(8)])
    frequencies = frequencies_of(_all_columns(classes))
    set_priors(own, frequencies)
    _, each = attribute_loss(own, pooled, classes, ENTROPIES)

    logits = own.heads["pathology"].linear(pooled) + own.log_prior["pathology"]
    expected = log_loss(classes[:, 1], logits.softmax(1).detach().numpy()) / ENTROPIES[1]
    assert float(each["pathology"]) == pytest.approx(expected, rel=1e-5)


def test_a_student_that_knows_only_frequencies_pays_one() -> None:
    own = heads()
    torch.nn.init.zeros_(own.heads["mass"].linear.weight)
    torch.nn.init.zeros_(own.heads["mass"].linear.bias)
    classes = torch.full((2000, 3), -1)
    classes[:, 2] = torch.arange(2000) % 10 == 0
    (found,) = frequencies_of(_all_columns(classes))
    set_priors(own, [found])

    total, _ = attribute_loss(own, torch.randn(2000, 6), classes, [1.0, 1.0, found.entropy])

    assert found.shares == pytest.approx([0.9, 0.1], abs=2e-3)
    assert float(total) == pytest.approx(1, abs=0.01)


def test_unknown_labels_move_nothing() -> None:
    own = heads()
    pooled = torch.randn(5, 6, requires_grad=True)
    classes = torch.tensor([[0, -1, -1], [-1, -1, -1], [3, -1, -1], [-1, -1, -1], [1, -1, -1]])

    total, _ = attribute_loss(own, pooled, classes, ENTROPIES)
    total.backward()

    moved = pooled.grad.abs().sum(dim=1) > 0
    assert moved.tolist() == [True, False, True, False, True]
    for name in ("pathology", "mass"):  # known of no image: present for DDP, but still
        for parameter in own.heads[name].parameters():
            assert not parameter.grad.any()


def test_an_unknown_image_changes_neither_the_loss_nor_its_weight() -> None:
    own = heads()
    pooled = torch.randn(4, 6)
    classes = torch.tensor([[0, 1, 1], [2, 0, 0]])
    alone, _ = attribute_loss(own, pooled[:2], classes, ENTROPIES)
    unknown = torch.full((2, 3), -1)
    together, _ = attribute_loss(own, pooled, torch.cat([classes, unknown]), ENTROPIES)
    torch.testing.assert_close(alone, together)


def test_a_step_in_which_nothing_is_known_costs_nothing() -> None:
    pooled = torch.randn(3, 6, requires_grad=True)
    total, _ = attribute_loss(heads(), pooled, torch.full((3, 3), -1), ENTROPIES)
    total.backward()
    assert float(total) == 0
    assert not pooled.grad.any()


def test_places_that_are_unknown_move_nothing() -> None:
    log_odds = torch.randn(2, 3, 4, 5, requires_grad=True)
    cover = torch.rand(2, 3, 4, 5)
    placed = torch.tensor([[True, False, False], [False, True, False]])

    finding_loss(log_odds, cover, placed, torch.tensor([0.1, 0.2, 0.3])).backward()

    assert ((log_odds.grad.abs().sum(dim=(2, 3)) > 0) == placed).all()


def test_a_heat_map_at_the_base_rate_pays_one() -> None:
    rates = torch.tensor([0.05])
    head = FindingHead([Level(8, 8, 0)], ["mass"], 8)
    torch.nn.init.zeros_(head.score.weight)
    start_at_rates(head, rates)
    cover = (torch.arange(400) % 20 == 0).float().view(1, 1, 20, 20)
    loss = finding_loss(head([torch.randn(1, 8, 20, 20)]), cover, torch.ones(1, 1).bool(), rates)
    assert float(loss) == pytest.approx(1, abs=1e-4)


def test_kinds_weigh_by_how_much_of_them_there_is() -> None:
    rates = torch.tensor([0.2, 0.02])
    cover = torch.zeros(1, 2, 10, 10)
    cover[:, 0, :2] = 1
    cover[:, 1, 0, :2] = 1
    log_odds = torch.zeros(1, 2, 10, 10)
    chance = [-(r * np.log(r) + (1 - r) * np.log(1 - r)) for r in (0.2, 0.02)]

    both = finding_loss(log_odds, cover, torch.tensor([[True, True]]), rates)
    rare = finding_loss(log_odds, cover, torch.tensor([[False, True]]), rates)

    assert float(both) == pytest.approx(2 * np.log(2) / sum(chance), rel=1e-5)
    assert float(rare) == pytest.approx(np.log(2) / chance[1], rel=1e-5)


def graded(*grades: int) -> torch.Tensor:
    """Images of 4 x 5 cells: two show a benign (0) or malignant (1) finding, or none (-1)."""
    found = torch.zeros(len(grades), 2, 4, 5)
    for image, grade in enumerate(grades):
        if grade >= 0:
            found[image, grade, 1, 2:4] = 1
    return found


def test_a_lesion_head_at_the_base_rate_pays_one() -> None:
    share = 0.3
    odds = torch.full((10, 1, 4, 5), float(np.log(share / (1 - share))))

    loss = lesion_loss(odds, graded(*[1] * 3, *[0] * 7), share)

    assert float(loss) == pytest.approx(1, abs=1e-5)


def test_the_lesion_loss_is_the_cross_entropy_over_covered_cells() -> None:
    odds = torch.zeros(2, 1, 4, 5)
    odds[0, 0, 1, 2], odds[0, 0, 1, 3], odds[1, 0, 1, 2], odds[1, 0, 1, 3] = 2.0, -1.0, 0.5, 0.0
    first = -(np.log(expit(2.0)) + np.log(expit(-1.0))) / 2
    second = -(np.log(expit(-0.5)) + np.log(0.5)) / 2
    entropy = -(0.4 * np.log(0.4) + 0.6 * np.log(0.6))

    loss = lesion_loss(odds, graded(1, 0), 0.4)

    assert float(loss) == pytest.approx((first + second) / 2 / entropy, rel=1e-5)


def test_cells_outside_lesions_and_images_without_teach_nothing_of_pathology() -> None:
    grades = graded(1, -1, 0)
    odds = torch.randn(3, 1, 4, 5, requires_grad=True)

    loss = lesion_loss(odds, grades, 0.5)
    loss.backward()

    assert torch.equal(odds.grad[:, 0] != 0, grades.sum(dim=1) > 0)
    alone = lesion_loss(odds[[0, 2]], grades[[0, 2]], 0.5)
    torch.testing.assert_close(loss, alone)
    assert float(lesion_loss(odds, graded(-1, -1, -1), 0.5)) == 0


def test_a_large_lesion_counts_no_more_than_a_small_one() -> None:
    odds, grades = torch.zeros(2, 1, 4, 5), graded(1, 0)
    odds[0] = 3.0
    before = lesion_loss(odds, grades, 0.5)

    grades[0, 1] = 1  # the same malignant lesion, ten times as large

    torch.testing.assert_close(lesion_loss(odds, grades, 0.5), before)


def test_an_attribute_with_one_class_is_not_asked() -> None:
    classes = np.full((5, len(ATTRIBUTES)), -1)
    classes[:, list(ATTRIBUTES).index("cancer")] = 0
    assert frequencies_of(classes) == []


def _all_columns(classes: torch.Tensor) -> np.ndarray:
    """Spread the columns of NAMES over all attributes."""
    whole = np.full((len(classes), len(ATTRIBUTES)), -1)
    whole[:, [list(ATTRIBUTES).index(name) for name in NAMES]] = classes.numpy()
    return whole
