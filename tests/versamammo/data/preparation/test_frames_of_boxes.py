"""Boxes that hold in another picture than the file are refused, never taken."""

from __future__ import annotations

import dataclasses
from typing import Any

import numpy as np
import pytest

from versamammo.data.labels import Finding, Labels
from versamammo.data.preparation.candidates import merge
from versamammo.data.preparation.outcome import FileFacts
from versamammo.data.sources.source_contract import ImageRecord
from versamammo.errors import InputError
from versamammo.imaging.breast.chest_wall import Side
from versamammo.imaging.mammogram import Box
from versamammo.imaging.raster import _upright

SIDE: Side = "left"
BLANK: dict[str, Any] = {field.name: None for field in dataclasses.fields(FileFacts)}
FACTS = FileFacts(
    **BLANK | {"rows": 512, "columns": 409, "warnings": (), "modifiers": (), "chest_wall": SIDE}
)
MASS = Finding("mass", box=Box(10, 100, 60, 160))


def turned(orientation: int) -> FileFacts:
    notes: list[str] = []
    _upright(np.zeros((2, 3)), orientation, notes)
    return dataclasses.replace(FACTS, warnings=tuple(notes))


def refused(record: ImageRecord, facts: FileFacts = FACTS) -> str:
    with pytest.raises(InputError) as caught:
        merge(record, facts)
    return caught.value.reason


def marked(finding: Finding = MASS, size: tuple[int, int] | None = None) -> ImageRecord:
    return ImageRecord("a.png", labels=Labels(findings=(finding,)), size=size)


@pytest.mark.parametrize("size", [(256, 204), (409, 512), (1024, 818)])
def test_boxes_of_another_size_are_refused(size: tuple[int, int]) -> None:
    assert refused(marked(size=size)) == "size-mismatch"


def test_boxes_of_the_same_size_are_kept_and_a_size_alone_says_nothing() -> None:
    assert merge(marked(size=(512, 409)), FACTS).labels.findings == (MASS,)
    merge(ImageRecord("a.png", size=(1, 1)), FACTS)


@pytest.mark.parametrize("corners", [(0.05, 0.2, 0.15, 0.3), (0, 0, 1, 1), (0.5, 0.5, 1.02, 1.0)])
def test_shares_of_the_picture_are_no_pixels(corners: tuple[float, ...]) -> None:
    assert refused(marked(Finding("mass", box=Box(*corners)))) == "box-normalised"


@pytest.mark.parametrize("orientation", range(2, 9))
def test_boxes_of_a_turned_picture_are_refused_unless_its_size_tells(orientation: int) -> None:
    facts = turned(orientation)
    assert refused(marked(), facts) == "exif-turned"
    if orientation < 5:
        assert refused(marked(size=(512, 409)), facts) == "exif-turned"
    else:
        merge(marked(size=(512, 409)), facts)
        assert refused(marked(size=(409, 512)), facts) == "size-mismatch"
    merge(ImageRecord("a.png"), facts)
