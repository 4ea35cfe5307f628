"""Exams of all visitors, in memory only: each behind a token of its own, the oldest go first."""

from __future__ import annotations

import secrets
import threading
import time
from dataclasses import dataclass, field

from app.chat.contracts import Evidence, Findings, Similar, Turn
from app.chat.exam import Exam
from app.chat.limits import Limits


@dataclass
class Visit:
    """What one visitor has on the light box."""

    exam: Exam
    findings: Findings | None = None
    similar: tuple[tuple[Similar, ...], ...] = ()
    turns: list[Turn] = field(default_factory=list)
    touched: float = 0.0

    @property
    def pointed(self) -> tuple[Evidence, ...]:
        """What the last answer points to."""
        return self.turns[-1].answer.evidence if self.turns else ()


class Shelf:
    """Holds visits within a budget of memory and of time."""

    def __init__(self, limits: Limits) -> None:
        self.limits = limits
        self._visits: dict[str, Visit] = {}
        self._lock = threading.Lock()

    def put(self, visit: Visit) -> str:
        """Keep a visit; gives the token that is the only way back to it."""
        token = secrets.token_urlsafe(24)
        with self._lock:
            visit.touched = time.monotonic()
            self._visits[token] = visit
            self._make_room(token)
        return token

    def get(self, token: str | None) -> Visit | None:
        """Give a visit, or None if it is over."""
        with self._lock:
            visit = self._visits.get(token or "")
            if visit is not None:
                visit.touched = time.monotonic()
            return visit

    def drop(self, token: str | None) -> None:
        """Forget a visit; an unknown token is one already forgotten."""
        with self._lock:
            self._visits.pop(token or "", None)

    def _make_room(self, newest: str) -> None:
        now = time.monotonic()
        by_age = sorted(self._visits, key=lambda token: self._visits[token].touched)
        held = sum(visit.exam.weight for visit in self._visits.values())
        for token in by_age:
            visit = self._visits[token]
            stale = now - visit.touched > self.limits.held_seconds
            if token != newest and (stale or held > self.limits.held_bytes):
                held -= visit.exam.weight
                del self._visits[token]
