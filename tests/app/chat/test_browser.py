"""A person's way through the page, in an installed Chromium; pictures of it are kept in runs/."""

from __future__ import annotations

import re
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from app.chat.conversation.facts import SUGGESTED
from tests.app.chat.browsing import FOUR, PHONE, SHOTS, ask, drop, example, opened, resize, shows
from versamammo import NOTICE

pytestmark = pytest.mark.browser

GE = "dicom/GH133_GE_Senographe_R_MLO.dcm"
EMPTY = "Drop a picture first, or open the example."


@pytest.fixture
def page(server: tuple[str, Path]) -> Iterator[Page]:
    yield from opened(server[0])


@pytest.fixture
def talk(talking: tuple[str, Path]) -> Iterator[Page]:
    """The page of a server with a model."""
    yield from opened(talking[0])


def test_the_example_is_hung_asked_about_and_taken_away(page: Page) -> None:
    example(page)
    shows(page, FOUR)
    expect(page.locator("#vm-line")).to_contain_text("phantom with a malignant mass · 4 pictures")
    ask(page, "Is there a mass? <img src=x onerror=alert(1)>")
    chat = page.locator("#vm-chat")
    expect(chat).to_contain_text("nothing here looks for findings")
    expect(chat).to_contain_text("<\u200bimg src=x")
    assert page.locator("#vm-chat img[src='x']").count() == 0
    assert page.locator("#vm-chat .vm-thumbs img[src^='data:image/png;base64,']").count() == 4
    page.get_by_role("tab", name="Take away").click()
    page.click("#vm-export")
    files = page.locator("#vm-exports")
    expect(files).to_contain_text(re.compile(r"vm_phantom-[0-9a-f]{8}_\d{8}-\d{6}"), timeout=90_000)
    page.click("#vm-chat button[title=Clear]")
    expect(files).not_to_contain_text("vm_phantom-")
    expect(chat).not_to_contain_text("Is there a mass?")
    expect(chat).to_contain_text("invented, not of a person")
    page.mouse.wheel(0, 2000)
    expect(page.locator(".vm-notice")).to_have_text(NOTICE)
    expect(page.locator(".vm-notice")).to_be_in_viewport()


def test_a_real_dicom_is_seen_and_asked_about(page: Page, real: Path) -> None:
    drop(page, real / GE)
    shows(page, "Mammogram: R MLO")
    expect(page.locator("#vm-line")).to_contain_text("Senographe_R_MLO.dcm · 1 picture")
    page.get_by_role("button", name=SUGGESTED[0]).click()
    expect(page.locator("#vm-chat")).to_contain_text("the tags say side right, view MLO")
    page.get_by_role("button", name=SUGGESTED[2]).click()
    expect(page.locator("#vm-chat")).to_contain_text("breast 117 x 217 mm (width x height")
    page.get_by_role("button", name="Outline of the breast (O)").click()
    expect(page.locator(".vmx-outline")).to_be_visible()
    page.get_by_role("tab", name="Tags and pixels").click()
    expect(page.locator("#vm-facts")).to_contain_text("117 x 217 mm")


def test_a_text_file_is_refused_and_the_picture_beside_it_read(
    page: Page, views: list[Path], tmp_path: Path
) -> None:
    note = tmp_path / "<b>note.txt"
    note.write_text("no picture")
    drop(page, note, views[0])
    status = page.locator("#vm-status")
    expect(status).to_contain_text("was not used: this is no picture")
    expect(status.locator("li")).to_have_count(1)
    expect(page.locator("#vm-line")).to_contain_text("1 file · 1 picture")
    shows(page, "Mammogram: L CC")


@pytest.mark.parametrize("words", ["hi", "Is there a mass?"])
def test_words_before_a_picture_are_answered_in_the_conversation(page: Page, words: str) -> None:
    ask(page, words)
    chat = page.locator("#vm-chat")
    expect(chat.locator(".user.message")).to_have_text(words)
    expect(chat.locator(".bot.message")).to_have_text(EMPTY)
    expect(page.locator("#vm-question textarea")).to_have_value("")
    page.screenshot(path=SHOTS / "before-a-picture.png")
    assert page.get_by_text("Error", exact=True).count() == 0
    page.fill("#vm-question textarea", "and again")  # nothing lies over the box
    page.click("#vm-send")
    expect(chat.locator(".user.message")).to_have_count(2)


def test_what_cannot_be_written_yet_is_said_without_a_badge(page: Page) -> None:
    page.get_by_role("tab", name="Report draft").click()
    page.click("#vm-redraft")
    expect(page.get_by_text(EMPTY)).to_be_visible()
    page.get_by_role("tab", name="Take away").click()
    page.click("#vm-export")
    page.wait_for_timeout(1000)
    assert page.get_by_text("Error", exact=True).count() == 0


def test_a_question_that_is_too_long_stays_in_its_box(page: Page) -> None:
    page.fill("#vm-question textarea", "why? " * 500)
    page.click("#vm-send")
    expect(page.locator("#vm-chat .bot.message")).to_contain_text("at most 2000 are taken")
    expect(page.locator("#vm-question textarea")).to_have_value("why? " * 500)
    assert page.get_by_text("Error", exact=True).count() == 0


def drop_on(page: Page, where: str, *paths: Path) -> None:
    """Drop files or folders as from a file manager."""
    page.locator(where).scroll_into_view_if_needed()
    box = page.locator(where).bounding_box()
    assert box is not None
    session = page.context.new_cdp_session(page)
    data = {"items": [], "files": [str(path) for path in paths], "dragOperationsMask": 1}
    point = {"x": box["x"] + box["width"] / 2, "y": box["y"] + box["height"] / 2}
    for kind in ("dragEnter", "dragOver", "drop"):
        session.send("Input.dispatchDragEvent", {"type": kind, "data": data, **point})


