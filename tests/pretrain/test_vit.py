from __future__ import annotations

import pytest
import torch

from pretrain.networks.vit import RowDropBlock, VitSettings, build_vit
from tests.pretrain.tiny import TinyVit
from versamammo.errors import InputError


@pytest.mark.parametrize("name", ["vit_small_patch14_dinov2", "vit_small_patch14_reg4_dinov2"])
def test_rectangular_one_channel_images_become_a_grid_of_tokens(
    tiny_vit: TinyVit, name: str
) -> None:
    vit = tiny_vit(name)

    tokens = vit(torch.randn(3, 1, 56, 42))

    assert tokens.grid == (4, 3)
    assert tokens.cls.shape == (3, 16)
    assert tokens.patches.shape == (3, 12, 16)


def test_tokens_are_timm_s_own_features(tiny_vit: TinyVit) -> None:
    vit = tiny_vit().eval()
    images = torch.randn(2, 1, 28, 42)

    tokens = vit(images)

    expected = vit.backbone.forward_features(images)
    assert torch.equal(tokens.cls, expected[:, 0])
    assert torch.equal(tokens.patches, expected[:, 5:])


def test_a_hidden_patch_cannot_be_seen(tiny_vit: TinyVit) -> None:
    vit = tiny_vit()
    images = torch.randn(2, 1, 56, 42)
    masks = torch.zeros(2, 4, 3, dtype=torch.bool)
    masks[0, 1, 2] = True
    changed = images.clone()
    changed[0, 0, 14:28, 28:42] = 9.0

    before, after = vit(images, masks), vit(changed, masks)

    assert torch.equal(before.patches, after.patches)
    assert not torch.equal(vit(images).cls, vit(changed).cls)


def test_crops_in_one_forward_do_not_see_each_other(tiny_vit: TinyVit) -> None:
    vit = tiny_vit().eval()
    images = torch.randn(5, 1, 28, 28)

    torch.testing.assert_close(vit(images).cls[2:], vit(images[2:]).cls)


def test_a_crop_that_is_no_multiple_of_the_patch_is_refused(tiny_vit: TinyVit) -> None:
    with pytest.raises(ValueError, match="50x42 crop"):
        tiny_vit()(torch.randn(1, 1, 50, 42))


def test_dropped_rows_keep_the_expectation_of_the_whole() -> None:
    torch.manual_seed(0)
    block = RowDropBlock(8, 2, drop_path=0.4).double()
    tokens = torch.randn(1, 3, 8, dtype=torch.float64)
    branch = block.ls1(block.attn(block.norm1(tokens)))
    rows = tokens.expand(10, -1, -1)

    added = torch.stack(
        [block._add(rows, lambda x: block.ls1(block.attn(block.norm1(x)))) for _ in range(300)]
    )

    kept = ((added - rows).abs().amax(dim=(2, 3)) > 0).sum(dim=1)
    assert (kept == 6).all()
    torch.testing.assert_close(added.mean(dim=(0, 1)), (tokens + branch)[0])


def test_every_row_is_dropped_as_often_as_any_other() -> None:
    torch.manual_seed(0)
    block = RowDropBlock(8, 2, drop_path=0.5)
    rows = torch.randn(8, 3, 8)
    dropped = torch.zeros(8)
    for _ in range(400):
        dropped += (block._add(rows, torch.ones_like) == rows).all(dim=(1, 2))

    assert ((dropped / 400 - 0.5).abs() < 0.12).all()


def test_dropping_rows_saves_their_compute() -> None:
    block = RowDropBlock(8, 2, drop_path=0.5)
    seen: list[int] = []
    block.attn.register_forward_hook(lambda module, inputs, out: seen.append(len(inputs[0])))

    block(torch.randn(8, 3, 8))
    block.eval()(torch.randn(8, 3, 8))

    assert seen == [4, 8]


def test_recomputed_activations_give_the_same_gradients(tiny_vit: TinyVit) -> None:
    images = torch.randn(4, 1, 56, 42)
    gradients = []
    for recompute in (False, True):
        vit = tiny_vit(recompute=recompute, drop_path=0.5)
        torch.manual_seed(1)
        vit(images).cls.square().sum().backward()
        gradients.append(vit.backbone.blocks[0].attn.qkv.weight.grad)

    torch.testing.assert_close(*gradients)


def test_a_model_that_is_no_vit_is_refused() -> None:
    for name in ("resnet18", "vit_no_such"):
        with pytest.raises(InputError, match=name):
            build_vit(VitSettings(name=name))


def test_an_impossible_drop_path_is_refused() -> None:
    with pytest.raises(ValueError, match="drop_path"):
        VitSettings(drop_path=1.0)
