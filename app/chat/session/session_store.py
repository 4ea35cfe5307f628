"""Exams of all visitors: each behind a token of its own, the oldest go first."""

from __future__ import annotations

import secrets
import shutil
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from app.chat.evidence.contracts import ChatTurn, Evidence, Findings, Similar
from app.chat.evidence.exam import Exam
from app.chat.session.limits import Limits


@dataclass
class Visit:
    """What one visitor has on the light box.

    Attributes:
        pages: browser sessions that show it; two if a tab was duplicated.
        exports: folders that were written for the visitor, deleted with the visit.
        pixels: folder of the exam's pixels, which are mapped from it; deleted with the visit.
        name: what was dropped, as the visitor called it; shown to nobody else.
        attribution: of whom the pictures are, where a licence asks for it.
        asking: the question that is being answered, and the answer so far.
        thumbnails: small pictures of the exam as HTML, once they were drawn.
    """

    exam: Exam
    findings: Findings | None = None
    similar: tuple[tuple[Similar, ...], ...] = ()
    turns: list[ChatTurn] = field(default_factory=list)
    touched: float = 0.0
    pages: set[str] = field(default_factory=set)
    exports: list[Path] = field(default_factory=list)
    pixels: Path | None = None
    name: str = ""
    attribution: str = ""
    asking: ChatTurn | None = None
    thumbnails: str = ""

    @property
    def pointed(self) -> tuple[Evidence, ...]:
        """What the last answer points to."""
        return self.turns[-1].answer.evidence if self.turns else ()


class SessionStore:
    """Holds visits within a budget of memory and of time."""

    def __init__(self, limits: Limits, clock: Callable[[], float] = time.monotonic) -> None:
        self.limits = limits
        self._clock = clock
        self._visits: dict[str, Visit] = {}
        self._lock = threading.Lock()

    def put(self, visit: Visit, page: str | None = None) -> str:
        """Keep a visit that a page shows; returns the token that is the only way back to it."""
        token = secrets.token_urlsafe(24)
        with self._lock:
            visit.touched = self._clock()
            visit.pages |= {page} if page else set()
            self._visits[token] = visit
        self.make_room(token)
        return token

    def get(self, token: str | None, page: str | None = None) -> Visit | None:
        """Return a visit, shown by `page` from now on, or None if it is over."""
        with self._lock:
            visit = self._visits.get(token or "")
            if visit is not None:
                visit.touched = self._clock()
                visit.pages |= {page} if page else set()
            return visit

    def drop(self, token: str | None) -> None:
        """Forget a visit; an unknown token is one already forgotten."""
        with self._lock:
            visit = self._visits.pop(token or "", None)
        if visit is not None:
            _clear(visit)

    def leave(self, token: str | None, page: str | None) -> None:
        """Forget a visit unless another page shows it too."""
        with self._lock:
            visit = self._visits.get(token or "")
            if visit is not None:
                visit.pages.discard(page or "")
        if visit is not None and not visit.pages:
            self.drop(token)

    def close_pages(self, is_gone: Callable[[str], bool]) -> None:
        """Forget visits whose pages are all gone; one that no page ever showed stays."""
        now = self._clock()
        with self._lock:
            left = [
                token
                for token, visit in self._visits.items()
                if visit.pages
                and now - visit.touched > self.limits.closed_seconds
                and all(is_gone(page) for page in visit.pages)
            ]
        for token in left:
            self.drop(token)

    @property
    def held(self) -> int:
        """Bytes of all pictures, mapped or in memory."""
        with self._lock:
            return sum(visit.exam.weight for visit in self._visits.values())

    def make_room(self, newest: str = "", on_disk: int = 0) -> None:
        """Forget what was not used for long, then the longest unused until all fits.

        Args:
            newest: token of a visit that stays.
            on_disk: bytes of uploads, which count as much as pictures.
        """
        now = self._clock()
        gone: list[Visit] = []
        with self._lock:
            held = on_disk + sum(visit.exam.weight for visit in self._visits.values())
            for token in sorted(self._visits, key=lambda token: self._visits[token].touched):
                visit = self._visits[token]
                stale = now - visit.touched > self.limits.held_seconds
                if token != newest and (stale or held > self.limits.held_bytes):
                    held -= visit.exam.weight
                    gone.append(self._visits.pop(token))
        for visit in gone:
            _clear(visit)


def clear_exports(visit: Visit) -> None:
    """Delete what was written for a visitor to take away."""
    for folder in visit.exports:
        shutil.rmtree(folder, ignore_errors=True)
    visit.exports.clear()


def _clear(visit: Visit) -> None:
    """Delete everything that was written for a visit."""
    clear_exports(visit)
    if visit.pixels is not None:
        shutil.rmtree(visit.pixels, ignore_errors=True)
