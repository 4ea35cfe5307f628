"""Parts that keep less: the numbers of timm's own parts, in less memory."""

import copy
from collections.abc import Callable

import pytest
import torch
from timm.layers.norm_act import BatchNormAct2d
from timm.models._efficientnet_blocks import SqueezeExcite
from torch import Tensor, nn

from versamammo.model.backbones import build_backbone, channels_last, settle
from versamammo.model.depthwise import LeanDepthwise, is_wide_depthwise
from versamammo.model.memory_efficient_layers import LeanNorm, LeanSqueeze

PLAIN = {LeanNorm: BatchNormAct2d, LeanSqueeze: SqueezeExcite, LeanDepthwise: nn.Conv2d}
SMALL = {
    "efficientnet_b0": {},
    "convnext_atto": {"depths": (1, 1, 2, 1), "dims": (8, 16, 24, 32)},
}


def pair(name: str) -> tuple[nn.Module, nn.Module]:
    """Build the same network lean, and of the plain parts."""
    torch.manual_seed(0)
    lean = build_backbone(name, SMALL[name])
    settle(lean)
    plain = copy.deepcopy(lean)
    for module in plain.modules():
        module.__class__ = PLAIN.get(type(module), type(module))
    return lean, plain


def step(network: nn.Module, images: Tensor) -> None:
    """Compute the gradients of one training step."""
    network.train()(channels_last(images)).sin().square().mean().backward()


@pytest.mark.parametrize("name", SMALL)
def test_gradients_and_moments_are_those_of_plain_parts(name: str) -> None:
    lean, plain = pair(name)
    assert any(type(module) in PLAIN for module in lean.modules())
    images = torch.randn(4, 1, 96, 64, dtype=torch.float64)
    for network in (lean.double(), plain.double()):
        step(network, images)
        step(network, images.flip(0) + 1)
    for (key, one), other in zip(lean.named_buffers(), plain.buffers(), strict=True):
        torch.testing.assert_close(one, other, msg=key)
    for (key, one), other in zip(lean.named_parameters(), plain.parameters(), strict=True):
        assert one.grad is not None, key
        torch.testing.assert_close(one.grad, other.grad, msg=key, rtol=1e-5, atol=1e-12)


def test_gradients_in_single_precision_are_as_near_as_rounding_lets_them() -> None:
    lean, plain = pair("efficientnet_b0")
    images = torch.randn(4, 1, 96, 64)
    for network in (lean, plain):
        step(network, images)
    # some gradients are nothing but rounding, so that all are compared as one
    found, wanted = (torch.cat([gradient(one) for one in n.parameters()]) for n in (lean, plain))
    assert (found - wanted).norm() < 1e-4 * wanted.norm()


def gradient(weight: nn.Parameter) -> Tensor:
    """Return the gradient of a weight in one row."""
    assert weight.grad is not None
    return weight.grad.flatten()


def test_evaluation_is_untouched() -> None:
    lean, plain = pair("efficientnet_b0")
    images = torch.randn(2, 1, 64, 64)
    with torch.no_grad():
        assert torch.equal(lean.eval()(images), plain.eval()(images))


def test_less_is_kept_for_the_gradient() -> None:
    images = torch.randn(2, 1, 128, 128)
    lean, plain = (kept_bytes(network.train(), images) for network in pair("efficientnet_b0"))
    assert lean < 0.75 * plain


def kept_bytes(network: nn.Module, images: Tensor) -> int:
    """Count what a pass keeps for its gradient, memory that is shared once."""
    kept: dict[int, int] = {}

    def note(tensor: Tensor) -> Tensor:
        kept[tensor.untyped_storage().data_ptr()] = tensor.untyped_storage().nbytes()
        return tensor

    with torch.autograd.graph.saved_tensors_hooks(note, lambda tensor: tensor):
        answer = network(channels_last(images))
    assert answer.requires_grad
    weights = {one.untyped_storage().data_ptr() for one in network.parameters()}
    return sum(size for place, size in kept.items() if place not in weights)


def test_momentum_of_nothing_keeps_running_moments() -> None:
    norm = nn.Sequential(BatchNormAct2d(4, act_layer=nn.SiLU, momentum=0.0))
    norm[0].__class__ = LeanNorm
    norm(torch.randn(3, 4, 5, 5) + 2).sum().backward()
    assert not norm[0].running_mean.any()
    assert norm[0].weight.grad is not None


@pytest.mark.parametrize("half", [False, True])
def test_half_precision_trains(half: bool) -> None:
    lean, _ = pair("efficientnet_b0")
    with torch.autocast("cpu", torch.bfloat16, enabled=half):
        loss = lean.train()(torch.randn(2, 1, 64, 64)).float().square().mean()
    loss.backward()
    assert all(torch.isfinite(one.grad).all() for one in lean.parameters() if one.grad is not None)


@pytest.mark.parametrize(
    ("side", "stride", "padding", "bias"),
    [(5, 1, 2, False), (5, 2, 2, True), (7, 1, 3, True), (5, 1, 0, False), (4, 2, 1, False)],
)
def test_a_wide_depthwise_gradient_is_the_same(
    side: int, stride: int, padding: int, bias: bool
) -> None:
    plain = nn.Conv2d(8, 8, side, stride, padding, groups=8, bias=bias)
    assert is_wide_depthwise(plain)
    lean = copy.deepcopy(plain)
    lean.__class__ = LeanDepthwise
    images = torch.randn(2, 8, 21, 34)
    found, wanted = (gradients(one, images) for one in (lean, plain))
    for one, other in zip(found, wanted, strict=True):
        torch.testing.assert_close(one, other, rtol=1e-4, atol=1e-4)


def gradients(convolution: Callable[[Tensor], Tensor], images: Tensor) -> list[Tensor]:
    """Return the answer and the gradients of the images and the weights."""
    images = images.clone().requires_grad_()
    answer = convolution(images)
    assert isinstance(convolution, nn.Module)
    wanted = [images, *convolution.parameters()]
    return [answer.detach(), *torch.autograd.grad(answer.sin().sum(), wanted)]


@pytest.mark.parametrize("smallest", [0.5, 0.0])  # with 0 the input does not follow from the norm
@pytest.mark.parametrize("fixed", [False, True])
def test_a_norm_has_the_gradients_of_its_plain_part(fixed: bool, smallest: float) -> None:
    plain = BatchNormAct2d(6, act_layer=nn.SiLU).double()
    random = torch.Generator().manual_seed(0)
    with torch.no_grad():
        plain.weight.copy_(torch.tensor([smallest, -0.5, 1.0, -2.0, 0.7, 3.0]))
        for one in (plain.bias, plain.running_mean):
            one.copy_(torch.randn(6, generator=random, dtype=torch.float64))
        plain.running_var.copy_(1 + torch.rand(6, generator=random, dtype=torch.float64))
    plain.train(not fixed)
    lean = copy.deepcopy(plain)
    lean.__class__ = LeanNorm
    images = torch.randn(2, 6, 9, 7, generator=random, dtype=torch.float64)
    assert lean._inverts(images) == (smallest > 0)
    for one, other in zip(gradients(lean, images), gradients(plain, images), strict=True):
        torch.testing.assert_close(one, other)
    for one, other in zip(lean.buffers(), plain.buffers(), strict=True):
        torch.testing.assert_close(one, other)


def test_fixed_moments_keep_less_too() -> None:
    images = torch.randn(2, 1, 128, 128)
    lean, plain = (kept_bytes(network.eval(), images) for network in pair("efficientnet_b0"))
    assert lean < 0.75 * plain
