"""How well an encoder did on test patients is told from the figures that lie beside it."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from app.chat.conversation.sayings import HOW_WELL, trust
from app.chat.evidence.contracts import Card, Findings
from app.chat.evidence.exam import Exam
from app.chat.evidence.measured import FILE, TOLD, Measured, read_measured
from tests.app.chat.test_answering import CARD, finished, masses
from versamammo.errors import InputError
from versamammo.vocabulary import BY_NAME

BUNDLED = Path(__file__).parents[3] / "models" / "cbis"


def row(name: str, value: float) -> dict[str, Any]:
    return {"name": name, "value": value, "low": value - 0.1, "high": value + 0.1, "n": 50,
            "patients": 30, "p": None, "note": ""}  # fmt: skip


@pytest.fixture
def beside(tmp_path: Path) -> Path:
    told = {
        "about": {"films": 60, "patients": 33},
        "figures": {
            "ours: films as a whole": [row("malignancy AUC, mass films", 0.8), row("other", 0.1)],
            "ours: mass": [row("mass boxes: sensitivity_at_1_fp", 0.7)],
            "probe of another": [row("malignancy AUC, mass films", 0.2)],
        },
    }
    (tmp_path / FILE).write_text(json.dumps(told))
    return tmp_path


@pytest.fixture
def card(beside: Path) -> Card:
    return replace(CARD, tried_on="patients of a test", measured=read_measured(beside))


def test_figures_are_told_with_their_interval_and_numbers(beside: Path) -> None:
    found = read_measured(beside)
    assert found.on == "60 films of 33 patients"
    area, masses_found = found.figures
    assert area.line.endswith("ROC curve 0.80 [0.70, 0.90], 50 films of 30 patients.")
    assert masses_found.topics == ("Mass",)


def test_a_folder_without_figures_has_none(tmp_path: Path) -> None:
    assert read_measured(tmp_path) == Measured()


@pytest.mark.parametrize("text", ["{", "[]", '{"about": {}}', '{"about": {}, "figures": {}}'])
def test_a_damaged_file_is_refused_by_name(tmp_path: Path, text: str) -> None:
    (tmp_path / FILE).write_text(text)
    with pytest.raises(InputError, match=FILE):
        read_measured(tmp_path)


def test_the_bundled_encoder_tells_all_of_them_as_its_file_does() -> None:
    found = read_measured(BUNDLED)
    assert len(found.figures) == len(TOLD)
    rows = json.loads((BUNDLED / FILE).read_text())["figures"]["cbis/encoder: films as a whole"]
    area = next(one for one in rows if one["name"] == "malignancy AUC, mass films")
    assert f"{area['value']:.2f} [{area['low']:.2f}, {area['high']:.2f}]" in found.figures[0].line
    assert all(name in BY_NAME for one in found.figures for name in one.topics)


@pytest.mark.parametrize(
    ("question", "told", "untold"),
    [
        ("What is your AUC?", "ROC curve 0.80", "nothing"),
        ("How good are you at finding masses?", "false mark a film 0.70", "ROC curve"),
        ("your accuracy?", "ROC curve 0.80", "nothing"),
    ],
)
def test_how_well_it_does_is_told_in_figures(
    exam: Exam, card: Card, question: str, told: str, untold: str
) -> None:
    said = finished(exam, question, masses(exam, 1), card).text
    assert told in said
    assert untold not in said
    assert "Measured on patients of a test (60 films of 33 patients)" in said
    assert "Not measured: how often it raises a false alarm" in said


def test_figures_come_first_where_they_are_asked_for_and_caution_first_where_trust_is(
    exam: Exam, card: Card
) -> None:
    assert finished(exam, "your accuracy?", None, card).text.startswith("Measured on")
    trusted = finished(exam, "can I trust you?", None, card).text
    assert trusted.startswith("No doctor speaks here")
    assert HOW_WELL in trusted
    assert "ROC curve" not in trusted


def test_figures_of_films_are_said_to_be_of_no_digital_mammogram(card: Card) -> None:
    films = replace(card, films_only=True)
    assert "No digital mammogram was among them." in trust(films, Findings(), {}, (), "AUC?")
    assert "No digital mammogram" not in trust(card, Findings(), {}, (), "AUC?")


def test_what_was_never_measured_is_said_to_be_unknown(exam: Exam, card: Card) -> None:
    said = finished(exam, "how good are you with architectural distortion", masses(exam), card).text
    assert said.startswith("Architectural distortion: this model was never tried at it.")
