"""What the page and the API have in common: take in, look, ask, draw, write down."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from PIL import Image

from app.chat.conversation.facts import FactAnswerer
from app.chat.evidence.contracts import (
    Answerer,
    Card,
    ChatTurn,
    Comparer,
    Finder,
    Findings,
    StreamedAnswer,
)
from app.chat.evidence.exam import Exam
from app.chat.exports.exports import write_all
from app.chat.models import Models
from app.chat.session.example_exam import EXAMPLES, PLAIN, ExampleExam
from app.chat.session.limits import Limits
from app.chat.session.mapped_pixels import map_pixels
from app.chat.session.private_folder import EXPORT, PIXELS, PrivateFolder
from app.chat.session.session_store import SessionStore, Visit, clear_exports
from app.chat.session.upload import Intake, take_in
from app.chat.viewer.exam_picture import DisplaySettings, draw
from versamammo.errors import InputError

STOPPED = "stopped by the reader before it was finished"


@dataclass
class SessionService:
    """One server's state: its private folder, its exams, and who answers.

    Attributes:
        home: private folder (0700) for uploads and exports; deleted when the server stops.
        real: who answers and looks for real pictures, if others than for phantoms.
    """

    home: Path
    limits: Limits = field(default_factory=Limits)
    answerer: Answerer = field(default_factory=FactAnswerer)
    finder: Finder | None = None
    comparer: Comparer | None = None
    real: Models | None = None

    def __post_init__(self) -> None:
        self.shelf = SessionStore(self.limits)
        self.folder = PrivateFolder(self.home, self.limits)
        self.home.mkdir(mode=0o700, parents=True, exist_ok=True)
        self.home.chmod(0o700)

    @property
    def cards(self) -> tuple[Card, ...]:
        """Return all who may speak: for phantoms, and for real pictures."""
        every = (*self._own.cards, *(self.real.cards if self.real else ()))
        return tuple(dict.fromkeys(every))

    @property
    def _own(self) -> Models:
        return Models(self.answerer, self.finder, self.comparer, self.real)

    def of(self, exam: Exam) -> Models:
        """Return who speaks of an exam."""
        return self._own.of(exam)

    def take_in(self, paths: Sequence[str]) -> Iterator[Intake]:
        """Read uploaded files, telling how far it is."""
        return take_in([Path(path) for path in paths], self.home, self.limits)

    def open(
        self, exam: Exam, page: str | None = None, name: str = "", attribution: str = ""
    ) -> tuple[str, Visit]:
        """Put an exam on the shelf, looked through by the finder if there is one.

        Args:
            exam: what was dropped.
            page: the browser session that shows it, with which it is forgotten.
            name: what the visitor calls it.
            attribution: of whom the pictures are, where a licence asks for it.
        """
        similar = self.comparer.find(exam) if self.comparer else ()
        findings = self.find(exam)
        folder = Path(tempfile.mkdtemp(dir=self.home, prefix=PIXELS))
        try:
            visit = Visit(map_pixels(exam, folder), findings, similar, pixels=folder)
        except OSError:  # the disk is full: they stay in memory
            shutil.rmtree(folder, ignore_errors=True)
            visit = Visit(exam, findings, similar)
        visit.name, visit.attribution = name, attribution
        return self.shelf.put(visit, page), visit

    def open_example(
        self, page: str | None = None, example: ExampleExam = EXAMPLES[PLAIN]
    ) -> tuple[str, Visit]:
        """Open one of the example exams."""
        name = f"Example: {example.title}"
        return self.open(example.exam(), page, name, example.attribution)

    def find(self, exam: Exam) -> Findings | None:
        """Return the record of evidence of an exam; None if no model looks."""
        finder = self.of(exam).finder
        return finder.find(exam) if finder else None

    def check(self, question: str) -> str:
        """Return the question without control characters.

        Raises:
            InputError: `empty-question` or `long-question`.
        """
        clean = "".join(c for c in question if c.isprintable() or c in "\n\t").strip()
        if not clean:
            raise InputError("Please write a question first.", reason="empty-question")
        if len(clean) > self.limits.question:
            raise InputError(
                f"The question has {len(clean)} characters; at most {self.limits.question} are "
                "taken. Please ask in fewer words.",
                reason="long-question",
            )
        return clean

    def ask(self, visit: Visit, question: str) -> Iterator[StreamedAnswer]:
        """Answer piece by piece; the finished turn is added to the visit, unless it was stopped."""
        asked = self.check(question)
        self.stop(visit)  # a question before it that is still being answered
        history = tuple(visit.turns[-self.limits.history :])
        answerer = self.of(visit.exam).answerer
        so_far = visit.asking = ChatTurn(asked, StreamedAnswer(""))
        for answer in answerer.answer(visit.exam, asked, history, visit.findings):
            if visit.asking is not so_far:
                return
            so_far = visit.asking = ChatTurn(asked, answer)
            yield answer
        if visit.asking is so_far:
            visit.asking = None
            visit.turns.append(so_far)

    def stop(self, visit: Visit) -> None:
        """Stop the answer that is being given; what was said so far stays, with a note."""
        turn, visit.asking = visit.asking, None
        if turn is not None:
            answer = replace(turn.answer, text=turn.answer.text or "…", notes=(STOPPED,))
            visit.turns.append(replace(turn, answer=answer))

    def rewind(self, visit: Visit, turns: int) -> None:
        """Forget the turns after the first few, and what was being said."""
        visit.asking = None
        del visit.turns[max(0, turns) :]

    def clear(self, visit: Visit) -> None:
        """Forget the conversation and delete what was written; the exam stays open."""
        self.rewind(visit, 0)
        clear_exports(visit)

    def draw(self, visit: Visit, look: DisplaySettings, height: int = 640) -> Image.Image:
        """Draw an exam as the page shows it."""
        return draw(visit.exam, look, visit.findings, visit.pointed, height)

    def export(self, visit: Visit, look: DisplaySettings, report: str) -> list[Path]:
        """Write the visit into a folder of its own, the files called by exam and time.

        Raises:
            InputError: the disk is full.
        """
        folder = Path(tempfile.mkdtemp(dir=self.home, prefix=EXPORT))
        visit.exports.append(folder)
        return write_all(visit, look, report, self.of(visit.exam).cards, folder)

    def close(self) -> None:
        """Delete everything that was uploaded or exported."""
        shutil.rmtree(self.home, ignore_errors=True)
