"""The examples: phantoms that are what they say, and two real films with their attribution."""

from __future__ import annotations

from pathlib import Path

import pytest

from app.chat.session.example_exam import BENIGN, CALCIFIED, EXAMPLES, FILMS, NORMAL, SETTINGS
from app.chat.session_service import SessionService
from versamammo.phantoms import PhantomSettings
from versamammo.phantoms.anatomy import draw_patient
from versamammo.phantoms.lesions import draw_truths


@pytest.mark.parametrize(
    ("settings", "kinds", "malignant"),
    [
        (SETTINGS, {"mass"}, True),
        (BENIGN, {"mass"}, False),
        (CALCIFIED, {"calcification"}, True),
        (NORMAL, set(), False),
    ],
)
def test_each_phantom_has_what_its_title_says(
    settings: PhantomSettings, kinds: set[str], malignant: bool
) -> None:
    truths = draw_truths(settings, draw_patient(settings, 0))
    assert {lesion.look.kind for truth in truths for lesion in truth.lesions} == kinds
    assert any(truth.category[0] in "45" for truth in truths) is malignant


def test_the_films_are_real_small_and_attributed(tmp_path: Path) -> None:
    desk = SessionService(tmp_path / "home")
    _, visit = desk.open_example(example=EXAMPLES["films"])
    assert visit.exam.names == ("R CC", "R MLO")
    assert not visit.exam.phantom
    assert "CC BY 3.0" in visit.attribution
    assert "10.7937/K9/TCIA.2016.7O02S9CY" in visit.attribution
    assert visit.name == "Example: two real films (CBIS-DDSM)"
    assert sum(file.stat().st_size for file in FILMS.iterdir()) < 600_000
    licence = (FILMS / "README.md").read_text()
    assert "CC BY 3.0" in licence
    assert "Changed:" in licence
