"""The page: drop, look, ask, take away. It only wires the desk to what is seen."""

from __future__ import annotations

import json
import math
import traceback
from collections.abc import Iterator
from typing import Any

import gradio as gr

from app.chat.conversation.general import GLOSSARY
from app.chat.conversation.report import draft
from app.chat.conversation.verdict_words import pointing
from app.chat.endpoints import add_endpoints
from app.chat.evidence.contracts import StreamedAnswer
from app.chat.page.findings_panel import findings_html
from app.chat.page.layout import Parts, lay_out
from app.chat.page.panels import (
    disarm,
    facts_html,
    refused_html,
    scene_html,
    warnings_html,
)
from app.chat.page.similar_panel import similar_html
from app.chat.page.theme import KEEP_TOKEN, KEPT_TOKEN
from app.chat.session.session_store import Visit
from app.chat.session_service import SessionService
from app.chat.viewer.exam_picture import DisplaySettings
from versamammo.errors import InputError

OVER = "This exam is closed: the server made room for others, or an hour has passed. Drop it again."
EMPTY = "Drop a picture first, or open the example."
FAILED = "This question could not be answered: something went wrong here, not with your question."
LOOK = "(token, report) => [token, report, window.vmLightBox?.look() ?? '']"
Message = dict[str, str]
PRIVATE: dict[str, Any] = {"api_visibility": "private"}


def build(desk: SessionService) -> gr.Blocks:
    """Build the page around a desk."""
    with gr.Blocks(title="VersaMammo chat", analytics_enabled=False, fill_width=True) as page:
        parts = lay_out(desk, desk.answerer.suggested)
        # Gradio copies all that a part of the page is given at every page load: plain values only
        token = gr.State(None)
        Wiring(desk, page, parts, token).connect()
        add_endpoints(desk)
    page.queue(max_size=desk.limits.waiting, default_concurrency_limit=2)
    return page  # type: ignore[no-any-return]


