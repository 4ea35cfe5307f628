"""The lesions of an archive have rows of their own, under the names that the archive gives them."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from versamammo.data.dataset import Archive
from versamammo.data.lesion_rows import CloseUps
from versamammo.data.preparation.prepare import prepare
from versamammo.data.preparation.prepare_settings import Settings

from .conftest import Twin


@pytest.mark.parametrize("layout", ["cbis-ddsm", "dmid", "mias", "vindr-mammo", "dbt"])
def test_twins_give_a_row_for_each_lesion(
    layout: str, twin: Callable[[str], Twin], tmp_path: Path
) -> None:
    made = twin(layout)
    out = tmp_path / "out"
    assert prepare(Settings(str(made.root), out, size=(96, 64), workers=1)) == 0
    shown = CloseUps.open(out, ["train", "val", "test"])
    kept, _ = made.read()
    true = {f.lesion_id for record in kept.values() for f in record.labels.findings if f.box}
    images = {picture.image_id for picture in Archive.open(out, ["train", "val", "test"])}

    assert {one.lesion_id for one in shown} <= true
    assert len(shown) + sum(shown.left_out.values()) >= 0.8 * len(true)  # as images are refused
    assert {one.whole_id for one in shown} <= images
    for one in shown:
        assert one.levels().shape == one.crop.content_size
        assert one.levels().any()
