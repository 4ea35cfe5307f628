from __future__ import annotations

import pytest
import torch

from versamammo.errors import InputError
from versamammo.model.features import Features
from vlm.projector import Projector, ProjectorSettings, places

KINDS = [
    ProjectorSettings("shuffle", shrink=(1, 1)),
    ProjectorSettings("shuffle", shrink=(2, 3)),
    ProjectorSettings("pool", tokens=12),
    ProjectorSettings("resampler", tokens=5, heads=2),
    ProjectorSettings("shuffle", shrink=(2, 2), whole=3),
    ProjectorSettings("resampler", tokens=5, heads=2, whole=1),
]


def features(grid: tuple[int, int], width: int = 8) -> Features:
    torch.manual_seed(0)
    patches = torch.randn(2, grid[0] * grid[1], width)
    return Features(torch.randn(2, width), patches, grid, ())


@pytest.mark.parametrize("settings", KINDS, ids=str)
@pytest.mark.parametrize("grid", [(7, 5), (48, 32), (1, 1), (1, 9)])
def test_as_many_tokens_as_were_counted(settings: ProjectorSettings, grid: tuple[int, int]) -> None:
    tokens = Projector(settings, 8, 16)(features(grid))
    rows, columns = settings.token_grid(grid)
    count = settings.whole + rows * columns
    assert tokens.shape == (2, count, 16)
    # 15 pixels short of the last patch: padding makes it whole again
    assert settings.tokens_for((grid[0] * 16 - 15, grid[1] * 16 - 15), 16) == count


@pytest.mark.parametrize("grid", [(48, 32), (7, 5), (3, 40), (100, 1)])
def test_pooling_keeps_its_budget_and_the_shape_of_the_breast(grid: tuple[int, int]) -> None:
    rows, columns = ProjectorSettings("pool", tokens=64).token_grid(grid)
    assert rows * columns <= 64
    assert rows <= grid[0]
    assert columns <= grid[1]
    if grid == (48, 32):
        assert (rows, columns) == (9, 7)


def test_shuffling_lays_neighbours_side_by_side_and_loses_nothing() -> None:
    projector = Projector(ProjectorSettings("shuffle", shrink=(2, 2)), 1, 4)
    patches = torch.arange(12.0).reshape(1, 12, 1)  # rows 0..3, 4..7, 8..11
    gathered = projector._gather(patches, (3, 4), (2, 2))
    assert gathered[0].tolist() == [[0, 1, 4, 5], [2, 3, 6, 7], [8, 9, 0, 0], [10, 11, 0, 0]]


@pytest.mark.parametrize("settings", KINDS, ids=str)
def test_gradients_reach_every_weight(settings: ProjectorSettings) -> None:
    projector = Projector(settings, 8, 16)
    projector(features((6, 6))).square().sum().backward()
    without = [n for n, p in projector.named_parameters() if p.grad is None or not p.grad.any()]
    # a resampler has its places in its keys; a constant added to all keys moves no attention
    assert set(without) <= ({"place.weight"} if settings.kind == "resampler" else set())


def test_tokens_of_the_whole_lead_and_follow_from_the_pooled_vector_alone() -> None:
    projector = Projector(ProjectorSettings("shuffle", shrink=(2, 2), whole=2), 8, 16)
    seen = features((4, 4))
    other = Features(seen.pooled + torch.randn(2, 8), seen.patches, seen.grid, ())
    before, after = projector(seen), projector(other)
    assert torch.equal(before[:, 2:], after[:, 2:])
    assert ((before[:, :2] - after[:, :2]).abs() > 1e-6).any(dim=(0, 2)).all()


def test_places_tell_every_cell_from_every_other() -> None:
    seen = places((12, 9))
    apart = torch.cdist(seen, seen) + torch.eye(len(seen))
    assert apart.min() > 0.05


@pytest.mark.parametrize(
    "record", [{"kind": "mean"}, {"shrink": (0, 2)}, {"tokens": 0}, {"whole": -1}]
)
def test_settings_that_make_no_sense_are_refused(record: dict[str, object]) -> None:
    with pytest.raises(InputError, match="makes no sense"):
        ProjectorSettings(**record)  # type: ignore[arg-type]


def test_a_misspelt_setting_is_refused() -> None:
    record = ProjectorSettings().to_dict() | {"shrnk": [2, 2]}
    with pytest.raises(InputError, match="expected the keys"):
        ProjectorSettings.from_dict(record)
