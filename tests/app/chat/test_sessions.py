"""What is forgotten once a page is closed, on a running server that is asked as a browser asks."""

from __future__ import annotations

import gc
import json
import socket
import time
import weakref
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import httpx
import pytest

from app.chat.chat_command import free_port, serve
from app.chat.page.opening_message import OPENING
from app.chat.session.limits import Limits
from app.chat.session.private_folder import LOCK
from app.chat.session.sessions import OpenPages, Sweeper
from app.chat.session_service import SessionService

LIMITS = Limits(sweep_seconds=0.05, held_bytes=3_000_000)
KEPT, WAITING = LIMITS.closed_seconds, LIMITS.waiting_seconds


class Clock:
    """The time, which a test may put forward so that it need not wait for a minute to pass."""

    ahead = 0.0

    def time(self) -> float:
        return time.time() + self.ahead

    def monotonic(self) -> float:
        return time.monotonic() + self.ahead


@dataclass
class Site:
    """A running server, and what a browser knows of its page."""

    address: str
    home: Path
    desk: SessionService
    app: Any
    clock: Clock
    pages: OpenPages
    sweeps: list[None]

    def after(self, seconds: float) -> None:
        """Let time pass, and everything be looked at afterwards."""
        self.clock.ahead += seconds
        seen = len(self.sweeps)
        assert within(10, lambda: len(self.sweeps) > seen + 1)

    def event(self, element: str, trigger: str) -> int:
        """Return the number of an event by the part of the page that starts it."""
        config = httpx.get(f"{self.address}/config").json()
        part = next(c["id"] for c in config["components"] if c["props"].get("elem_id") == element)
        return next(
            d["id"] for d in config["dependencies"] if [part, trigger] in map(list, d["targets"])
        )


class Browser:
    """A page: it holds its heartbeat open, uploads, and asks for events."""

    def __init__(self, site: Site, name: str) -> None:
        self.site = site
        self.name = name
        self._beat: socket.socket

    def __enter__(self) -> Browser:
        at = urlsplit(self.site.address)
        self._beat = socket.create_connection((at.hostname, at.port), timeout=10)
        wanted = f"GET /gradio_api/heartbeat/{self.name} HTTP/1.1\r\nHost: {at.netloc}\r\n\r\n"
        self._beat.sendall(wanted.encode())
        assert within(10, self._is_open)
        return self

    def __exit__(self, *_: object) -> None:
        self._beat.close()
        assert within(10, lambda: not self._is_open())

    def _is_open(self) -> bool:
        return not self.site.pages.gone(self.name, -1)

    def upload(self, *files: Path) -> list[str]:
        sent = [("files", (file.name, file.read_bytes())) for file in files]
        answer = httpx.post(f"{self.site.address}/gradio_api/upload", files=sent, timeout=30)
        answer.raise_for_status()
        return list(answer.json())

    def ask(self, event: int, data: list[Any]) -> list[Any]:
        """Ask for an event as the page does; returns what it showed in the end."""
        body = {"fn_index": event, "data": data, "session_hash": self.name}
        api = f"{self.site.address}/gradio_api/queue"
        httpx.post(f"{api}/join", json=body).raise_for_status()
        with httpx.stream("GET", f"{api}/data?session_hash={self.name}", timeout=60) as stream:
            for line in stream.iter_lines():
                told = json.loads(line[6:]) if line.startswith("data:") else {}
                if told.get("msg") == "process_completed":
                    assert told["success"], told
                    return list(told["output"]["data"])
        raise AssertionError("the event never ended")

    def open(self, *files: Path) -> list[Any]:
        event = self.site.event("vm-files", "upload")
        paths = self.upload(*files)
        given = [{"path": path, "meta": {"_type": "gradio.FileData"}} for path in paths]
        return self.ask(event, [given, None])


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    clock = Clock()
    pages = OpenPages(clock.monotonic)
    sweeps: list[None] = []
    sweep = Sweeper.sweep

    def counted(self: Sweeper, app: Any) -> None:
        sweep(self, app)
        sweeps.append(None)

    with pytest.MonkeyPatch.context() as patched:
        patched.setenv("GRADIO_HEARTBEAT_INTERVAL", "0.1")
        patched.setattr("app.chat.session.sessions.OpenPages", lambda: pages)
        patched.setattr("app.chat.session.sessions.time", clock)
        patched.setattr(Sweeper, "sweep", counted)
        home = tmp_path_factory.mktemp("sessions") / "home"
        desk, url, page = serve("127.0.0.1", free_port(), home, limits=LIMITS)
        address = url.rstrip("/")
        desk.folder._clock, desk.shelf._clock = clock.time, clock.monotonic
        yield Site(address, home, desk, page.app, clock, pages, sweeps)
        page.close(verbose=False)
        desk.close()


@pytest.fixture
def site(running: Site) -> Iterator[Site]:
    """The server, at the real time and without anybody's page."""
    yield running
    running.after(KEPT + 1)
    assert not running.app.state_holder.session_data
    running.clock.ahead = 0.0


def within(seconds: float, true: Callable[[], bool]) -> bool:
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        if true():
            return True
        time.sleep(0.05)
    return true()


