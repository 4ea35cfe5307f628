"""The same as an API: /ask, /findings and /render take files, and forget them.

`/open` keeps an exam as the page does, so that many questions need its pictures once.
"""

from __future__ import annotations

import math
import tempfile
from collections.abc import Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import gradio as gr

from app.chat.conversation.report import answer_record, record
from app.chat.evidence.contracts import ChatTurn, StreamedAnswer
from app.chat.evidence.exam import Exam
from app.chat.exports.exports import FULL, with_notice
from app.chat.session.session_store import Visit
from app.chat.session.upload import Intake
from app.chat.session_service import SessionService
from app.chat.viewer.exam_picture import DisplaySettings
from versamammo.errors import InputError
from versamammo.files import is_full_disk

# what is refused is said to the visitor only: a file's name may be a patient's, and logs are kept
Refusal = partial(gr.Error, print_exception=False)


def add_endpoints(desk: SessionService) -> None:
    """Add the named endpoints to the page that is being built."""
    calls = Endpoints(desk)
    with gr.Column(visible=False):
        files = gr.File(file_count="multiple", label="files")
        question = gr.Textbox(label="question")
        view = gr.Number(-1, precision=0, label="view")
        level = gr.Number(50, label="level")
        width = gr.Number(100, label="width")
        invert = gr.Checkbox(False, label="invert")
        outline = gr.Checkbox(False, label="outline")
        boxes = gr.Checkbox(True, label="boxes")
        heat = gr.Checkbox(False, label="heat")
        history = gr.JSON(None, label="history")
        exam = gr.Textbox(None, label="exam")
        answer, picture = gr.JSON(), gr.File()
        looks = [view, level, width, invert, outline, boxes, heat]
        busy: dict[str, Any] = {"concurrency_id": "api", "concurrency_limit": 2}
        asked = [files, question, history, exam]
        gr.Button().click(calls.open, [files], answer, api_name="open", **busy)
        gr.Button().click(calls.close, [exam], answer, api_name="close", **busy)
        gr.Button().click(calls.ask, asked, answer, api_name="ask", **busy)
        gr.Button().click(calls.findings, [files], answer, api_name="findings", **busy)
        gr.Button().click(calls.render, [files, *looks], picture, api_name="render", **busy)


class Endpoints:
    """What each endpoint does; nothing is kept between calls but exams that /open opened."""

    def __init__(self, desk: SessionService) -> None:
        self.desk = desk

    def open(self, files: list[str] | None) -> dict[str, Any]:
        """Look at the files, and keep them as long as the page would.

        `exam` is what /ask takes instead of files, and the only way back to them.
        """
        intake = self._taken(files)
        token, visit = self.desk.open(_exam(intake))
        names = list(visit.exam.names)
        return {"exam": token, "pictures": names} | refusals(intake)

    def close(self, exam: str | None) -> dict[str, Any]:
        """Forget an exam that was opened."""
        known = self.desk.shelf.get(exam) is not None
        self.desk.shelf.drop(exam)
        return {"closed": known}

    def ask(
        self,
        files: list[str] | None = None,
        question: str | None = None,
        history: object = None,
        exam: str | None = None,
    ) -> Iterator[dict[str, Any]]:
        """Yield the answer to a question about the files as it is written, at last whole.

        With it comes the evidence it speaks from. `history` is the conversation so far, a list of
        {"role", "content"}; it may be left out. `exam` is one that /open opened, instead of files.
        """
        try:
            asked = self.desk.check(question or "")
        except InputError as error:
            raise Refusal(error.message) from None
        before = _turns(history)
        visit, intake = self._opened(exam) if exam else self._visit(files)
        speaking = self.desk.of(visit.exam)
        told: dict[str, Any] | None = None
        for piece in speaking.answerer.answer(visit.exam, asked, before, visit.findings):
            turn = ChatTurn(asked, piece)
            told = answer_record(visit.exam, visit.findings, turn, speaking.cards)
            told |= refusals(intake)
            yield told
        if told is None:
            raise Refusal("The model gave no answer.")

    def findings(self, files: list[str] | None) -> dict[str, Any]:
        """Return all that is known of the files; `findings` is null where no model looked."""
        visit, intake = self._visit(files)
        told = record(visit.exam, visit.findings, (), self.desk.of(visit.exam).cards)
        told.pop("conversation")
        told.pop("similar")
        return told | refusals(intake)

    def render(
        self, files: list[str] | None, view: float, level: float, width: float,
        invert: bool, outline: bool, boxes: bool, heat: bool,
    ) -> str:  # fmt: skip
        """Draw the files as a PNG: `view` counts from 0, -1 is the hanging."""
        view, level, width = (
            checked(name, value)
            for name, value in (("view", view), ("level", level), ("width", width))
        )
        visit, _ = self._visit(files)
        number = int(view)
        if not -1 <= number < len(visit.exam.images):
            raise Refusal(f"view {number} does not exist; there are {len(visit.exam.images)}.")
        look = DisplaySettings(
            None if number < 0 else number, min(max(level, 0.0), 100.0),
            min(max(width, 2.0), 200.0),
            invert, outline, boxes, heat,
        )  # fmt: skip
        cards = self.desk.of(visit.exam).cards
        picture = with_notice(self.desk.draw(visit, look), cards, visit.exam.phantom)
        try:
            path = Path(tempfile.mkdtemp(dir=self.desk.home, prefix="render-")) / "mammogram.png"
            picture.save(path)
        except OSError as error:
            if is_full_disk(error):
                raise Refusal(FULL) from None
            raise
        return str(path)

    def _opened(self, token: str) -> tuple[Visit, Intake]:
        visit = self.desk.shelf.get(token)
        if visit is None:
            raise Refusal("exam: it was closed, or was not used for too long; open it again.")
        return visit, Intake(visit.exam)

    def _visit(self, files: Sequence[str] | None) -> tuple[Visit, Intake]:
        intake = self._taken(files)
        exam = _exam(intake)
        return Visit(exam, self.desk.find(exam)), intake

    def _taken(self, files: Sequence[str] | None) -> Intake:
        *_, intake = self.desk.take_in(files or [])
        return intake


def _exam(intake: Intake) -> Exam:
    """Return the exam that was read, or refuse files of which none could be used."""
    if intake.exam is None:
        why = "; ".join(f"{name}: {reason}" for name, reason in intake.refused)
        raise Refusal(f"No picture could be used. {why}" if why else "No file was sent.")
    return intake.exam


def _turns(history: object) -> tuple[ChatTurn, ...]:
    """Read earlier questions and answers, as chat programs list them."""
    given = history if isinstance(history, list) else []
    if (history is not None and not isinstance(history, list)) or not all(map(_is_message, given)):
        raise Refusal("history: expected a list of {role: user or assistant, content: text}.")
    turns: list[ChatTurn] = []
    for one in given:
        if one["role"] == "user":
            turns.append(ChatTurn(one["content"], StreamedAnswer("")))
        elif turns:
            turns[-1] = ChatTurn(turns[-1].question, StreamedAnswer(one["content"]))
    return tuple(turns)


def _is_message(one: object) -> bool:
    return (
        isinstance(one, dict)
        and one.get("role") in ("user", "assistant")
        and isinstance(one.get("content"), str)
    )


def checked(name: str, value: object) -> float:
    """Return a number that was sent, or refuse what is none, not finite, or not there."""
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        raise Refusal(f"{name} must be a finite number.")
    return value


def refusals(intake: Intake) -> dict[str, Any]:
    """List refused files for an API's answer."""
    return {"refused": [{"file": name, "why": why} for name, why in intake.refused]}
