from __future__ import annotations

from itertools import islice
from pathlib import Path
from typing import Any, cast

import numpy as np
import pytest
import torch
from torch import nn

from benchmark.dense.maps import Maps
from benchmark.fitting import Fitting, ValidationPoint, batches, choosers, fit, own_copy
from benchmark.task_rows import AdaptSettings
from tests.benchmark.dense.discs import tiny


def noise(number: int, flipped: bool) -> torch.Tensor:
    generator = torch.Generator().manual_seed(number)
    image = torch.randn(1, 64, 32, generator=generator) + number
    return image.flip(1) if flipped else image


def some_maps(tuned: bool = False) -> Maps:
    return Maps(tiny(), noise, tuned, torch.device("cpu"))


def test_half_of_what_is_drawn_shows_a_finding_however_rare() -> None:
    shows = np.arange(50) < 3
    drawn = list(islice(batches(shows, 8, seed=1), 100))
    share = np.mean([shows[numbers].mean() for numbers, _ in drawn])
    assert 0.44 < share < 0.56
    assert {n for numbers, _ in drawn for n in numbers} == set(range(50))  # every negative too
    assert drawn == list(islice(batches(shows, 8, seed=1), 100))
    assert drawn != list(islice(batches(shows, 8, seed=2), 100))


@pytest.mark.parametrize("shows", [np.zeros(4, np.bool_), np.ones(4, np.bool_)])
def test_images_all_of_one_sort_are_all_drawn(shows: np.ndarray) -> None:
    drawn = list(islice(batches(shows, 4, seed=1), 5))
    assert all(sorted(numbers) == [0, 1, 2, 3] for numbers, _ in drawn)


@pytest.mark.parametrize(("shown", "kept"), [(10, 10), (300, 200), (900, 300)])
def test_of_very_many_validation_rows_half_show_a_finding(shown: int, kept: int) -> None:
    rows = list(range(1000))
    shows = np.arange(1000) % 1000 < shown
    some = choosers(cast(Any, rows), shows)
    assert len(some) == 400
    assert sum(shows[row] for row in cast(Any, some)) == kept
    assert cast(Any, some) == sorted(cast(Any, some))
    assert choosers(cast(Any, rows[:400]), shows[:400]) == rows[:400]


def test_a_frozen_encoder_looks_once_at_each_image_and_flip() -> None:
    maps = some_maps()
    maps.measure(range(3))
    seen = maps([0, 1], [False, True], keep=True)
    looked: list[int] = []
    maps.looking.register_forward_hook(lambda *_: looked.append(1))
    again = maps([0, 1], [False, True], keep=True)
    assert not looked
    assert all(torch.equal(a, b) for a, b in zip(seen, again, strict=True))
    maps([2], [False], keep=False)
    maps([2], [False], keep=False)
    assert len(looked) == 2
    assert not any(one.requires_grad for one in again)


def test_channels_have_mean_zero_and_spread_one_over_the_training_images() -> None:
    maps = some_maps()
    maps.measure(range(8))
    pyramid = list(maps(list(range(8)), [False] * 8, keep=False))
    assert pyramid
    for one in pyramid:
        values = one.transpose(0, 1).flatten(1)
        alive = values.std(dim=1) > 0.5  # a channel that is the same everywhere stays zero
        assert alive.float().mean() > 0.5
        torch.testing.assert_close(
            values[alive].mean(dim=1), torch.zeros(int(alive.sum())), atol=2e-3, rtol=0
        )
        torch.testing.assert_close(
            values[alive].std(dim=1), torch.ones(int(alive.sum())), atol=2e-3, rtol=0
        )


def fitted(scores: list[float], tuned: bool = False, **changes: int) -> tuple[nn.Linear, Fitting]:
    torch.manual_seed(0)
    head, told = nn.Linear(1, 1, bias=False), iter(scores)
    nn.init.zeros_(head.weight)
    settings = AdaptSettings(**{"steps": len(scores), "check_every": 1, "patience": 2, **changes})
    fitting = fit(
        head,
        some_maps(tuned=True) if tuned else None,
        lambda _: (1 - head.weight).sum(),
        lambda: next(told),
        batches(np.ones(2, np.bool_), 1, 0),
        settings,
    )
    return head, fitting


def test_the_weights_of_the_best_look_are_kept() -> None:
    head, fitting = fitted([0.1, 0.5, 0.3, 0.2, 0.1, 0.4])
    assert [look.score for look in fitting.looks] == [0.1, 0.5, 0.3, 0.2, 0.1]
    assert fitting.kept.step == 2
    last, _ = fitted([0.1, 0.2, 0.3, 0.4, 0.5, 0.6])
    assert 0 < head.weight.item() < last.weight.item()


def test_patience_begins_once_something_is_found_and_the_rate_has_fallen() -> None:
    _, late = fitted([0.3, 0.2, 0.2, 0.2, 0.2, 0.2, 0.9, 0.9], patience=1)
    assert len(late.looks) == 5  # the first look of the second half ends it
    _, none = fitted([0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.2], patience=1)
    assert none.kept.step == 8
    _, lasting = fitted([0.0, 0.0, 0.0, 0.1, 0.1, 0.1, 0.1, 0.3])
    assert [look.score for look in lasting.looks] == [0.0, 0.0, 0.0, 0.1, 0.1, 0.1]
    assert lasting.kept.step == 6  # of equal scores the later


def test_patients_without_a_finding_leave_the_last_weights() -> None:
    head, fitting = fitted([float("nan")] * 4)
    assert fitting.kept.step == 4
    assert head.weight.item() > 0


def test_looks_are_written_with_null_for_what_cannot_be_told(tmp_path: Path) -> None:
    look = ValidationPoint(3, 0.5, float("nan"))
    Fitting((look,), look).write(tmp_path / "new" / "fitting.json")
    assert '"score": null' in (tmp_path / "new" / "fitting.json").read_text()


def test_an_untrained_copy_takes_its_moments_from_images_and_a_trained_one_keeps_its_own() -> None:
    encoder = tiny("test_efficientnet")
    images = torch.stack([noise(number, False) for number in range(6)])
    own = own_copy(encoder, lambda: images)
    first = cast(torch.nn.BatchNorm2d, own.backbone.get_submodule("bn1"))
    seen = cast(nn.Module, own.backbone.get_submodule("conv_stem"))(images)
    torch.testing.assert_close(first.running_mean, seen.mean(dim=(0, 2, 3)))
    assert first.momentum == cast(Any, encoder.backbone.get_submodule("bn1")).momentum
    assert not first.training
    assert int(cast(Any, encoder.backbone.get_submodule("bn1")).num_batches_tracked) == 0

    def nobody_asks() -> torch.Tensor:
        raise AssertionError("a trained encoder needs no images")

    again = own_copy(own, nobody_asks)
    for key, tensor in own.state_dict().items():
        assert torch.equal(tensor, again.state_dict()[key])