def files_in(home: Path) -> list[Path]:
    return [path for path in home.rglob("*") if path.is_file() and path.name != LOCK]


def test_a_closed_page_is_kept_for_a_reload_and_then_forgotten_whole(
    site: Site, views: list[Path]
) -> None:
    with Browser(site, "leaver") as page:
        token = page.open(*views[:2])[1]
        visit = site.desk.shelf.get(token)
        assert visit is not None
        exam = weakref.ref(visit.exam)
        page.ask(site.event("vm-export", "click"), [None, "a draft", ""])
        written = {".json", ".pdf", ".png", ".txt"}
        assert within(5, lambda: written <= {path.suffix for path in files_in(site.home)})
        del visit
        site.after(WAITING + 1)  # a page that is only looked at stays
        assert {path.suffix for path in files_in(site.home)} == written | {".npy"}
        assert site.desk.shelf.held > 0
    site.after(KEPT - 10)
    assert "leaver" in site.app.state_holder.session_data
    assert exam() is not None
    assert site.desk.shelf.held > 0
    site.after(11)
    assert site.desk.shelf.held == 0
    assert "leaver" not in site.app.state_holder.session_data
    assert within(5, lambda: gc.collect() >= 0 and exam() is None)
    site.after(LIMITS.empty_seconds)
    assert list(site.home.iterdir()) == []


def test_a_reload_finds_the_exam_and_the_conversation_again(site: Site, views: list[Path]) -> None:
    with Browser(site, "before") as page:
        token = page.open(views[0])[1]
        asked = [None, "Which side is it?", []]
        page.ask(site.event("vm-send", "click"), asked)
    with Browser(site, "after") as page:
        reload = _reload_event(site)
        shown = page.ask(reload, [token])
        assert shown[1] == token
        assert [turn["role"] for turn in shown[-1]] == ["user", "assistant"] * 2
        assert "Which side is it?" in json.dumps(shown[-1][OPENING])
        site.after(KEPT + 1)  # by then only the first page is forgotten
        assert site.desk.shelf.get(token) is not None
    site.after(KEPT + 1)
    assert site.desk.shelf.held == 0
    with Browser(site, "late") as page:
        told = page.ask(reload, [token])
        assert token not in told
        assert "<img" not in json.dumps(told)


def _reload_event(site: Site) -> int:
    config = httpx.get(f"{site.address}/config").json()
    loads = [d for d in config["dependencies"] if any(t[1] == "load" for t in d["targets"])]
    return next(d["id"] for d in loads if d["js"])


def test_a_tab_that_was_copied_keeps_its_exam_when_the_other_closes(
    site: Site, views: list[Path]
) -> None:
    with Browser(site, "one") as one:
        token = one.open(views[0])[1]
        with Browser(site, "two") as two:
            two.ask(_reload_event(site), [token])
        site.after(KEPT + 1)
        assert site.desk.shelf.get(token) is not None
    site.after(KEPT + 1)
    assert site.desk.shelf.held == 0


def test_an_upload_that_nobody_opens_is_swept(site: Site, views: list[Path]) -> None:
    with Browser(site, "dropper") as page:
        uploaded = Path(page.upload(views[0])[0])
        site.after(WAITING - 10)
        assert uploaded.is_file()
        site.after(11)
        assert not uploaded.exists()
        assert list(site.home.iterdir()) == []


def test_uploads_count_towards_the_limit_before_anyone_opens_them(
    site: Site, tmp_path: Path
) -> None:
    large = tmp_path / "large.dcm"
    large.write_bytes(bytes(1_600_000))
    with Browser(site, "filler") as page:
        page.upload(large)
        with pytest.raises(httpx.HTTPStatusError) as caught:
            page.upload(large)
    assert caught.value.response.status_code == 503
    assert "Try again in a few minutes" in caught.value.response.text
    site.after(WAITING + 1)
    assert list(site.home.iterdir()) == []


def test_a_program_that_called_once_is_forgotten_too(site: Site, views: list[Path]) -> None:
    browser = Browser(site, "program")  # it holds no page open
    given = [{"path": p, "meta": {"_type": "gradio.FileData"}} for p in browser.upload(views[0])]
    url = f"{site.address}/gradio_api/call/findings"
    event = httpx.post(url, json={"data": [given]}).json()["event_id"]
    assert "complete" in httpx.get(f"{url}/{event}", timeout=60).text
    queue = site.app.get_blocks()._queue
    assert within(5, lambda: not queue.event_ids_to_events)  # it is no longer worked on
    site.after(KEPT + 1)
    assert not site.app.state_holder.session_data
    assert not queue.pending_messages_per_session


def test_a_page_counts_as_open_as_long_as_one_of_its_connections_is() -> None:
    now = 0.0
    pages = OpenPages(lambda: now)
    assert pages.gone("a", 60)
    pages.enter("a")
    pages.enter("a")
    pages.leave("a")
    now = 100
    assert not pages.gone("a", 60)
    pages.leave("a")
    now = 150
    assert not pages.gone("a", 60)
    now = 161
    assert pages.gone("a", 60)
    pages.enter("a")
    assert not pages.gone("a", 60)
