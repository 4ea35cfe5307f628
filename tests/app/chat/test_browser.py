"""A person's way through the page, in an installed Chromium; pictures of it are kept in runs/."""

from __future__ import annotations

import re
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect, sync_playwright

from app.chat.conversation.facts import SUGGESTED
from versamammo import NOTICE

pytestmark = pytest.mark.browser

SHOTS = Path(__file__).parents[3] / "runs" / "browser"
CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")
expect.set_options(timeout=20_000)  # a busy machine
GE = "dicom/GH133_GE_Senographe_R_MLO.dcm"


@pytest.fixture
def page(server: tuple[str, Path]) -> Iterator[Page]:
    yield from opened(server[0])


@pytest.fixture
def talk(talking: tuple[str, Path]) -> Iterator[Page]:
    """The page of a server with a model."""
    yield from opened(talking[0])


def opened(address: str) -> Iterator[Page]:
    """Open a page, and make sure in the end that it asked nobody else for anything."""
    if CHROMIUM is None:
        pytest.skip("no chromium is installed")
    SHOTS.mkdir(parents=True, exist_ok=True)
    with sync_playwright() as playwright:
        # Chromium's own sandbox cannot be set up by root in a container
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        made = browser.new_context(viewport={"width": 1440, "height": 1000}).new_page()
        asked: list[str] = []
        made.on("request", lambda request: asked.append(request.url))
        made.goto(address)
        expect(made.locator("#vm-files button").first).to_be_visible(timeout=60_000)
        yield made
        made.wait_for_load_state()
        elsewhere = [url for url in asked if not url.startswith((address, "data:", "blob:"))]
        browser.close()
        assert elsewhere == []


def drop(page: Page, *files: Path) -> None:
    page.set_input_files("#vm-files input[type=file]", [str(file) for file in files])


def test_the_example_is_hung_asked_about_and_taken_away(page: Page) -> None:
    page.click("#vm-example")
    expect(page.locator(".vmx-stage")).to_have_attribute(
        "aria-label", "Mammogram: R CC, L CC, R MLO, L MLO", timeout=30_000
    )
    page.screenshot(path=SHOTS / "four-views.png", full_page=True)
    page.fill("#vm-question textarea", "Is there a mass? <img src=x onerror=alert(1)>")
    page.keyboard.press("Enter")
    expect(page.locator("#vm-chat")).to_contain_text("nothing here looks for findings")
    expect(page.locator("#vm-chat")).to_contain_text("<\u200bimg src=x")
    assert page.locator("#vm-chat img[src='x']").count() == 0
    page.get_by_role("tab", name="Take away").click()
    page.click("#vm-export")
    expect(page.locator(".gradio-container")).to_contain_text("mammogram-chat", timeout=30_000)
    page.mouse.wheel(0, 2000)
    expect(page.locator(".vm-notice")).to_have_text(NOTICE)
    expect(page.locator(".vm-notice")).to_be_in_viewport()


def test_a_real_dicom_is_seen_and_asked_about(page: Page, real: Path) -> None:
    drop(page, real / GE)
    expect(page.locator(".vmx-stage")).to_have_attribute(
        "aria-label", "Mammogram: R MLO", timeout=30_000
    )
    page.get_by_role("button", name=SUGGESTED[0]).click()
    expect(page.locator("#vm-chat")).to_contain_text("the tags say side right, view MLO")
    page.get_by_role("button", name=SUGGESTED[2]).click()
    expect(page.locator("#vm-chat")).to_contain_text("breast 117 x 217 mm (width x height")
    page.get_by_role("button", name="Outline of the breast (O)").click()
    expect(page.locator(".vmx-outline")).to_be_visible()
    page.screenshot(path=SHOTS / "real.png", full_page=True)


def test_a_text_file_is_refused_and_the_picture_beside_it_read(
    page: Page, views: list[Path], tmp_path: Path
) -> None:
    note = tmp_path / "<b>note.txt"
    note.write_text("no picture")
    drop(page, note, views[0])
    expect(page.locator("#vm-status")).to_contain_text("was not used: this is no picture")
    expect(page.locator(".vmx-stage")).to_have_attribute("aria-label", "Mammogram: L CC")
    page.screenshot(path=SHOTS / "refused.png", full_page=True)


@pytest.mark.parametrize("words", ["hi", "Is there a mass?"])
def test_words_before_a_picture_are_answered_in_the_conversation(page: Page, words: str) -> None:
    page.fill("#vm-question textarea", words)
    page.keyboard.press("Enter")
    chat = page.locator("#vm-chat")
    expect(chat.locator(".user.message")).to_have_text(words)
    expect(chat.locator(".bot.message")).to_have_text("Drop a picture first, or open the example.")
    expect(page.locator("#vm-question textarea")).to_have_value("")
    page.screenshot(path=SHOTS / "before-a-picture.png")
    assert page.get_by_text("Error", exact=True).count() == 0
    page.fill("#vm-question textarea", "and again")  # nothing lies over the box
    page.click("#vm-send")
    expect(chat.locator(".user.message")).to_have_count(2)


