from __future__ import annotations

import errno
import json
import re
from pathlib import Path

import pytest
from PIL import Image

from app.chat.evidence.exam import Exam
from app.chat.exports import exports
from app.chat.session_service import SessionService
from app.chat.viewer.exam_picture import DisplaySettings
from versamammo import NOTICE, __version__
from versamammo.errors import InputError


@pytest.fixture
def desk(tmp_path: Path, echo: object, marker: object) -> SessionService:
    return SessionService(tmp_path / "home", answerer=echo, finder=marker)  # type: ignore[arg-type]


def test_a_visit_is_exported_in_every_form_with_notice_and_speaker(
    desk: SessionService, exam: Exam
) -> None:
    _, visit = desk.open(exam)
    list(desk.ask(visit, "What is $here$ <b>?"))
    written = desk.export(visit, DisplaySettings(), "my report")
    paths = {path.name.partition(".")[2]: path for path in written}
    assert set(paths) == {"txt", "json", "fhir.json", "png", "pdf"}
    assert {path.name.partition(".")[0] for path in written} == {written[0].stem}
    assert re.fullmatch(r"vm_phantom-[0-9a-f]{8}_\d{8}-\d{6}", written[0].stem)
    told = json.loads(paths["json"].read_text())
    assert told["notice"] == NOTICE
    assert told["versamammo"] == __version__
    assert [card["name"] for card in told["spoken_by"]] == ["Echo", "Marker"]
    assert told["conversation"][0]["question"] == "What is $here$ <b>?"
    assert told["conversation"][0]["evidence"][0]["size_mm"] is not None
    assert told["report_draft"] == told["report"]["edited_text"] == "my report"
    assert told["phantom"] is True
    assert Image.open(paths["png"]).height > 1280
    assert paths["txt"].read_text().startswith("my report\n\nSOURCES\n[1] ")
    assert NOTICE in paths["fhir.json"].read_text()
    pdf = paths["pdf"].read_bytes()
    assert pdf.startswith(b"%PDF")
    assert NOTICE.encode() in pdf


def test_a_full_disk_leaves_no_export_and_is_one_sentence(
    desk: SessionService, exam: Exam, monkeypatch: pytest.MonkeyPatch
) -> None:
    _, visit = desk.open(exam)
    plain = exports.write_atomically

    def filling(path: Path, data: bytes) -> None:
        if path.suffix == ".png":
            raise OSError(errno.ENOSPC, "No space left on device")
        plain(path, data)

    monkeypatch.setattr(exports, "write_atomically", filling)
    with pytest.raises(InputError, match="no room left on the server's disk") as caught:
        desk.export(visit, DisplaySettings(), "my report")
    assert caught.value.reason == "disk-full"
    assert list(desk.home.rglob("vm_*")) == []


def test_history_reaches_the_answerer_and_turns_are_kept_apart(
    desk: SessionService, exam: Exam
) -> None:
    _, first = desk.open(exam)
    _, second = desk.open(exam)
    list(desk.ask(first, "one"))
    *_, answer = desk.ask(first, "two")
    assert answer.text == "You asked: two (1 before)"
    assert second.turns == []


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
