"""The talk: asking again, changing a question, taking one back, stopping, clearing."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path

import pytest

from app.chat.evidence.contracts import Card, ChatTurn, Findings, StreamedAnswer
from app.chat.evidence.exam import Exam
from app.chat.page.opening_message import OPENING, PHANTOM, opening
from app.chat.page.talk import EMPTY, FAILED, OVER, Message, Talk, text_of
from app.chat.session.session_store import Visit
from app.chat.session_service import STOPPED, SessionService
from app.chat.viewer.exam_picture import DisplaySettings
from tests.app.chat.conftest import Echo
from versamammo import NOTICE


@pytest.fixture
def desk(tmp_path: Path, echo: Echo) -> SessionService:
    return SessionService(tmp_path / "home", answerer=echo)


@pytest.fixture
def talk(desk: SessionService) -> Talk:
    return Talk(desk)


def last(pieces: Iterator[tuple[list[Message], str | None]]) -> list[Message]:
    *_, (chat, _) = pieces
    return chat


def words(chat: list[Message]) -> list[str]:
    return [text_of(message) for message in chat[OPENING:]]


def test_the_note_and_the_pictures_stand_once_before_the_first_question(
    talk: Talk, desk: SessionService, exam: Exam
) -> None:
    token, _ = desk.open(exam, attribution="Films of <somebody>")
    last(talk.ask(token, "one", []))
    chat = last(talk.ask(token, "two", []))
    everything = "".join(text_of(message) for message in chat)
    assert everything.count(PHANTOM) == 1
    assert everything.count(NOTICE) == 1
    assert "Films of &lt;somebody&gt;" in everything
    assert text_of(chat[0]).count("data:image/png;base64,") == 4
    assert "http" not in text_of(chat[0])
    assert len(text_of(chat[0])) < 60_000, "small pictures"


def test_the_opening_names_no_phantom_where_there_is_none(exam: Exam) -> None:
    assert PHANTOM not in text_of(opening(Visit(replace(exam, phantom=False)))[1])


def test_a_question_asked_again_takes_the_place_of_its_answer(
    talk: Talk, desk: SessionService, exam: Exam
) -> None:
    token, visit = desk.open(exam)
    last(talk.ask(token, "one", []))
    chat = last(talk.ask(token, "two", []))
    again = last(talk.again(token, OPENING + 2, chat))
    assert words(again) == words(chat)
    assert [turn.question for turn in visit.turns] == ["one", "two"]


def test_a_changed_question_is_asked_in_place_of_the_old_one_and_what_followed(
    talk: Talk, desk: SessionService, exam: Exam
) -> None:
    token, visit = desk.open(exam)
    last(talk.ask(token, "one", []))
    chat = last(talk.ask(token, "two", []))
    changed = last(talk.again(token, OPENING, chat, "a <b>\u200b?"))
    assert [turn.question for turn in visit.turns] == ["a <b>?"]
    assert "a <\u200bb>?" in words(changed)[0]
    assert "(0 before)" in words(changed)[1]
    refused = last(talk.again(token, OPENING, changed, "x" * 3000))
    assert "at most 2000" in words(refused)[-1]
    assert [turn.question for turn in visit.turns] == ["a <b>?"], "nothing is lost by a refusal"


@pytest.mark.parametrize("index", [0, 1, 99, -5])
def test_a_message_that_is_no_question_changes_nothing(
    talk: Talk, desk: SessionService, exam: Exam, index: int
) -> None:
    token, visit = desk.open(exam)
    chat = last(talk.ask(token, "one", []))
    assert last(talk.again(token, index, chat, "other")) == chat
    assert talk.take_back(token, index, chat) == (chat, "")
    assert len(visit.turns) == 1


def test_a_question_taken_back_is_in_its_box_again(
    talk: Talk, desk: SessionService, exam: Exam
) -> None:
    token, visit = desk.open(exam)
    chat = last(talk.ask(token, "is a < b?", []))
    shown, box = talk.take_back(token, OPENING, chat)
    assert box == "is a < b?"
    assert len(shown) == OPENING
    assert visit.turns == []


def test_what_is_asked_without_an_exam_is_answered_and_can_be_asked_again(talk: Talk) -> None:
    chat = last(talk.ask(None, "hi", []))
    assert [text_of(message) for message in chat] == ["hi", EMPTY]
    assert last(talk.again(None, 0, chat)) == chat
    assert text_of(last(talk.ask("gone", "hi", []))[-1]) == OVER
    assert talk.take_back(None, 0, chat) == ([], "hi")


def test_a_stopped_answer_keeps_what_was_said_and_says_so(
    talk: Talk, desk: SessionService, exam: Exam
) -> None:
    token, visit = desk.open(exam)
    pieces = talk.ask(token, "one", [])
    next(pieces)
    chat, _ = next(pieces)
    assert "You asked:" in words(chat)[-1]
    desk.stop(visit)
    pieces.close()
    assert [turn.answer.notes for turn in visit.turns] == [(STOPPED,)]
    assert STOPPED in words(talk.messages(visit))[-1]
    desk.stop(visit)
    assert len(visit.turns) == 1, "there is nothing more to stop"


def test_an_answer_that_goes_on_after_it_was_stopped_is_not_added(
    talk: Talk, desk: SessionService, exam: Exam
) -> None:
    token, visit = desk.open(exam)
    pieces = talk.ask(token, "one", [])
    next(pieces)
    next(pieces)
    desk.stop(visit)
    last(pieces)
    assert len(visit.turns) == 1


def test_a_question_asked_into_an_answer_stops_it(desk: SessionService, exam: Exam) -> None:
    _, visit = desk.open(exam)
    first = desk.ask(visit, "one")
    next(first)
    list(desk.ask(visit, "two"))
    list(first)
    assert [turn.question for turn in visit.turns] == ["one", "two"]
    assert [turn.answer.notes for turn in visit.turns] == [(STOPPED,), ()]


class Broken:
    """Fails in the middle of an answer."""

    card = Card("Broken", "1", "hand-made for tests")
    suggested = ()

    def answer(
        self, exam: Exam, question: str, history: Sequence[ChatTurn], findings: Findings | None
    ) -> Iterator[StreamedAnswer]:
        yield StreamedAnswer("almost")
        raise RuntimeError("our fault")


def test_a_failure_stays_in_the_conversation(
    tmp_path: Path, exam: Exam, capsys: pytest.CaptureFixture[str]
) -> None:
    desk = SessionService(tmp_path / "home", answerer=Broken())
    token, visit = desk.open(exam)
    chat = last(Talk(desk).ask(token, "one", []))
    assert FAILED in words(chat)[-1]
    assert len(visit.turns) == 1
    assert "our fault" in capsys.readouterr().err


def test_clearing_forgets_the_conversation_and_deletes_what_was_written(
    desk: SessionService, exam: Exam
) -> None:
    _, visit = desk.open(exam)
    list(desk.ask(visit, "one"))
    paths = desk.export(visit, DisplaySettings(), "report")
    assert all(path.is_file() for path in paths)
    desk.clear(visit)
    assert visit.turns == []
    assert visit.exports == []
    assert not any(path.exists() for path in paths)
