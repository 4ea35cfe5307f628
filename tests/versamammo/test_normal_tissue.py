"""Windows of normal tissue show breast and no lesion, wherever they fall."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest

from tests.pretrain.archives import LESION, write_archive
from versamammo.data.dataset import Archive
from versamammo.data.lesion_rows import CloseUps, lesion_rows
from versamammo.data.normal_tissue import LEAST_TISSUE, normal_rows, normal_window


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_archive(tmp_path_factory.mktemp("prepared") / "archive")


def tissue(rows: int = 100, columns: int = 80) -> np.ndarray:
    """A breast of flat tissue, twenty columns narrower than the picture."""
    levels = np.zeros((rows, columns), np.uint16)
    levels[:, : columns - 20] = 30_000
    return levels


def test_every_choice_shows_tissue_and_touches_no_lesion() -> None:
    levels, lesion = tissue(), np.array([20.5, 30.0, 40.0, 55.5])
    for share in np.linspace(0, 0.999, 400):
        window = normal_window(levels, [lesion], (20, 16), float(share))
        assert window is not None
        x1, y1, x2, y2 = window
        assert (x2 - x1, y2 - y1) == (16, 20)
        assert 0 <= x1 < x2 <= 80
        assert 0 <= y1 < y2 <= 100
        assert x2 <= 20 or x1 >= 40 or y2 <= 30 or y1 >= 56
        assert (levels[y1:y2, x1:x2] > 0).mean() >= LEAST_TISSUE


def test_the_choices_are_those_that_a_plain_search_finds() -> None:
    levels, lesion = tissue(30, 44), np.array([4.0, 5.0, 9.0, 20.0])
    expected = set()
    for y in range(30 - 8 + 1):
        for x in range(44 - 6 + 1):
            shown = (levels[y : y + 8, x : x + 6] > 0).mean() >= LEAST_TISSUE
            if shown and (x + 6 <= 4 or x >= 9 or y + 8 <= 5 or y >= 20):
                expected.add((x, y, x + 6, y + 8))
    shares = (np.arange(4 * len(expected)) + 0.5) / (4 * len(expected))
    assert {normal_window(levels, [lesion], (8, 6), float(s)) for s in shares} == expected


def test_without_room_there_is_none() -> None:
    everywhere = np.array([0.0, 0.0, 80.0, 100.0])
    assert normal_window(tissue(), [everywhere], (20, 20), 0.5) is None
    assert normal_window(tissue(), [], (101, 20), 0.5) is None
    assert normal_window(np.zeros((50, 50), np.uint16), [], (20, 20), 0.5) is None


def test_each_lesion_has_normal_tissue_beside_it(folder: Path) -> None:
    table = Archive.open(folder, ["train", "test"]).table
    lesions, _ = lesion_rows(table)
    rows, left_out = normal_rows(table, folder)

    assert left_out == {}
    assert rows.schema == lesions.schema
    both = CloseUps(folder, pa.concat_tables([lesions, rows]))
    half = len(lesions)
    assert len(both) == 2 * half
    assert len({one.image_id for one in both}) == 2 * half
    for index in range(half):
        lesion, normal = both[index], both[half + index]
        assert normal.whole_id == lesion.whole_id
        assert normal.levels().shape == lesion.levels().shape
        assert (normal.labels.pathology, normal.labels.mass, normal.labels.findings) == (0, 0, ())
        assert normal.labels.density == lesion.labels.density
        x1, y1, x2, y2 = normal.window
        assert x2 <= LESION["x1"] or x1 >= LESION["x2"] or y2 <= LESION["y1"] or y1 >= LESION["y2"]


def test_places_follow_the_seed(folder: Path) -> None:
    table = Archive.open(folder, ["train"]).table
    first, again, other = (normal_rows(table, folder, seed=seed)[0]["window"] for seed in (1, 1, 2))
    assert first == again != other


def test_nothing_is_normal_beside_a_lesion_that_may_be_anywhere(folder: Path) -> None:
    rows = [row for row in Archive.open(folder, ["test"]).table.to_pylist() if row["findings"]]
    rows = rows[:1]
    rows[0]["findings"] = [*rows[0]["findings"], {**rows[0]["findings"][0], "box": None}]
    table = pa.Table.from_pylist(rows, schema=Archive.open(folder, ["test"]).table.schema)
    made, left_out = normal_rows(table, folder)
    assert (made.num_rows, left_out) == (0, {"no-place": 1})
