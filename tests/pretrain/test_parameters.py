from __future__ import annotations

import pytest
import torch

from pretrain.networks.parameter_groups import backbone_groups, head_groups
from pretrain.networks.projection_heads import PrototypeHead
from pretrain.settings.stage1_schedules import ScheduleValues, apply_schedule
from tests.pretrain.tiny import TinyVit


def test_every_parameter_is_in_exactly_one_group(tiny_vit: TinyVit) -> None:
    vit = tiny_vit()
    grouped = [p for group in backbone_groups(vit, 0.8) for p in group["params"]]

    assert len(grouped) == len({id(p) for p in grouped})
    assert {id(p) for p in grouped} == {id(p) for p in vit.parameters()}


def test_earlier_layers_learn_slower_and_the_patch_embedding_slower_still(
    tiny_vit: TinyVit,
) -> None:
    vit = tiny_vit()
    rate = {
        id(p): group["lr_scale"]
        for group in backbone_groups(vit, layer_decay=0.5, patch_embed_scale=0.2)
        for p in group["params"]
    }
    blocks = vit.backbone.blocks

    assert rate[id(vit.backbone.norm.weight)] == 1.0
    assert rate[id(blocks[1].mlp.fc1.weight)] == 1.0
    assert rate[id(blocks[0].mlp.fc1.weight)] == 0.5
    assert rate[id(vit.backbone.pos_embed)] == 0.25
    assert rate[id(vit.backbone.patch_embed.proj.weight)] == pytest.approx(0.05)


def test_only_matrices_decay(tiny_vit: TinyVit) -> None:
    vit, head = tiny_vit(), PrototypeHead(16, 8, hidden=8, bottleneck=4)
    groups = backbone_groups(vit) + head_groups([head])
    decays = {id(p): group["decays"] for group in groups for p in group["params"]}

    assert set(decays.values()) == {True, False}
    for module in (vit, head):
        for name, parameter in module.named_parameters():
            token = name.endswith(("pos_embed", "cls_token", "reg_token", "mask_token"))
            assert decays[id(parameter)] == (parameter.ndim > 1 and not token), name


def test_a_step_s_knobs_reach_every_group(tiny_vit: TinyVit) -> None:
    optimizer = torch.optim.AdamW(backbone_groups(tiny_vit(), 0.5, 0.2))

    apply_schedule(optimizer, ScheduleValues(1e-3, 0.1, 0.99, 0.05, prototypes_frozen=False))

    assert {group["weight_decay"] for group in optimizer.param_groups} == {0.1, 0.0}
    rates = {round(group["lr"], 9) for group in optimizer.param_groups}
    assert rates == {1e-3, 5e-4, 2.5e-4, 5e-5}
