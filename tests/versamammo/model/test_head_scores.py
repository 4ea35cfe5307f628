"""Figures of heads come back from their file; a damaged one is refused by name and field."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from versamammo.errors import InputError
from versamammo.model.head_scores import FILE, HeadScore, read_head_scores, write_head_scores

MASS = HeadScore("mass", 0.85, 0.8, 0.9, 400, 100, (("no", 300), ("yes", 100)))
UNWRITTEN = HeadScore("lesion", 1.0)


def test_scores_come_back_from_their_file(tmp_path: Path) -> None:
    write_head_scores(tmp_path, (MASS, UNWRITTEN))
    assert read_head_scores(tmp_path) == (MASS, UNWRITTEN)


def test_a_folder_without_the_file_has_no_scores(tmp_path: Path) -> None:
    (tmp_path / "README.md").write_text("| attribute | figure |\n|---|---|\n| mass | 0.990 |\n")
    assert read_head_scores(tmp_path) == ()


@pytest.mark.parametrize(
    ("changed", "field"),
    [
        ({"attribute": 3}, "attribute"), ({"auroc": None}, "mass: auroc"),
        ({"auroc": 85}, "mass: auroc"), ({"auroc": float("nan")}, "mass: auroc"),
        ({"low": "0.8"}, "mass: low"), ({"images": 1.5}, "mass: images"),
        ({"patients": True}, "mass: patients"), ({"classes": [1]}, "mass: classes"),
        ({"classes": {"no": -1}}, "mass: classes"), ({"figure": 1}, "scores"),
    ],
)  # fmt: skip
def test_a_damaged_file_is_refused_with_its_name_and_field(
    tmp_path: Path, changed: dict[str, Any], field: str
) -> None:
    (tmp_path / FILE).write_text(json.dumps({"scores": [MASS.to_dict() | changed]}))
    with pytest.raises(InputError, match=rf"head_scores\.json: {field}"):
        read_head_scores(tmp_path)


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"scores": {}}', '{"scores": [1]}'])
def test_a_file_of_something_else_is_refused(tmp_path: Path, text: str) -> None:
    (tmp_path / FILE).write_text(text)
    with pytest.raises(InputError, match=r"head_scores\.json"):
        read_head_scores(tmp_path)


def test_an_attribute_that_occurs_twice_is_refused(tmp_path: Path) -> None:
    write_head_scores(tmp_path, (MASS, MASS))
    with pytest.raises(InputError, match=r"head_scores\.json: attribute: found 'mass'"):
        read_head_scores(tmp_path)
