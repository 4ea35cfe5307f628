"""The page: drop, look, ask, take away. It only wires the desk to what is seen."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from itertools import count
from pathlib import Path
from typing import Any

import gradio as gr

from app.chat.conversation.report import draft
from app.chat.endpoints import add_endpoints
from app.chat.page.findings_panel import findings_html
from app.chat.page.layout import Parts, lay_out
from app.chat.page.look import look_of
from app.chat.page.notices import refused_html, verdict_html, warnings_html
from app.chat.page.page_header import line_html
from app.chat.page.panels import facts_html, scene_html
from app.chat.page.similar_panel import similar_html
from app.chat.page.talk import EMPTY, OVER, Message, Talk
from app.chat.page.theme import KEEP_TOKEN, KEPT_TOKEN
from app.chat.session.example_exam import EXAMPLES
from app.chat.session.session_store import Visit
from app.chat.session.unpacking import last_part
from app.chat.session_service import SessionService
from versamammo.errors import InputError

LOOK = "(token, report) => [token, report, window.vmLightBox?.look() ?? '']"
PRIVATE: dict[str, Any] = {"api_visibility": "private"}
Changes = dict[Any, Any]  # new values, by the part of the page


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
        self.talk = Talk(desk)
        self.looks = count()

    def connect(self) -> None:
        """Connect everything."""
        p, token = self.parts, self.token
        self._connect_intake()
        self._connect_talk()
        p.redraft.click(self.redraft, [token], [p.report], **PRIVATE)
        p.export.click(self.export, [token, p.report, p.look], [p.exports], js=LOOK, **PRIVATE)

    def _connect_intake(self) -> None:
        p, token = self.parts, self.token
        shown = [
            token, p.kept, p.line, p.status, p.scene, p.warnings, p.verdict, p.facts,
            p.findings, p.similar, p.report, p.exports, p.chat,
        ]  # fmt: skip
        reading: dict[str, Any] = {"concurrency_id": "reading", "concurrency_limit": 2, **PRIVATE}
        reading |= {"show_progress_on": [p.status]}
        openings = [
            part.upload(self.take_in, [part, token], [*shown, p.files, p.folder], **reading)
            for part in (p.files, p.folder)
        ]
        openings += [
            button.click(self.opener(key), [token], shown, **reading)
            for key, button in p.examples.items()
        ]
        for opened in openings:
            opened.then(None, [p.kept], js=KEEP_TOKEN, **PRIVATE)
        self.page.load(self.reopen, [p.kept], shown, js=KEPT_TOKEN, **reading)

    def _connect_talk(self) -> None:
        p, token = self.parts, self.token
        busy: dict[str, Any] = {"concurrency_id": "asking", "concurrency_limit": 2, **PRIVATE}
        busy |= {"show_progress": "hidden"}
        told = [p.chat, p.question, p.send, p.stop, p.scene]
        triggers: list[tuple[Callable[..., Any], Any]] = [
            (p.question.submit, p.question),
            (p.send.click, p.question),
            *((button.click, button) for button in p.suggested),
        ]
        asking = [
            trigger(self.answer, [token, words, p.chat], told, **busy)
            for trigger, words in triggers
        ]
        asking.append(p.chat.retry(self.retry, [token, p.chat], told, **busy))
        asking.append(p.chat.edit(self.edit, [token, p.chat], told, **busy))
        p.stop.click(self.stop, [token, p.chat], told, cancels=asking, **PRIVATE)
        p.chat.undo(self.undo, [token, p.chat], told, **PRIVATE)
        p.chat.clear(self.clear, [token], [p.chat, p.scene, p.report, p.exports], **PRIVATE)

    def take_in(
        self, files: list[str] | None, token: str | None, request: gr.Request
    ) -> Iterator[Changes]:
        """Read what was dropped and open it; refused files are named, the others go on."""
        p = self.parts
        intake = None
        for intake in self.desk.take_in(files or []):
            if intake.exam is None:
                yield {p.status: refused_html(intake.refused, intake.progress)}
        emptied = {p.files: None, p.folder: None}
        if intake is None or intake.exam is None:
            yield emptied
            return
        self.desk.shelf.leave(token, request.session_hash)
        if self.desk.finder is not None:
            looking = f"{intake.progress} The model is looking …"
            yield {p.status: refused_html(intake.refused, looking)}
        opened, visit = self.desk.open(
            intake.exam, request.session_hash, name_of(files or [], len(intake.refused))
        )
        status = refused_html(intake.refused, intake.progress) if intake.refused else ""
        yield self._shown(opened, visit, status) | emptied

    def opener(self, key: str) -> Callable[[str | None, gr.Request], Iterator[Changes]]:
        """Return what opens one of the examples."""

        def open_example(token: str | None, request: gr.Request) -> Iterator[Changes]:
            yield {self.parts.status: refused_html([], "Opening the example …")}
            self.desk.shelf.leave(token, request.session_hash)
            yield self._shown(*self.desk.open_example(request.session_hash, EXAMPLES[key]), "")

        return open_example

    def reopen(self, token: str | None, request: gr.Request) -> Changes:
        """Show again what a page showed before it was loaded anew, if that was just now."""
        visit = self.desk.shelf.get(token, request.session_hash)
        if visit is None or token is None:
            return {self.parts.status: gr.skip()}
        return self._shown(token, visit, "")

    def _shown(self, token: str, visit: Visit, status: str) -> Changes:
        p, exam = self.parts, visit.exam
        speaking = self.desk.of(exam)
        card = speaking.finder.card if speaking.finder else None
        return {
            self.token: token,
            p.kept: token,
            p.line: line_html(visit.name, exam),
            p.status: status,
            p.scene: self._scene(token),
            p.warnings: warnings_html(exam, visit.findings, speaking.cards),
            p.verdict: verdict_html(exam, visit.findings, card),
            p.facts: facts_html(exam, visit.findings),
            p.findings: findings_html(exam, visit.findings, card),
            p.similar: similar_html(exam, visit.similar),
            p.report: draft(exam, visit.findings, speaking.cards, visit.turns),
            p.exports: _files_of(visit),
            p.chat: self.talk.messages(visit),
        }

    def _scene(self, token: str) -> str:
        """Make the light box look again at what it has to show."""
        return scene_html(token, next(self.looks))

    def answer(self, token: str | None, question: str, chat: list[Message]) -> Iterator[Changes]:
        """Answer in the chat, piece by piece, then show what the answer points to."""
        yield from self._answering(self.talk.ask(token, question, chat), token)

    def retry(
        self, data: gr.RetryData, token: str | None, chat: list[Message]
    ) -> Iterator[Changes]:
        """Ask the last question again."""
        told = self.talk.again(token, index_of(data), chat)
        yield from self._answering(told, token)

    def edit(self, data: gr.EditData, token: str | None, chat: list[Message]) -> Iterator[Changes]:
        """Ask a question that was changed; what followed it is gone."""
        told = self.talk.again(token, index_of(data), chat, str(data.value))
        yield from self._answering(told, token)

    def _answering(
        self, told: Iterator[tuple[list[Message], str | None]], token: str | None
    ) -> Iterator[Changes]:
        p = self.parts
        # with the first piece alone: a later one may arrive after the answer was stopped
        buttons = {p.send: gr.update(visible=False), p.stop: gr.update(visible=True)}
        for chat, box in told:
            yield {p.chat: chat} | ({} if box is None else {p.question: box}) | buttons
            buttons = {}
        yield self._rested(token)

    def _rested(self, token: str | None) -> Changes:
        """Return the buttons as they are while nothing is answered, and the picture's marks."""
        p = self.parts
        drawn = {} if token is None else {p.scene: self._scene(token)}
        return {p.send: gr.update(visible=True), p.stop: gr.update(visible=False)} | drawn

    def stop(self, token: str | None, chat: list[Message]) -> Changes:
        """Keep what was said until the visitor stopped it."""
        visit = self.desk.shelf.get(token)
        if visit is not None:
            self.desk.stop(visit)
            chat = self.talk.messages(visit)
        return {self.parts.chat: chat} | self._rested(token)

    def undo(self, data: gr.UndoData, token: str | None, chat: list[Message]) -> Changes:
        """Take the last question back into its box."""
        shown, box = self.talk.take_back(token, index_of(data), chat)
        p = self.parts
        return {p.chat: shown, p.question: box} | self._rested(token)

    def clear(self, token: str | None) -> Changes:
        """Forget the conversation and what was written of it; the exam stays."""
        p, visit = self.parts, self.desk.shelf.get(token)
        if visit is None or token is None:
            return {p.chat: [], p.exports: None}
        self.desk.clear(visit)
        return {
            p.chat: self.talk.messages(visit),
            p.scene: self._scene(token),
            p.report: draft(visit.exam, visit.findings, self.desk.of(visit.exam).cards),
            p.exports: None,
        }

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
        try:
            self.desk.export(visit, look_of(visit, look), report)
        except InputError as error:
            gr.Warning(error.message)
        return _files_of(visit)


def name_of(files: list[str], refused: int = 0) -> str:
    """Return in a few words what was dropped: the only file's name, or how many there were."""
    names = [last_part(Path(file).name) for file in files]
    read = len(names) - refused
    return names[0] if len(names) == 1 else f"{read} file{'' if read == 1 else 's'}"


def index_of(data: gr.RetryData | gr.EditData | gr.UndoData) -> int:
    """Return the number of the message that an event of the chat is about."""
    index = data.index
    return index if isinstance(index, int) else index[0]


def _files_of(visit: Visit) -> list[str] | None:
    """Return the files that were written for a visit and are still there."""
    found = [str(path) for folder in visit.exports for path in sorted(folder.glob("*"))]
    return found or None
