"""What is forgotten once a page is closed, on a running server that is asked as a browser asks."""

from __future__ import annotations

import gc
import json
import threading
import time
import weakref
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest

from app.chat.session.limits import Limits
from app.chat.session.private_folder import LOCK
from app.chat.session.sessions import OpenPages
from app.chat.session_service import SessionService
from tests.app.chat.conftest import served

KEPT = 1.5  # seconds that a closed page is kept in these tests
LIMITS = Limits(
    closed_seconds=KEPT, waiting_seconds=5, empty_seconds=0.2, sweep_seconds=0.1,
    held_bytes=3_000_000,
)  # fmt: skip


@dataclass
class Site:
    """A running server, and what a browser knows of its page."""

    address: str
    home: Path
    desk: SessionService
    app: Any

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
        self._leave = threading.Event()
        self._thread = threading.Thread(target=self._beat, daemon=True)

    def __enter__(self) -> Browser:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._leave.set()
        self._thread.join(5)

    def _beat(self) -> None:
        url = f"{self.site.address}/gradio_api/heartbeat/{self.name}"
        # gradio beats every 15 s unless it was imported after the setting below
        with httpx.stream("GET", url, timeout=httpx.Timeout(10, read=60)) as stream:
            for _ in stream.iter_raw():
                if self._leave.is_set():
                    return

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
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    with pytest.MonkeyPatch.context() as patched:
        patched.setenv("GRADIO_HEARTBEAT_INTERVAL", "0.1")
        running = served(tmp_path_factory.mktemp("sessions") / "home", limits=LIMITS)
        address, home, desk = next(running)
        app = next(o for o in gc.get_objects() if _is_app_of(o, address))
        yield Site(address, home, desk, app)
        next(running, None)


def _is_app_of(one: object, address: str) -> bool:
    from gradio.routes import App

    if not isinstance(one, App) or one.get_blocks().app is not one:
        return False  # starting makes several, of which one serves
    return (one.get_blocks().local_url or "").startswith(address)


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
        page.ask(site.event("vm-export", "click"), [None, "a draft", 0, 50, 100, *[False] * 5])
        written = {".json", ".pdf", ".png"}
        assert within(5, lambda: {path.suffix for path in files_in(site.home)} == written)
        del visit
        time.sleep(KEPT + 0.5)  # a page that is only looked at stays
        assert site.desk.shelf.held > 0
    closed = time.monotonic()
    assert "leaver" in site.app.state_holder.session_data
    assert exam() is not None
    assert within(10, lambda: site.desk.shelf.held == 0)
    assert time.monotonic() - closed > KEPT - 0.3
    assert within(5, lambda: "leaver" not in site.app.state_holder.session_data)
    assert within(5, lambda: gc.collect() >= 0 and exam() is None)
    assert within(5, lambda: list(site.home.iterdir()) == [])


def test_a_reload_finds_the_exam_and_the_conversation_again(site: Site, views: list[Path]) -> None:
    with Browser(site, "before") as page:
        token = page.open(views[0])[1]
        asked = [None, "Which side is it?", [], 0, 50, 100, *[False] * 5]
        page.ask(site.event("vm-send", "click"), asked)
    with Browser(site, "after") as page:
        reload = _reload_event(site)
        shown = page.ask(reload, [token])
        assert shown[1] == token
        assert [turn["role"] for turn in shown[-1]] == ["user", "assistant"]
        time.sleep(KEPT + 1)  # by then only the first page is forgotten
        assert site.desk.shelf.get(token) is not None
    assert within(10, lambda: site.desk.shelf.held == 0)
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
        time.sleep(KEPT + 1)
        assert site.desk.shelf.get(token) is not None
    assert within(10, lambda: site.desk.shelf.held == 0)


def test_an_upload_that_nobody_opens_is_swept(site: Site, views: list[Path]) -> None:
    with Browser(site, "dropper") as page:
        assert Path(page.upload(views[0])[0]).is_file()
        assert within(20, lambda: list(site.home.iterdir()) == [])


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
    assert within(20, lambda: list(site.home.iterdir()) == [])


def test_a_program_that_called_once_is_forgotten_too(site: Site, views: list[Path]) -> None:
    browser = Browser(site, "program")  # it holds no page open
    given = [{"path": p, "meta": {"_type": "gradio.FileData"}} for p in browser.upload(views[0])]
    url = f"{site.address}/gradio_api/call/findings"
    event = httpx.post(url, json={"data": [given]}).json()["event_id"]
    assert "complete" in httpx.get(f"{url}/{event}", timeout=60).text
    assert within(10, lambda: not site.app.state_holder.session_data)
    queue = site.app.get_blocks()._queue
    assert within(5, lambda: not queue.pending_messages_per_session)


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