def test_what_cannot_be_written_yet_is_said_without_a_badge(page: Page) -> None:
    page.get_by_role("tab", name="Report draft").click()
    page.click("#vm-redraft")
    expect(page.get_by_text("Drop a picture first, or open the example.")).to_be_visible()
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


def drop_on_files(page: Page, *paths: Path) -> None:
    """Drop files or folders as from a file manager."""
    box = page.locator("#vm-files").bounding_box()
    assert box is not None
    session = page.context.new_cdp_session(page)
    data = {"items": [], "files": [str(path) for path in paths], "dragOperationsMask": 1}
    where = {"x": box["x"] + box["width"] / 2, "y": box["y"] + box["height"] / 2}
    for kind in ("dragEnter", "dragOver", "drop"):
        session.send("Input.dispatchDragEvent", {"type": kind, "data": data, **where})


def test_a_dropped_folder_is_read_with_the_folders_in_it(
    page: Page, views: list[Path], tmp_path: Path
) -> None:
    inner = tmp_path / "exam" / "series" / "deeper"
    inner.mkdir(parents=True)
    for view in views[:2]:
        shutil.copy(view, inner)
    shutil.copy(views[2], tmp_path / "exam")
    (tmp_path / "exam" / "letter.txt").write_text("no picture")
    drop_on_files(page, tmp_path / "exam", views[3])
    expect(page.locator(".vmx-stage")).to_have_attribute(
        "aria-label", "Mammogram: R CC, L CC, R MLO, L MLO", timeout=30_000
    )
    expect(page.locator("#vm-status")).to_contain_text("letter.txt was not used")
    expect(page.locator("#vm-dropped")).to_be_hidden()
    page.screenshot(path=SHOTS / "dropped-folder.png", full_page=True)


def test_a_folder_that_cannot_be_used_is_said_in_one_line(page: Page, tmp_path: Path) -> None:
    empty = tmp_path / "empty"
    empty.mkdir()
    drop_on_files(page, empty)
    expect(page.locator("#vm-dropped")).to_have_text("The folder holds no files.")
    many = tmp_path / "many"
    many.mkdir()
    for number in range(401):
        (many / f"{number}.txt").touch()
    drop_on_files(page, many)
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


def test_files_dropped_on_the_box_are_read_as_before(page: Page, views: list[Path]) -> None:
    drop_on_files(page, *views[:2])
    expect(page.locator(".vmx-stage")).to_have_attribute(
        "aria-label", re.compile("Mammogram: . CC, . "), timeout=30_000
    )


def test_a_reload_brings_the_exam_and_the_conversation_back(page: Page) -> None:
    page.click("#vm-example")
    expect(page.locator(".vmx-stage")).to_be_visible(timeout=30_000)
    page.get_by_role("button", name=SUGGESTED[0]).click()
    expect(page.locator("#vm-chat")).to_contain_text("the tags say side")
    page.reload()
    expect(page.locator(".vmx-stage")).to_be_visible(timeout=30_000)
    expect(page.locator("#vm-chat")).to_contain_text("the tags say side")
    page.screenshot(path=SHOTS / "reloaded.png", full_page=True)
    other = page.context.new_page()  # another tab does not see it
    other.goto(page.url)
    expect(other.locator(".vm-empty")).to_be_visible()
    other.wait_for_timeout(1500)
    expect(other.locator(".vm-empty")).to_be_visible()
    other.close()


def test_a_phone_needs_no_sideways_scrolling(page: Page) -> None:
    page.click("#vm-example")
    expect(page.locator(".vmx-stage")).to_be_visible(timeout=30_000)
    page.set_viewport_size({"width": 390, "height": 844})
    page.click("#vm-dark")
    page.wait_for_timeout(500)  # colours fade over
    page.screenshot(path=SHOTS / "phone-dark.png", full_page=True)
    assert page.evaluate("document.documentElement.scrollWidth") <= 390


def test_a_model_marks_answers_and_goes_into_the_report(talk: Page, views: list[Path]) -> None:
    drop(talk, *views)
    expect(talk.locator(".vmx-stage")).to_have_attribute(
        "aria-label", "Mammogram: R CC, L CC, R MLO, L MLO", timeout=30_000
    )
    expect(talk.locator(".vmx-box")).to_contain_text("mass 0.90")
    talk.fill("#vm-question textarea", "What is <b>this</b>?")
    talk.keyboard.press("Enter")
    expect(talk.locator("#vm-chat")).to_contain_text("Confidence of the answer: 0.75")
    talk.get_by_role("tab", name="Findings").click()
    expect(talk.locator("#vm-findings")).to_contain_text("ACR density")
    expect(talk.locator("#vm-findings")).to_contain_text("mass")
    talk.get_by_role("tab", name="Report draft").click()
    talk.click("#vm-redraft")
    report = talk.locator("#vm-report textarea")
    expect(report).to_have_value(re.compile(r"FROM THE CONVERSATION.*What is <b>this</b>\?", re.S))
    report.fill("mine")
    expect(report).to_have_value("mine")
    talk.evaluate("scrollTo(0, 0)")
    talk.screenshot(path=SHOTS / "model.png", full_page=True)
    talk.set_viewport_size({"width": 390, "height": 844})
    assert talk.evaluate("document.documentElement.scrollWidth") <= 390
