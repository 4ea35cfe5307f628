from __future__ import annotations

import pytest

from pretrain.settings.sizing import (
    recommended_batch,
    recommended_bottleneck,
    recommended_prototypes,
    recommended_sizing,
    recommended_temperature,
)


@pytest.mark.parametrize(
    ("images", "batch", "prototypes"),
    [
        (142_000_000, 2048, 131_072),  # DINOv2's archive and batch give DINOv2's number
        (1_281_167, 1024, 65_536),  # DINO's give DINO's
        (706_239, 1024, 32_768),  # the paper's archive with a batch that suits it
        (706_239, 16, 1024),  # the paper's archive with the published batch: not 131,072
        (20_000, 256, 1024),
        (100, 16, 256),
    ],
)
def test_prototypes_follow_archive_and_batch(images: int, batch: int, prototypes: int) -> None:
    assert recommended_prototypes(images, batch) == prototypes


def test_prototypes_never_shrink_as_the_archive_grows() -> None:
    counts = [recommended_prototypes(images, 512) for images in range(2, 2_000_000, 9973)]

    assert counts == sorted(counts)


def test_an_epoch_keeps_enough_steps() -> None:
    assert [recommended_batch(images) for images in (64, 4096, 20_000, 706_239)] == [
        16,
        64,
        256,
        1024,
    ]


def test_targets_of_a_small_batch_stay_sharp() -> None:
    assert recommended_temperature(32) == (0.04, 0.04)
    assert recommended_temperature(512) == (0.04, 0.07)


@pytest.mark.parametrize(("prototypes", "width"), [(256, 32), (1024, 128), (131_072, 256)])
def test_prototypes_stay_crowded(prototypes: int, width: int) -> None:
    assert recommended_bottleneck(prototypes) == width


def test_the_reason_names_the_numbers_it_rests_on() -> None:
    sizing = recommended_sizing(706_239, batch=16)

    assert (sizing.batch, sizing.prototypes) == (16, 1024)
    assert "706239" in sizing.reason
    assert "(16)" in sizing.reason


def test_one_image_is_no_archive() -> None:
    with pytest.raises(ValueError, match="archive of 1"):
        recommended_sizing(1)
