"""A bundle holds the heads that are of use, and says what the trained encoder says."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from scripts.bundle_encoder import bundle, without_rows
from versamammo.errors import InputError
from versamammo.input.contract import InputContract
from versamammo.model.configuration import VersaMammoConfig
from versamammo.model.encoder import VersaMammoModel
from versamammo.model.head_scores import HeadScore, read_head_scores, write_head_scores
from versamammo.model.heads import describe_heads

NAMES = ("density", "birads", "view", "laterality")
CARD = "| attribute | AUC |\n| density | 0.8 |\n| laterality | 0.5 |\n| view | 0.9 |\n"


@pytest.fixture
def trained(tmp_path: Path) -> Path:
    torch.manual_seed(0)
    config = VersaMammoConfig(
        backbone="test_efficientnet", contract=InputContract(size=(64, 48)).to_dict(),
        heads=describe_heads(NAMES, ("mass",)),
    )  # fmt: skip
    encoder = VersaMammoModel(config)
    assert encoder.heads is not None
    encoder.heads.attributes.log_temperature.data = torch.tensor([0.1, 0.2, 0.3, 0.4])
    folder = tmp_path / "trained"
    encoder.save_pretrained(folder)
    told = [HeadScore(name, 0.8, 0.7, 0.9, 20, 10, ()) for name in NAMES[:3]]
    lesion = HeadScore("lesion", 0.9)
    write_head_scores(
        folder, [*told, HeadScore("laterality", 0.55, 0.45, 0.65, 20, 10, ()), lesion]
    )
    (folder / "README.md").write_text(CARD)
    return folder


def test_heads_that_guess_and_those_named_are_left_out(trained: Path, tmp_path: Path) -> None:
    assert bundle(trained, tmp_path / "bundle", ["birads"]) == ["birads", "laterality"]

    before, after = (
        VersaMammoModel.from_pretrained(tmp_path / name).eval() for name in ("trained", "bundle")
    )
    pixels = torch.rand(2, 1, 64, 48)
    for one, other in zip(before.probabilities(pixels), after.probabilities(pixels), strict=True):
        assert list(other) == ["density", "view"]
        assert other == {name: one[name] for name in other}
    assert [one.attribute for one in read_head_scores(tmp_path / "bundle")] == [
        "density", "view", "lesion"
    ]  # fmt: skip
    assert "laterality" not in (tmp_path / "bundle" / "README.md").read_text()


def test_an_unknown_head_is_refused_and_nothing_is_written(trained: Path, tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"no head 'density\?'"):
        bundle(trained, tmp_path / "bundle", ["density?"])
    assert not (tmp_path / "bundle").exists()


def test_a_bundle_without_heads_is_refused(trained: Path, tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no head is of use"):
        bundle(trained, tmp_path / "bundle", list(NAMES))


def test_only_rows_of_the_table_go() -> None:
    card = "laterality | is told\n| laterality | 0.5 |\n"
    assert without_rows(card, {"laterality"}) == "laterality | is told\n"
