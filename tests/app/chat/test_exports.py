from __future__ import annotations

import json
import re
from dataclasses import replace
from datetime import datetime
from pathlib import Path

import pytest
from PIL import Image

from app.chat.conversation.report import OPEN, draft
from app.chat.evidence.exam import Exam
from app.chat.session.export_name import export_name
from app.chat.session_service import SessionService
from app.chat.viewer.exam_picture import DisplaySettings
from versamammo import NOTICE, __version__
from versamammo.errors import InputError


@pytest.fixture
def desk(tmp_path: Path, echo: object, marker: object) -> SessionService:
    return SessionService(tmp_path / "home", answerer=echo, finder=marker)  # type: ignore[arg-type]


def test_a_visit_is_exported_as_json_png_and_pdf_each_with_notice_and_speaker(
    desk: SessionService, exam: Exam
) -> None:
    _, visit = desk.open(exam)
    list(desk.ask(visit, "What is $here$ <b>?"))
    paths = {path.suffix: path for path in desk.export(visit, DisplaySettings(), "my report")}
    name = r"phantom_4-pictures_\d{4}-\d\d-\d\d_\d\d-\d\d-\d\d\.(json|png|pdf)"
    assert all(re.fullmatch(name, path.name) for path in paths.values())
    told = json.loads(paths[".json"].read_text())
    assert told["notice"] == NOTICE
    assert told["versamammo"] == __version__
    assert [card["name"] for card in told["spoken_by"]] == ["Echo", "Marker"]
    assert told["conversation"][0]["question"] == "What is $here$ <b>?"
    assert told["conversation"][0]["evidence"][0]["size_mm"] is not None
    assert told["report_draft"] == "my report"
    assert told["phantom"] is True
    assert Image.open(paths[".png"]).height > 1280
    pdf = paths[".pdf"].read_bytes()
    assert pdf.startswith(b"%PDF")
    assert NOTICE.encode() in pdf


def test_history_reaches_the_answerer_and_turns_are_kept_apart(
    desk: SessionService, exam: Exam
) -> None:
    _, first = desk.open(exam)
    _, second = desk.open(exam)
    list(desk.ask(first, "one"))
    *_, answer = desk.ask(first, "two")
    assert answer.text == "You asked: two (1 before)"
    assert second.turns == []


def test_the_draft_leaves_indication_and_management_to_the_reader(
    exam: Exam, marker: object
) -> None:
    findings = marker.find(exam)  # type: ignore[attr-defined]
    text = draft(exam, findings, [marker.card])  # type: ignore[attr-defined]
    assert "ACR density B, scattered fibroglandular tissue (0.60)" in text
    assert "Mass: R CC yes (0.90), marked in the" in text
    assert "Not assessed: it was never tried" in text
    assert "Attempted in vain: L CC: BI-RADS category" in text
    assert text.count(OPEN) >= 4
    bare = draft(exam, None, [])
    assert "No model looked for findings" in bare
    assert "marked nothing" not in bare


@pytest.mark.parametrize(
    ("question", "reason"), [(" \x00\n", "empty-question"), ("x" * 2001, "long-question")]
)
def test_empty_and_oversized_questions_are_refused(
    desk: SessionService, question: str, reason: str
) -> None:
    with pytest.raises(InputError) as caught:
        desk.check(question)
    assert caught.value.reason == reason


def test_the_private_folder_is_for_its_owner_only_and_goes_with_the_desk(
    desk: SessionService,
) -> None:
    assert desk.home.stat().st_mode & 0o777 == 0o700
    desk.close()
    assert not desk.home.exists()


def test_exports_are_named_by_exam_and_time_and_never_by_a_file(exam: Exam) -> None:
    now = datetime(2026, 11, 29, 14, 3, 59)
    pair = replace(exam, images=exam.images[:2], phantom=False)
    assert export_name(pair, now) == "mammogram_R-CC_L-CC_2026-11-29_14-03-59"
    assert export_name(exam, now) == "phantom_4-pictures_2026-11-29_14-03-59"
    nameless = replace(exam.images[0].told, laterality=None, view=None)
    one = replace(exam, images=(replace(exam.images[0], told=nameless),))
    assert export_name(one, now) == "phantom_picture_2026-11-29_14-03-59"