def test_a_dropped_folder_is_read_with_the_folders_in_it(
    page: Page, views: list[Path], tmp_path: Path
) -> None:
    inner = tmp_path / "exam" / "series" / "deeper"
    inner.mkdir(parents=True)
    for view in views[:2]:
        shutil.copy(view, inner)
    shutil.copy(views[2], tmp_path / "exam")
    (tmp_path / "exam" / "letter.txt").write_text("no picture")
    drop_on(page, "#vm-files", tmp_path / "exam", views[3])
    shows(page, FOUR)
    expect(page.locator("#vm-status")).to_contain_text("letter.txt was not used")
    expect(page.locator("#vm-dropped")).to_be_hidden()
    expect(page.locator("#vm-line")).to_contain_text("4 files · 4 pictures")


def test_a_folder_that_cannot_be_used_is_said_in_one_line(page: Page, tmp_path: Path) -> None:
    empty = tmp_path / "empty"
    empty.mkdir()
    drop_on(page, "#vm-files", empty)
    expect(page.locator("#vm-dropped")).to_have_text("The folder holds no files.")
    many = tmp_path / "many"
    many.mkdir()
    for number in range(401):
        (many / f"{number}.txt").touch()
    drop_on(page, "#vm-files", many)
    expect(page.locator("#vm-dropped")).to_have_text(
        "The folder holds more than 400 files; drop fewer."
    )


def test_a_folder_that_may_not_be_read_is_said_in_one_line(page: Page) -> None:
    page.evaluate(
        """() => {
          const entry = {isDirectory: true, isFile: false, createReader: () => (
            {readEntries: (done, fail) => fail(new DOMException('no', 'NotReadableError'))})};
          const event = new Event('drop', {bubbles: true, cancelable: true});
          event.dataTransfer = {items: [{webkitGetAsEntry: () => entry}]};
          document.querySelector('#vm-files button').dispatchEvent(event);
        }"""
    )
    expect(page.locator("#vm-dropped")).to_contain_text("The browser may not read this folder")


@pytest.mark.parametrize("where", ["#vm-files", "#vm-chat", "#vm-panels", "#vm-bar"])
def test_files_may_be_dropped_anywhere(page: Page, views: list[Path], where: str) -> None:
    drop_on(page, where, *views[:2])
    shows(page, "Mammogram: L CC, L MLO")
    assert not page.evaluate("document.body.classList.contains('vm-dropping')")
    drop_on(page, "#vm-viewer", views[2])
    expect(page.locator("#vm-line")).to_contain_text("1 picture")
    expect(page.locator("#vm-intake")).to_be_hidden()


def test_reload_and_back_bring_the_exam_and_the_conversation_back(page: Page) -> None:
    example(page)
    shows(page, FOUR)
    page.get_by_role("button", name=SUGGESTED[0]).click()
    expect(page.locator("#vm-chat")).to_contain_text("the tags say side")
    page.reload()
    shows(page, FOUR)
    expect(page.locator("#vm-chat")).to_contain_text("the tags say side")
    expect(page.locator("#vm-line")).to_contain_text("phantom with a malignant mass")
    address = page.url
    page.goto("about:blank")
    page.go_back()
    shows(page, FOUR)
    expect(page.locator("#vm-chat")).to_contain_text("the tags say side")
    other = page.context.new_page()  # another tab does not see it
    other.goto(address)
    expect(other.locator("#vm-intake")).to_be_visible()
    other.wait_for_timeout(1500)
    expect(other.locator("#vm-intake")).to_be_visible()
    other.close()


def test_another_example_takes_the_place_of_the_first(page: Page) -> None:
    example(page)
    shows(page, FOUR)
    page.get_by_role("button", name=SUGGESTED[0]).click()
    expect(page.locator("#vm-chat")).to_contain_text("the tags say side")
    page.keyboard.press("Escape")
    page.click("#vm-another")
    expect(page.locator("#vm-another")).to_have_attribute("aria-expanded", "true")
    page.click("#vm-example-5")
    shows(page, "Mammogram: R CC, R MLO")
    expect(page.locator("#vm-intake")).to_be_hidden()
    chat = page.locator("#vm-chat")
    expect(chat).to_contain_text("CC BY 3.0")
    expect(chat).not_to_contain_text("the tags say side")
    expect(chat).not_to_contain_text("invented")


def test_a_model_marks_answers_and_goes_into_the_report(talk: Page, views: list[Path]) -> None:
    drop(talk, *views)
    shows(talk, FOUR)
    expect(talk.locator("#vm-verdict")).to_contain_text("Mass: R CC 0.90")
    ask(talk, "What is <b>this</b>?")
    expect(talk.locator("#vm-chat")).to_contain_text("Confidence of the answer: 0.75")
    talk.get_by_role("tab", name="Findings").click()
    findings = talk.locator("#vm-findings")
    expect(findings).to_contain_text("ACR density")
    place = findings.locator("[data-box-id]")
    expect(place).to_have_count(1)
    place.click()
    expect(talk.locator("#vm-lightbox .vmx-selected")).to_have_count(1)
    talk.get_by_role("tab", name="Report draft").click()
    talk.click("#vm-redraft")
    report = talk.locator("#vm-report textarea")
    expect(report).to_have_value(re.compile(r"What is <b>this</b>\?", re.S))
    report.fill("mine")
    expect(report).to_have_value("mine")
    resize(talk, PHONE)
    assert talk.evaluate("document.documentElement.scrollWidth") <= 390
