"""Constant padding is TensorFlow's, where a network's stride divides the sides of an image."""

from __future__ import annotations

import pytest
import torch
from timm.layers.conv2d_same import Conv2dSame

from versamammo.model.backbones import build_backbone
from versamammo.model.same_padding import PaddedConv, with_constant_padding


@pytest.mark.parametrize("kernel", [1, 2, 3, 5, 7])
@pytest.mark.parametrize("stride", [2, 4])
def test_a_convolution_gives_what_timms_does(kernel: int, stride: int) -> None:
    torch.manual_seed(0)
    conv = Conv2dSame(3, 4, kernel, stride)
    images = torch.randn(2, 3, 8 * stride, 6 * stride)
    assert torch.equal(PaddedConv(conv)(images), conv(images))


def test_a_network_of_tensorflow_gives_the_same_with_weights_left_alone() -> None:
    torch.manual_seed(0)
    network = build_backbone("tf_efficientnet_lite0", {}).eval()
    made = with_constant_padding(network)
    assert not [
        part
        for name, part in made.named_modules()
        if isinstance(part, Conv2dSame) and not name.endswith(".conv")
    ]
    assert [part for part in network.modules() if isinstance(part, Conv2dSame)]
    images = torch.randn(1, 1, 96, 64)
    with torch.no_grad():
        assert torch.equal(made(images), network(images))


def test_other_networks_are_not_copied() -> None:
    network = build_backbone("test_efficientnet", {})
    assert with_constant_padding(network) is network
