"""Real pictures and phantoms each have who speaks of them; who saw no normal breast judges none."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest

from app.chat import models
from app.chat.conversation.answering import Answering
from app.chat.conversation.facts import NO_NORMALS, warnings_of
from app.chat.conversation.report import composed, findings_record
from app.chat.conversation.report_findings import SUSPECT
from app.chat.evidence.contracts import Card, EvidenceSource
from app.chat.evidence.encoder_findings import Seeing
from app.chat.evidence.exam import Exam
from app.chat.evidence.examining import ALL_WITH_LESION, IF_ANY, ON_FILM, Examiner
from app.chat.evidence.queueing import OneAtATime
from app.chat.evidence.trials import Domain, SourceTrial, Trials
from app.chat.models import load_models
from app.chat.page.findings_panel import findings_html
from app.chat.session_service import SessionService
from tests.app.chat.tiny_models import score, tiny_encoder, write_tiny_models

FILMS = Card("Films", "0", "films", no_normals=True)
TRIED = Trials(
    tuple(
        SourceTrial(Domain.REAL, EvidenceSource.HEADS, "films", score(topic))
        for topic in ("ACR", "Bi-Rads", "Mass")
    )
)


@pytest.fixture(scope="module")
def real(exam: Exam) -> Exam:
    return replace(exam, phantom=False)


@pytest.fixture(scope="module")
def examiner() -> Examiner:
    return Examiner(FILMS, TRIED, Seeing(tiny_encoder(), OneAtATime()), None)


def test_findings_are_not_judged_but_the_likeliest_place_is_named(
    real: Exam, examiner: Examiner
) -> None:
    found = examiner.find(real)
    assert "Mass" not in found.topics
    assert found.silent["Mass"] == ALL_WITH_LESION
    assert found.regions == ()
    assert len(found.suspects) == len({one.image for one in found.suspects}) > 0
    *_, said = Answering(FILMS, TRIED).answer(real, "Where is the lesion?", (), found)
    assert said.text.startswith("If there is a lesion, it most likely lies here: ")
    assert {(one.image, one.box) for one in said.evidence if one.box} == {
        (one.image, one.box) for one in found.suspects
    }
    assert all(one.confidence is None for one in said.evidence), "nothing says that there is one"


def test_a_place_is_told_exactly_where_that_is_asked(real: Exam, examiner: Examiner) -> None:
    found = examiner.find(real)
    *_, said = Answering(FILMS, TRIED).answer(real, "pixel coordinates of the lesion?", (), found)
    assert SUSPECT in said.text
    assert "most likely lies here" not in said.text
    for one in found.suspects:
        box = one.box
        told = f"x {box.x1:.0f} to {box.x2:.0f}, y {box.y1:.0f} to {box.y2:.0f}, in pixels"
        assert f"{real.names[one.image]}: {told}" in said.text


def test_what_is_said_of_a_lesion_holds_if_there_is_one(real: Exam, examiner: Examiner) -> None:
    found = examiner.find(real)
    told = {one.topic: one.condition for one in found.verdicts}
    assert told == {"ACR": "", "Bi-Rads": IF_ANY}
    answering = Answering(FILMS, TRIED)
    *_, said = answering.answer(real, "Which BI-RADS category fits?", (), found)
    assert IF_ANY in said.text
    assert IF_ANY in composed(real, found, range(len(real.images)))
    assert IF_ANY in findings_html(real, found, FILMS)
    pictures = findings_record(real, found)["pictures"]
    assert isinstance(pictures, list)
    assert pictures
    assert {one["condition"] for one in pictures} == {"", IF_ANY}
    assert warnings_of(real, found, (FILMS,))[0] == NO_NORMALS


def test_what_was_tried_on_films_is_not_said_of_digital_pictures(real: Exam) -> None:
    card = replace(FILMS, films_only=True)
    seeing = Seeing(tiny_encoder(), OneAtATime())
    found = Examiner(card, TRIED, seeing, None).find(real)
    assert found.verdicts == ()
    assert found.silent["ACR"] == found.silent["Bi-Rads"] == ON_FILM
    assert found.suspects
    scanned = replace(
        real, images=tuple(replace(one, told=replace(
            one.told, provenance=replace(one.told.provenance, sop_class=None)
        )) for one in real.images),
    )  # fmt: skip
    assert Examiner(card, TRIED, seeing, None).find(scanned).topics == ("ACR", "Bi-Rads")


def test_phantoms_are_not_warned_of(exam: Exam) -> None:
    assert NO_NORMALS not in warnings_of(exam, None, (FILMS,))


def test_real_pictures_and_phantoms_have_their_own_models(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, exam: Exam, real: Exam
) -> None:
    folder = write_tiny_models(tmp_path / "phantoms")
    films = write_tiny_models(tmp_path / "films")
    about = json.loads((films / "about.json").read_text())
    about |= {"name": "Films", "phantoms_only": False, "no_normals": True}
    (films / "about.json").write_text(json.dumps(about))
    places = {models.BUNDLED: folder, models.BUNDLED_REAL: films}
    monkeypatch.setattr(models, "bundled", lambda named=models.BUNDLED: places[named])

    opened = load_models(folder)

    own = [card.name for card in opened.of(exam).cards]
    assert own == ["Tiny, language model", "Tiny, encoder"]
    assert {card.name for card in opened.of(real).cards} == {
        "Films, language model", "Films, encoder",
    }  # fmt: skip
    assert load_models(films).of(real).cards[0].name.startswith("Films")
    desk = SessionService(
        tmp_path / "home", answerer=opened.answerer, finder=opened.finder, real=opened.real
    )
    _, visit = desk.open(real)
    assert visit.findings is not None
    assert desk.of(real).cards == opened.of(real).cards
    looked = desk.find(real)
    assert looked is not None
    assert looked.silent["Mass"] == ALL_WITH_LESION
    assert len(desk.cards) == 4
    desk.close()
