from __future__ import annotations

import pytest
import torch

from versamammo.errors import InputError
from versamammo.model.backbones import (
    Family,
    build_backbone,
    channels_last,
    family_of,
    look,
    pad_to_multiple,
    pyramid_of,
    recompute_activations,
    stride_of,
)

TINY = {"depth": 8, "embed_dim": 16, "num_heads": 2, "img_size": [32, 32]}


def test_families_are_told_by_the_module_of_timm() -> None:
    assert family_of("vit_base_patch14_reg4_dinov2") is Family.TOKENS
    assert family_of("efficientnet_b5") is Family.MAPS
    assert family_of("convnext_tiny") is Family.MAPS


@pytest.mark.parametrize("name", ["no_such_network", "swin_tiny_patch4_window7_224"])
def test_an_unknown_network_is_refused_by_name(name: str) -> None:
    with pytest.raises(InputError, match=name) as refused:
        build_backbone(name, {})
    assert refused.value.reason == "unknown-backbone"


def test_an_argument_that_timm_does_not_take_is_named() -> None:
    with pytest.raises(InputError, match="dephts"):
        build_backbone("convnext_femto", {"dephts": [1, 1, 1, 1]})


@pytest.mark.parametrize(
    "arguments",
    [
        {"checkpoint_path": "/tmp/stranger.pth"},
        {"pretrained": True},
        {"pretrained_cfg": {"file": "/tmp/stranger.pth"}},
        {"pretrained_cfg_overlay": {"url": "http://example.org"}},
        {"pretrained_strict": False},
        {"cache_dir": "/tmp"},
        {"in_chans": 3},
        {"depths": {"a": 1}},
        {"act_layer": [["relu"]]},
    ],
)
def test_arguments_that_open_files_are_refused(arguments: dict[str, object]) -> None:
    with pytest.raises(InputError, match=next(iter(arguments))) as refused:
        build_backbone("convnext_femto", arguments)
    assert refused.value.field == "backbone_args"
    assert refused.value.reason == "bad-backbone"


def test_a_vit_gives_four_evenly_spread_blocks_unless_told() -> None:
    network = build_backbone("vit_tiny_patch16_224", TINY)
    assert [level.index for level in pyramid_of(network)] == [1, 3, 5, 7]
    assert [level.index for level in pyramid_of(network, [0, 7])] == [0, 7]


@pytest.mark.parametrize("blocks", [[], [3, 1], [1, 1], [8], [-1, 2]])
def test_blocks_that_are_not_there_are_refused(blocks: list[int]) -> None:
    network = build_backbone("vit_tiny_patch16_224", TINY)
    with pytest.raises(InputError, match=r"0\.\.7"):
        pyramid_of(network, blocks)


def test_a_shallow_vit_gives_each_block_once() -> None:
    network = build_backbone("vit_tiny_patch16_224", {**TINY, "depth": 2})
    assert [level.index for level in pyramid_of(network)] == [0, 1]


def test_a_cnn_gives_its_stages_and_has_no_blocks() -> None:
    network = build_backbone("efficientnet_b0", {})
    assert [level.stride for level in pyramid_of(network)] == [4, 8, 16, 32]
    assert stride_of(network) == 32
    with pytest.raises(InputError, match="only a ViT"):
        pyramid_of(network, [1])


def test_padding_goes_below_and_right_and_leaves_multiples_alone() -> None:
    images = torch.ones(1, 1, 3, 4)
    padded = pad_to_multiple(images, 4, value=-1.0)
    assert padded.shape == (1, 1, 4, 4)
    assert torch.equal(padded[:, :, :3], images)
    assert (padded[:, :, 3] == -1).all()
    assert pad_to_multiple(padded, 4, value=0.0) is padded


def test_one_channel_is_laid_out_so_that_convolutions_answer_channels_last() -> None:
    network = build_backbone("efficientnet_b0", {}).eval()
    images = torch.randn(2, 1, 64, 64)
    assert torch.equal(channels_last(images), images)
    with torch.no_grad():
        seen = look(network, images, pyramid_of(network))
    for level in seen.pyramid:
        assert level.is_contiguous(memory_format=torch.channels_last)
        assert not level.is_contiguous()


def test_a_cnn_pools_the_average_of_its_patches() -> None:
    network = build_backbone("efficientnet_b0", {}).eval()
    with torch.no_grad():
        seen = look(network, torch.randn(1, 1, 64, 96), pyramid_of(network))
    torch.testing.assert_close(seen.pooled, seen.patches.mean(1))


def test_convnext_gives_out_patches_as_normed_as_its_pool() -> None:
    network = build_backbone("convnext_femto", {"depths": [1, 1, 1, 1]}).eval()
    with torch.no_grad():
        seen = look(network, torch.randn(1, 1, 64, 96), pyramid_of(network))
    torch.testing.assert_close(seen.patches.mean(-1), torch.zeros(1, 6), atol=1e-5, rtol=0)
    torch.testing.assert_close(seen.patches.std(-1), torch.ones(1, 6), atol=1e-2, rtol=0)


def test_the_last_level_of_a_vit_is_its_patches() -> None:
    network = build_backbone("vit_tiny_patch16_224", TINY).eval()
    with torch.no_grad():
        seen = look(network, torch.randn(2, 1, 32, 48), pyramid_of(network))
    assert seen.grid == (2, 3)
    assert torch.equal(seen.pyramid[-1], seen.as_map())


def test_momentum_comes_back_when_activations_are_kept_again() -> None:
    network = build_backbone("resnet18", {})
    before = [norm.momentum for norm in network.modules() if isinstance(norm, torch.nn.BatchNorm2d)]
    for enable in (True, True, False, False):
        recompute_activations(network, enable)
    after = [norm.momentum for norm in network.modules() if isinstance(norm, torch.nn.BatchNorm2d)]
    assert after == pytest.approx(before)
