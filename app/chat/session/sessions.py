"""Which browser pages are open, and what is forgotten once one is closed.

A page holds a request open for as long as it is there (Gradio calls it the heartbeat). Gradio
itself keeps what a closed page showed, its pictures included, for up to 10,000 pages.
"""

from __future__ import annotations

import asyncio
import math
import re
import time
import traceback
from collections import Counter
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from starlette.types import ASGIApp, Receive, Scope, Send

from app.chat.session.limits import Limits
from app.chat.session.private_folder import PrivateFolder
from app.chat.session.session_store import SessionStore
from versamammo.data.allocation import give_back

HEARTBEAT = re.compile(r"/heartbeat/([^/]+)/?$")


class OpenPages:
    """Counts the open pages, and remembers since when a page is closed."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._open: Counter[str] = Counter()
        self._closed: dict[str, float] = {}

    def enter(self, page: str) -> None:
        """Note that a page was opened."""
        self._open[page] += 1
        self._closed.pop(page, None)

    def leave(self, page: str) -> None:
        """Note that a page was closed."""
        self._open[page] -= 1
        if self._open[page] <= 0:
            del self._open[page]
            self._closed[page] = self._clock()

    def gone(self, page: str, seconds: float) -> bool:
        """Return whether a page was closed for longer than that, or never seen."""
        since = self._closed.get(page, -math.inf)
        return page not in self._open and self._clock() - since > seconds

    def forget(self, seconds: float) -> None:
        """Forget that pages were ever there which were closed for longer than that."""
        for page in [page for page in self._closed if self.gone(page, seconds)]:
            del self._closed[page]


class PageWatch:
    """Middleware (ASGI): tells `pages` of every page that opens and closes."""

    def __init__(self, app: ASGIApp, pages: OpenPages) -> None:
        self.app = app
        self.pages = pages

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle one request."""
        found = HEARTBEAT.search(scope["path"]) if scope["type"] == "http" else None
        if found is None:
            await self.app(scope, receive, send)
            return
        self.pages.enter(found[1])
        try:
            await self.app(scope, receive, send)
        finally:
            self.pages.leave(found[1])


class Sweeper:
    """Forgets closed pages, stale exams and files that nobody came back for."""

    def __init__(
        self, shelf: SessionStore, folder: PrivateFolder, pages: OpenPages, limits: Limits
    ) -> None:
        self.shelf = shelf
        self.folder = folder
        self.pages = pages
        self.limits = limits

    @asynccontextmanager
    async def lifespan(self, app: Any) -> AsyncIterator[None]:
        """Sweep every few seconds for as long as the server lives."""
        task = asyncio.create_task(self._keep_sweeping(app))
        try:
            yield
        finally:
            task.cancel()

    async def _keep_sweeping(self, app: Any) -> None:
        while True:
            await asyncio.sleep(self.limits.sweep_seconds)
            try:
                self.sweep(app)
            except Exception:
                # what went wrong once is logged, and tried again at the next turn
                traceback.print_exc()

    def sweep(self, app: Any) -> None:
        """Look once; on the server's own thread, so that no request sees half of it."""
        seconds = self.limits.closed_seconds
        self.shelf.close_pages(lambda page: self.pages.gone(page, seconds))
        now = time.time()
        for page, used in list(app.state_holder.time_last_used.items()):
            idle = now - used.timestamp() > seconds
            if idle and self.pages.gone(page, seconds) and not _is_busy(app, page):
                _forget(app, page)
        self.pages.forget(self.limits.held_seconds)
        self.shelf.make_room(on_disk=self.folder.sweep())
        for names in app.get_blocks().temp_file_sets:
            names -= {name for name in names if not Path(name).exists()}
        give_back()  # 12 ms; pictures that were looked at leave hundreds of megabytes behind


def _is_busy(app: Any, page: str) -> bool:
    """Return whether something that a page or a program asked for is still being worked on."""
    events = list(app.get_blocks()._queue.event_ids_to_events.values())
    return any(event.session_hash == page and event.alive for event in events)


def _forget(app: Any, page: str) -> None:
    """Delete what Gradio keeps of a page: the values of all its parts, and unread messages."""
    holder, queue = app.state_holder, app.get_blocks()._queue
    for kept in (
        holder.session_data,
        holder.time_last_used,
        queue.pending_messages_per_session,
        queue.pending_event_ids_session,
    ):
        kept.pop(page, None)
