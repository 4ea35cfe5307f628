"""Both objectives on a tiny ViT: what they promise, and that they can be trained."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch
from lightly.loss import DINOLoss, IBOTPatchLoss, KoLeoLoss
from torch import Tensor

from pretrain.objectives.contrastive_mim import ContrastiveMim, into_patches, seen_patches
from pretrain.objectives.dinov2 import SelfDistillation
from pretrain.objectives.handcrafted_targets import MEASURES, patch_measures
from pretrain.objectives.registry import Objective
from pretrain.views.patch_masks import MaskedPatches
from tests.pretrain.tiny import CONTRASTIVE, DINOV2, TinyVit, random_batch


def _differ(objective: Objective) -> None:
    """Let student and teacher differ, as they do after the first step."""
    generator = torch.Generator().manual_seed(1)
    with torch.no_grad():
        for parameter in objective.parameters():
            if parameter.requires_grad:
                parameter.add_(0.05 * torch.randn(parameter.shape, generator=generator))


@pytest.mark.parametrize("separate", [True, False])
def test_dinov2_equals_lightly_s_losses_on_the_same_networks(
    tiny_vit: TinyVit, separate: bool
) -> None:
    objective = SelfDistillation(tiny_vit(), replace(DINOV2, separate_patch_head=separate))
    _differ(objective)
    batch = random_batch()
    student, teacher = objective.student, objective.teacher
    patch_heads = [network.patch_head or network.image_head for network in (student, teacher)]
    masks = batch.hidden.masks

    outcome = objective(batch, teacher_temperature=0.05)

    hidden, whole = student.vit(batch.overview, masks), teacher.vit(batch.overview)
    details = student.image_head(student.vit(batch.detail).cls).chunk(2)
    image = DINOLoss(24)(
        list(teacher.image_head(whole.cls).chunk(2)),
        [*student.image_head(hidden.cls).chunk(2), *details],
        teacher_temp=0.05,
    )
    flat = masks.flatten(1)
    patch = IBOTPatchLoss(24)(
        patch_heads[1](whole.patches[flat]), patch_heads[0](hidden.patches[flat]), masks, 0.05
    )
    spread = KoLeoLoss()
    koleo = sum(spread(crop) for crop in hidden.cls.chunk(2))
    torch.testing.assert_close(outcome.losses["image"], image.detach(), rtol=0, atol=1e-5)
    torch.testing.assert_close(outcome.losses["patch"], patch.detach(), rtol=0, atol=1e-5)
    torch.testing.assert_close(outcome.losses["koleo"], koleo.detach(), rtol=0, atol=1e-4)
    expected = image + patch + 0.1 * koleo
    torch.testing.assert_close(outcome.total, expected, rtol=0, atol=1e-4)
    weight = student.vit.backbone.patch_embed.proj.weight
    ours, theirs = (torch.autograd.grad(loss, weight)[0] for loss in (outcome.total, expected))
    torch.testing.assert_close(ours, theirs, rtol=1e-3, atol=1e-4)


def test_the_patch_head_works_on_hidden_patches_only(tiny_vit: TinyVit) -> None:
    objective = SelfDistillation(tiny_vit(), DINOV2)
    rows: list[int] = []
    assert objective.student.patch_head is not None
    objective.student.patch_head.register_forward_hook(
        lambda module, inputs, out: rows.append(len(inputs[0]))
    )
    batch = random_batch()

    objective(batch, 0.05)

    assert rows == [len(batch.hidden.places)]
    assert rows[0] < 2 * 4 * 12 / 3


def test_crops_of_one_size_share_one_forward(tiny_vit: TinyVit) -> None:
    objective = SelfDistillation(tiny_vit(), DINOV2)
    sizes: list[int] = []
    objective.student.vit.register_forward_hook(
        lambda module, inputs, out: sizes.append(len(inputs[0]))
    )

    objective(random_batch(images=4, details=3), 0.05)

    assert sizes == [8, 12]


@pytest.mark.parametrize("left_out", ["patch", "koleo"])
def test_a_loss_of_weight_zero_is_not_computed(tiny_vit: TinyVit, left_out: str) -> None:
    settings = replace(DINOV2, **{f"{left_out}_weight": 0.0})

    objective = SelfDistillation(tiny_vit(), settings)
    outcome = objective(random_batch(), 0.05)

    assert set(outcome.losses) == {"image", "patch", "koleo"} - {left_out}


def test_the_teacher_gets_no_gradient_and_never_drops_rows(tiny_vit: TinyVit) -> None:
    objective = SelfDistillation(tiny_vit(drop_path=0.5), DINOV2)
    objective.train()

    objective(random_batch(), 0.05).total.backward()

    assert not objective.teacher.training
    assert objective.student.training
    assert all(parameter.grad is None for parameter in objective.teacher.parameters())


def test_prototypes_can_be_held_for_a_step(tiny_vit: TinyVit) -> None:
    objective = SelfDistillation(tiny_vit(), DINOV2)
    objective(random_batch(), 0.05).total.backward()
    optimizer = torch.optim.AdamW(objective.parameter_groups(1.0, 0.2), lr=0.1)
    head = objective.student.image_head
    before = head.prototypes.detach().clone(), head.mlp[0].weight.detach().clone()

    objective.hold_prototypes()
    optimizer.step()

    assert torch.equal(head.prototypes, before[0])
    assert not torch.equal(head.mlp[0].weight, before[1])


def test_patches_are_cut_row_by_row() -> None:
    image = torch.arange(24.0).reshape(1, 1, 4, 6)

    patches = into_patches(image, 2)

    assert patches.shape == (1, 6, 4)
    assert patches[0, 0].tolist() == [0, 1, 6, 7]
    assert patches[0, 3].tolist() == [12, 13, 18, 19]


def test_the_decoder_is_asked_for_what_was_hidden(tiny_vit: TinyVit) -> None:
    objective = ContrastiveMim(tiny_vit(), replace(CONTRASTIVE, contrast_floor=1e-6))
    batch = random_batch(details=0, fraction=1.0)
    flat = batch.hidden.masks.flatten(1)
    true = into_patches(batch.overview, 14)[flat]
    wanted = (true - true.mean(1, keepdim=True)) / true.std(1, keepdim=True, correction=0)
    objective.decoder.register_forward_hook(lambda module, inputs, out: wanted)

    assert float(objective(batch, 0.0).losses["redraw"]) == pytest.approx(0, abs=1e-9)


def test_measures_are_asked_of_every_patch_hidden_or_not(tiny_vit: TinyVit) -> None:
    objective = ContrastiveMim(tiny_vit(), replace(CONTRASTIVE, measure_weight=1.0))
    assert objective.measures is not None
    batch = random_batch(details=0, fraction=1.0)
    found = patch_measures(batch.overview, 14).flatten(0, 1)
    wanted = (found - found.mean(0)) / (found.var(0, correction=0) + 1e-5).sqrt()
    shape = (len(batch.overview), -1, MEASURES)
    objective.measures.register_forward_hook(lambda module, inputs, out: wanted.view(shape))

    assert float(objective(batch, 0.0).losses["measures"]) == pytest.approx(0, abs=1e-9)


def test_seen_patches_are_those_that_are_not_hidden() -> None:
    masks = torch.tensor([[[True, False, True]], [[False, False, False]], [[True, True, True]]])

    places, weights = seen_patches(masks)

    assert places.tolist() == [1, 3, 4, 5]
    assert weights.tolist() == pytest.approx([1, 1 / 3, 1 / 3, 1 / 3])


def test_redrawing_seen_patches_is_redrawing_hidden_ones_with_the_masks_turned_round(
    tiny_vit: TinyVit,
) -> None:
    objective = ContrastiveMim(tiny_vit(), replace(CONTRASTIVE, seen_weight=0.5))
    batch = random_batch(details=0, fraction=1.0)
    tokens = objective.vit(batch.overview, batch.hidden.masks)
    turned = MaskedPatches(~batch.hidden.masks, *seen_patches(batch.hidden.masks))

    found = objective._redraw(tokens.patches, batch)
    oracle = objective._redraw(tokens.patches, replace(batch, hidden=turned))

    torch.testing.assert_close(found["seen"], oracle["redraw"])
    torch.testing.assert_close(found["redraw"], oracle["seen"])
    outcome = objective(batch, 0.0)
    parts = outcome.losses
    expected = parts["contrast"] + parts["redraw"] + 0.5 * parts["seen"]
    torch.testing.assert_close(outcome.total, expected)


def test_contrastive_mim_refuses_local_crops(tiny_vit: TinyVit) -> None:
    with pytest.raises(ValueError, match="8 local crops"):
        ContrastiveMim(tiny_vit(), CONTRASTIVE)(random_batch(details=2), 0.0)


def _dinov2(vit: TinyVit) -> Objective:
    return SelfDistillation(vit(), replace(DINOV2, centering="sinkhorn"))


def _contrastive(vit: TinyVit) -> Objective:
    return ContrastiveMim(vit(), CONTRASTIVE)


@pytest.mark.parametrize("build", [_dinov2, _contrastive])
def test_every_trained_parameter_is_in_a_group_and_gets_a_gradient(
    tiny_vit: TinyVit, build: object
) -> None:
    objective = build(tiny_vit)  # type: ignore[operator]
    details = 2 if isinstance(objective, SelfDistillation) else 0
    objective(random_batch(details=details), 0.05).total.backward()
    grouped = {id(p) for group in objective.parameter_groups(0.9, 0.2) for p in group["params"]}

    assert grouped
    for name, parameter in objective.named_parameters():
        assert (id(parameter) in grouped) == parameter.requires_grad, name
        assert (parameter.grad is not None) == parameter.requires_grad, name


@pytest.mark.parametrize("build", [_dinov2, _contrastive])
def test_a_few_steps_on_one_batch_lower_the_loss(tiny_vit: TinyVit, build: object) -> None:
    objective = build(tiny_vit)  # type: ignore[operator]
    details = 2 if isinstance(objective, SelfDistillation) else 0
    batch = random_batch(details=details, fraction=1.0)
    optimizer = torch.optim.AdamW(objective.parameter_groups(1.0, 1.0), lr=3e-3)
    totals: list[Tensor] = []
    for _ in range(25):
        outcome = objective(batch, 0.05)
        optimizer.zero_grad()
        outcome.total.backward()
        optimizer.step()
        objective.update_teacher(0.9)
        totals.append(outcome.total.detach())

    assert float(totals[-1]) < float(totals[0]) - 0.3