class Wiring:
    """Connects the parts of the page with the desk."""

    def __init__(
        self, desk: SessionService, page: gr.Blocks, parts: Parts, token: gr.State
    ) -> None:
        self.desk = desk
        self.page = page
        self.parts = parts
        self.token = token

    def connect(self) -> None:
        """Connect everything."""
        p, token = self.parts, self.token
        shown = [
            token,
            p.kept,
            p.status,
            p.scene,
            p.warnings,
            p.facts,
            p.findings,
            p.similar,
            p.report,
            p.chat,
        ]
        reading: dict[str, Any] = {"concurrency_id": "reading", "concurrency_limit": 2, **PRIVATE}
        for opened in (
            p.files.upload(self.take_in, [p.files, token], [*shown, p.files], **reading),
            p.folder.upload(self.take_in, [p.folder, token], [*shown, p.folder], **reading),
            p.example.click(self.open_example, [token], shown, **reading),
        ):
            opened.then(None, [p.kept], js=KEEP_TOKEN, **PRIVATE)
        self.page.load(self.reopen, [p.kept], shown, js=KEPT_TOKEN, **reading)
        asking: dict[str, Any] = {"concurrency_id": "asking", "concurrency_limit": 2, **PRIVATE}
        told = [p.chat, p.question, p.scene]
        for trigger in (p.question.submit, p.send.click):
            trigger(self.talk, [token, p.question, p.chat], told, **asking)
        for button in p.suggested:
            button.click(self.talk, [token, button, p.chat], told, **asking)
        p.redraft.click(self.redraft, [token], [p.report], **PRIVATE)
        p.export.click(self.export, [token, p.report, p.look], [p.exports], js=LOOK, **PRIVATE)

    def take_in(
        self, files: list[str] | None, token: str | None, request: gr.Request
    ) -> Iterator[tuple[Any, ...]]:
        """Read what was dropped and open it; refused files are named, the others go on."""
        before, keep = (gr.skip(), gr.skip()), (gr.skip(),) * 7
        intake = None
        for intake in self.desk.take_in(files or []):
            if intake.exam is None:
                status = refused_html(intake.refused, intake.progress)
                yield (*before, status, *keep, gr.skip())
        if intake is None or intake.exam is None:
            yield (*before, gr.skip(), *keep, None)
            return
        status = refused_html(intake.refused, intake.progress)
        self.desk.shelf.leave(token, request.session_hash)
        if self.desk.finder is not None:
            looking = refused_html(intake.refused, f"{intake.progress} The model is looking …")
            yield (*before, looking, *keep, gr.skip())
        opened, visit = self.desk.open(intake.exam, request.session_hash)
        yield (*self._shown(opened, visit, status), None)

    def open_example(self, token: str | None, request: gr.Request) -> tuple[Any, ...]:
        """Open the phantom exam."""
        self.desk.shelf.leave(token, request.session_hash)
        opened, visit = self.desk.open_example(request.session_hash)
        return self._shown(opened, visit, refused_html([], "The example: a phantom exam."))

    def reopen(self, token: str | None, request: gr.Request) -> tuple[Any, ...]:
        """Show again what a page showed before it was loaded anew, if that was just now."""
        visit = self.desk.shelf.get(token, request.session_hash)
        if visit is None or token is None:
            return (gr.skip(),) * 10
        return self._shown(token, visit, refused_html([], "The exam from before the reload."))

    def _shown(self, token: str, visit: Visit, status: str) -> tuple[Any, ...]:
        exam = visit.exam
        speaking = self.desk.of(exam)
        card = speaking.finder.card if speaking.finder else None
        return (
            token,
            token,
            status,
            scene_html(token, len(visit.turns)),
            warnings_html(exam, visit.findings, speaking.cards),
            facts_html(exam, visit.findings),
            findings_html(exam, visit.findings, card),
            similar_html(exam, visit.similar),
            draft(exam, visit.findings, speaking.cards, visit.turns),
            self._conversation(visit),
        )

    def _conversation(self, visit: Visit) -> list[Message]:
        """Return what was asked and answered so far, as the chat shows it."""
        said = []
        for turn in visit.turns:
            words = self._signed(turn.answer, pointing(visit.exam, turn.answer))
            said.append({"role": "user", "content": disarm(turn.question)})
            said.append({"role": "assistant", "content": words})
        return said

    def talk(
        self, token: str | None, question: str, chat: list[Message]
    ) -> Iterator[tuple[Any, ...]]:
        """Answer in the chat, piece by piece, and show what the answer points to."""
        visit = self.desk.shelf.get(token)
        try:
            asked = self.desk.check(question)
        except InputError as error:
            # the question stays in its box, where it can be mended
            yield [*chat, {"role": "assistant", "content": error.message}], gr.skip(), gr.skip()
            return
        if visit is None:
            told = {"role": "assistant", "content": OVER if token else EMPTY}
            yield [*chat, {"role": "user", "content": disarm(asked)}, told], "", gr.skip()
            return
        said_so_far = [*chat, {"role": "user", "content": disarm(asked)}]
        yield [*said_so_far, {"role": "assistant", "content": "…"}], "", gr.skip()
        answer = None
        try:
            for answer in self.desk.ask(visit, asked):
                said = {"role": "assistant", "content": self._signed(answer)}
                yield [*said_so_far, said], gr.skip(), gr.skip()
        except Exception:
            # our fault: the log says where, the visitor that it was not theirs
            traceback.print_exc()
            said = {"role": "assistant", "content": FAILED}
            yield [*said_so_far, said], gr.skip(), gr.skip()
            return
        if answer is not None and token is not None:
            words = self._signed(answer, pointing(visit.exam, answer))
            shown = scene_html(token, len(visit.turns))
            yield [*said_so_far, {"role": "assistant", "content": words}], gr.skip(), shown

    def _signed(self, answer: StreamedAnswer, pointed: str = "") -> str:
        """Add to an answer what it points to, and who gave it if no model did; markup is shown."""
        speaker = answer.speaker or self.desk.answerer.card
        unsigned = speaker.is_model or speaker == GLOSSARY  # a note says what the glossary is
        by = "" if unsigned else "[No model: from tags and measurements]\n"
        return disarm(f"{by}{answer.text}{pointed}")

    def redraft(self, token: str | None) -> Any:
        """Write the draft again, with the conversation so far."""
        visit = self.desk.shelf.get(token)
        if visit is None:
            gr.Info(OVER if token else EMPTY)
            return gr.skip()
        return draft(visit.exam, visit.findings, self.desk.of(visit.exam).cards, visit.turns)

    def export(self, token: str | None, report: str, look: str) -> Any:
        """Write the visit's files, drawn as the light box shows the exam."""
        visit = self.desk.shelf.get(token)
        if visit is None:
            gr.Info(OVER if token else EMPTY)
            return gr.skip()
        return [str(path) for path in self.desk.export(visit, look_of(visit, look), report)]


def look_of(visit: Visit, told: str) -> DisplaySettings:
    """Read what the light box says of itself; what makes no sense is as the exam opens."""
    plain = DisplaySettings(view=0 if len(visit.exam.images) == 1 else None)
    try:
        look = json.loads(told or "{}")
        view, level, width = look["view"], float(look["level"]), float(look["width"])
        switches = [bool(look[name]) for name in ("invert", "outline", "boxes", "heat")]
    except (ValueError, KeyError, TypeError):
        return plain
    if not (math.isfinite(level) and math.isfinite(width)):
        return plain
    chosen = view if isinstance(view, int) and 0 <= view < len(visit.exam.images) else plain.view
    invert, outline, boxes, heat = switches
    return DisplaySettings(chosen, level, max(width, 1.0), invert, outline, boxes, heat)
