from __future__ import annotations

import pytest
import torch
from lightly.models.modules.heads import DINOv2ProjectionHead

from pretrain.networks.projection_heads import (
    PixelDecoder,
    ProjectionHead,
    PrototypeHead,
    standardised,
)


def _paired_heads() -> tuple[PrototypeHead, DINOv2ProjectionHead]:
    torch.manual_seed(0)
    ours = PrototypeHead(12, 20, hidden=16, bottleneck=8).double()
    oracle = DINOv2ProjectionHead(12, 16, 8, 20).double()
    with torch.no_grad():
        for mine, theirs in zip(ours.mlp.parameters(), oracle.layers.parameters(), strict=True):
            theirs.copy_(mine)
        oracle.last_layer.weight_v.copy_(ours.prototypes)
    return ours, oracle


@pytest.mark.filterwarnings("ignore:.*weight_norm.*:FutureWarning")  # lightly's
def test_scores_and_gradients_equal_lightly_with_the_same_weights() -> None:
    ours, oracle = _paired_heads()
    features = torch.randn(5, 12, dtype=torch.float64)
    upstream = torch.randn(5, 20, dtype=torch.float64)

    ours(features).backward(upstream)
    oracle(features).backward(upstream)

    torch.testing.assert_close(ours(features), oracle(features))
    torch.testing.assert_close(ours.prototypes.grad, oracle.last_layer.weight_v.grad)
    first, first_oracle = next(ours.mlp.parameters()), next(oracle.layers.parameters())
    torch.testing.assert_close(first.grad, first_oracle.grad)


def test_a_prototype_cannot_win_by_growing() -> None:
    head = PrototypeHead(12, 20, hidden=16, bottleneck=8)
    features = torch.randn(5, 12)
    before = head(features)

    with torch.no_grad():
        head.prototypes[3] *= 100

    torch.testing.assert_close(head(features), before)
    assert before.abs().max() <= 1


def test_the_decoder_draws_each_masked_patch_in_the_order_asked() -> None:
    torch.manual_seed(0)
    decoder = PixelDecoder(12, pixels=9, hidden=8, depth=1, heads=2)
    patches = torch.randn(3, 4, 12)
    everything = decoder(patches, torch.arange(12))

    some = decoder(patches, torch.tensor([7, 2]))

    assert everything.shape == (12, 9)
    torch.testing.assert_close(some, everything[[7, 2]])


def test_a_flat_decoder_sees_only_the_patch_itself() -> None:
    decoder = PixelDecoder(12, pixels=9, hidden=8, depth=0)
    patches = torch.randn(1, 4, 12, requires_grad=True)

    decoder(patches, torch.tensor([1])).sum().backward()

    assert patches.grad is not None
    assert patches.grad[0, [0, 2, 3]].abs().max() == 0


def test_standardised_features_equal_batch_norm() -> None:
    generator = torch.Generator().manual_seed(4)
    features = torch.randn(7, 12, generator=generator, dtype=torch.float64) * 3 + 5
    upstream = torch.randn(7, 12, generator=generator, dtype=torch.float64)
    features.requires_grad_()
    oracle = torch.nn.BatchNorm1d(12, affine=False).double()

    ours, theirs = standardised(features), oracle(features)

    torch.testing.assert_close(ours, theirs)
    (mine,) = torch.autograd.grad(ours, features, upstream)
    assert mine.abs().max() > 1e-3
    torch.testing.assert_close(mine, torch.autograd.grad(theirs, features, upstream)[0])


def test_what_all_images_share_does_not_make_them_alike() -> None:
    torch.manual_seed(0)
    projector = ProjectionHead(12, hidden=16, out=8)
    features = 0.01 * torch.randn(64, 12) + 10 * torch.randn(12)

    cosines = torch.nn.functional.cosine_similarity(
        projector(features)[::2], projector(features)[1::2]
    )
    projector.standardise = False
    plain = torch.nn.functional.cosine_similarity(
        projector(features)[::2], projector(features)[1::2]
    )

    assert plain.min() > 0.99
    assert cosines.mean().abs() < 0.25


def test_a_plain_projection_does_not_depend_on_who_shares_the_batch() -> None:
    projector = ProjectionHead(12, hidden=16, out=4, standardise=False)
    features = torch.randn(6, 12)

    torch.testing.assert_close(projector(features)[:2], projector(features[:2]))
