"""The habits of chat programs: stopping, asking again, changing a question, where one reads on."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest
from playwright.sync_api import Locator, Page, expect

from app.chat.evidence.contracts import Card, ChatTurn, Findings, StreamedAnswer
from app.chat.evidence.exam import Exam
from app.chat.session_service import STOPPED
from tests.app.chat.browsing import LAPTOP, PHONE, SHOTS, ask, drop, opened, resize, shows
from tests.app.chat.conftest import served

pytestmark = pytest.mark.browser

LINES = 60


class Slow:
    """Writes a line at a time: sixty at once, or one each half second if asked to be slow."""

    card = Card("Slow", "1", "hand-made for tests")
    suggested = ("Tell me all",)

    def answer(
        self, exam: Exam, question: str, history: Sequence[ChatTurn], findings: Findings | None
    ) -> Iterator[StreamedAnswer]:
        text = f"First line about {question} ({len(history)} before)"
        yield StreamedAnswer(text)
        for number in range(2, LINES + 1):
            time.sleep(0.5 if "slow" in question else 0.01)
            text += f"\nline {number}"
            yield StreamedAnswer(text)
        if "worded" in question:
            facts = ("Mass: L CC <b>yes</b> (0.80).",)
            yield StreamedAnswer(text, facts=facts, written=text)


@pytest.fixture(scope="module")
def slow(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[str, Path]]:
    for address, home, _ in served(tmp_path_factory.mktemp("slow") / "home", answerer=Slow()):
        yield address, home


@pytest.fixture
def page(slow: tuple[str, Path], monkeypatch: pytest.MonkeyPatch) -> Iterator[Page]:
    monkeypatch.setenv("GRADIO_TEMP_DIR", str(slow[1]))
    yield from opened(slow[0], LAPTOP)


def last(page: Page) -> Locator:
    return page.locator("#vm-chat .bot-row").last


def finished(page: Page) -> None:
    expect(last(page)).to_contain_text(f"line {LINES}", timeout=60_000)
    expect(page.locator("#vm-send")).to_be_visible()


def first_line(page: Page) -> tuple[float, float]:
    """Where the last answer begins, and where the talk that is seen begins; in pixels."""
    tops = page.evaluate(
        """() => {
          const log = document.querySelector('#vm-chat .bubble-wrap').getBoundingClientRect();
          const head = document.querySelector('#vm-verdict').getBoundingClientRect();
          const rows = [...document.querySelectorAll('#vm-chat .bot-row')];
          return [rows.at(-1).getBoundingClientRect().top, Math.max(log.top, head.bottom)];
        }"""
    )
    return tops[0], tops[1]


def test_a_long_answer_is_read_from_its_first_line(page: Page, views: list[Path]) -> None:
    drop(page, views[0])
    shows(page, "Mammogram: L CC")
    for question in ("one", "two"):
        ask(page, question)
        expect(last(page)).to_contain_text(f"First line about {question}")
        finished(page)
        page.wait_for_timeout(500)
        begins, seen_from = first_line(page)
        assert seen_from <= begins < seen_from + 200
    page.locator("#vm-chat .bot-row").last.hover()
    page.mouse.wheel(0, 400)  # whoever scrolls is left alone
    page.wait_for_timeout(500)
    assert first_line(page)[0] < begins - 200
    resize(page, PHONE)
    ask(page, "three")
    expect(last(page)).to_contain_text("First line about three")
    finished(page)
    page.wait_for_timeout(1500)
    begins, seen_from = first_line(page)
    assert seen_from - 2 <= begins < PHONE[1] / 2


def test_an_answer_is_stopped_and_what_was_said_stays(page: Page, views: list[Path]) -> None:
    drop(page, views[0])
    shows(page, "Mammogram: L CC")
    ask(page, "slow one")
    expect(last(page)).to_contain_text("line 3")
    expect(page.locator("#vm-send")).to_be_hidden()
    page.click("#vm-stop")
    expect(last(page)).to_contain_text(STOPPED)
    expect(page.locator("#vm-send")).to_be_visible()
    expect(page.locator("#vm-stop")).to_be_hidden()
    said = last(page).inner_text()
    page.wait_for_timeout(1500)
    assert last(page).inner_text() == said
    ask(page, "two")  # nobody is held up by what was stopped
    expect(last(page)).to_contain_text("(1 before)")
    finished(page)


def test_a_question_is_asked_again_changed_and_taken_back(page: Page, views: list[Path]) -> None:
    drop(page, views[0])
    shows(page, "Mammogram: L CC")
    for question in ("one", "two"):
        ask(page, question)
        expect(last(page)).to_contain_text(f"First line about {question}")
        finished(page)
    asked = page.locator("#vm-chat .user-row")
    page.get_by_role("button", name="Retry").click()
    page.wait_for_timeout(500)
    finished(page)
    expect(last(page)).to_contain_text("First line about two (1 before)")
    expect(asked).to_have_count(3)
    page.locator("#vm-chat button[title=Edit]:visible").first.click()
    page.get_by_label("Change the question").fill("another")
    page.locator("#vm-chat button[title=Submit]").click()
    expect(last(page)).to_contain_text("First line about another (0 before)")
    finished(page)
    expect(asked).to_have_count(2)
    page.get_by_role("button", name="Undo").click()
    expect(page.locator("#vm-question textarea")).to_have_value("another")
    expect(asked).to_have_count(1)
    page.reload()
    shows(page, "Mammogram: L CC")
    expect(asked).to_have_count(1)


def answered(page: Page, view: Path, question: str) -> None:
    """Ask about one picture and wait for the whole answer, with the clipboard at hand."""
    page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    drop(page, view)
    shows(page, "Mammogram: L CC")
    ask(page, question)
    finished(page)


def copied(page: Page) -> str:
    page.get_by_role("button", name="Copy message").last.click()
    text: str = page.evaluate("navigator.clipboard.readText()")
    return text


def test_an_answer_can_be_copied(page: Page, views: list[Path]) -> None:
    answered(page, views[0], "one")
    assert copied(page).startswith("First line about one")


def test_what_an_answer_was_worded_from_is_shown_on_demand(page: Page, views: list[Path]) -> None:
    answered(page, views[0], "worded")
    record = last(page).locator(".vm-record")
    expect(record.locator("li")).to_be_hidden()
    record.locator("summary").click()
    expect(record.locator("li")).to_have_text("Mass: L CC <b>yes</b> (0.80).")
    page.screenshot(path=SHOTS / "record.png")
    text = copied(page)
    assert text.startswith("First line about worded")
    assert "Mass" not in text
    assert f"\nline {LINES}" in text
