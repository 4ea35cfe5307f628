"""How the page looks at three sizes, light and dark, and whether everybody can use it.

Pictures of it are kept in runs/browser, to be looked at.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from tests.app.chat.browsing import (
    DESKTOP,
    FOUR,
    LAPTOP,
    PHONE,
    SHOTS,
    ask,
    drop,
    example,
    opened,
    resize,
    shows,
    violations,
)
from tests.app.chat.test_browser import GE
from versamammo.phantoms import PhantomSettings, write_phantoms

pytestmark = pytest.mark.browser

SIZES = (DESKTOP, LAPTOP, PHONE)
KEYS = "dialog[open]"


@pytest.fixture
def page(talking: tuple[str, Path]) -> Iterator[Page]:
    yield from opened(talking[0], LAPTOP, has_touch=True)


def pictures(page: Page, name: str) -> None:
    """Take the page at every size, light and dark."""
    for dark in (False, True):
        page.evaluate(f"document.body.classList.toggle('dark', {str(dark).lower()})")
        for width, height in SIZES:
            resize(page, (width, height))
            page.evaluate("scrollTo(0, 0)")
            page.wait_for_timeout(400)
            shade = "dark" if dark else "light"
            page.screenshot(path=SHOTS / f"{name}-{width}x{height}-{shade}.png")
    page.evaluate("document.body.classList.remove('dark')")


def box(page: Page, selector: str) -> dict[str, float]:
    found = page.locator(selector).bounding_box()
    assert found is not None, selector
    return {**found, "right": found["x"] + found["width"], "bottom": found["y"] + found["height"]}


def check_places(page: Page) -> None:
    """Picture, talk and question are seen at once at every size, without scrolling."""
    for width, height in SIZES:
        resize(page, (width, height))
        page.evaluate("scrollTo(0, 0)")
        light_box, question = box(page, "#vm-viewer"), box(page, "#vm-question")
        assert light_box["y"] < 130, (width, "the header is thin")
        assert question["bottom"] <= height
        assert page.evaluate("document.documentElement.scrollWidth") <= width
        if (width, height) == PHONE:
            assert light_box["height"] >= 0.5 * height
            assert box(page, "#vm-verdict")["bottom"] < question["y"]
            continue
        assert light_box["bottom"] <= height
        assert light_box["height"] >= 0.7 * height
        assert light_box["right"] <= box(page, "#vm-chat")["x"]
        assert box(page, "#vm-panels [role=tablist]")["bottom"] <= height


def check_access(page: Page, where: str) -> None:
    found = {}
    for dark in (False, True):
        page.evaluate(f"document.body.classList.toggle('dark', {str(dark).lower()})")
        for size in SIZES:
            resize(page, size)
            found[(where, size, dark)] = violations(page)
    page.evaluate("document.body.classList.remove('dark')")
    assert not any(found.values()), {key: told for key, told in found.items() if told}


def test_the_empty_page(page: Page) -> None:
    pictures(page, "empty")
    for size in SIZES:
        resize(page, size)
        expect(page.locator("#vm-example-5")).to_be_visible()
        assert box(page, "#vm-question")["bottom"] <= size[1]
    check_access(page, "empty")


def test_four_views_of_a_phantom(page: Page) -> None:
    example(page)
    shows(page, FOUR)
    ask(page, "Is there a mass?")
    expect(page.locator("#vm-chat")).to_contain_text("Confidence of the answer")
    check_places(page)
    pictures(page, "phantom")
    check_access(page, "phantom")
    resize(page, LAPTOP)
    for tab in ("Tags and pixels", "Report draft", "Take away"):
        page.get_by_role("tab", name=tab).click()
        assert violations(page) == [], tab
        page.wait_for_timeout(500)
        assert box(page, "#vm-panels")["y"] <= 0.5 * LAPTOP[1] + 20, "the panel comes into view"
        expect(page.locator("#vm-verdict")).to_be_in_viewport()


def test_a_real_dicom(page: Page, real: Path) -> None:
    drop(page, real / GE)
    shows(page, "Mammogram: R MLO")
    ask(page, "How large is the breast?")
    expect(page.locator("#vm-chat")).to_contain_text("Confidence of the answer")
    check_places(page)
    pictures(page, "real")
    check_access(page, "real")


def test_two_films(page: Page) -> None:
    example(page, 5)
    shows(page, "Mammogram: R CC, R MLO")
    check_places(page)
    pictures(page, "film")
    check_access(page, "film")


def test_a_refused_file_beside_a_picture(page: Page, views: list[Path], tmp_path: Path) -> None:
    note = tmp_path / "letter.txt"
    note.write_text("no picture")
    drop(page, note, views[0])
    shows(page, "Mammogram: L CC")
    expect(page.locator("#vm-status")).to_contain_text("1 file was not used")
    pictures(page, "refused")
    check_access(page, "refused")


def test_an_exam_with_priors(page: Page, tmp_path: Path) -> None:
    settings = PhantomSettings(exams=1, seed=4, height=384, dates=2)
    write_phantoms(tmp_path / "phantoms", settings)
    drop(page, *sorted((tmp_path / "phantoms" / "images").rglob("*.dcm")))
    expect(page.locator("#vm-line")).to_contain_text("8 pictures", timeout=90_000)
    shows(page, page.evaluate("window.vmLightBox?.scene?.label ?? ''") or "")
    page.locator("#vm-lightbox").click(position={"x": 400, "y": 300})
    page.keyboard.press("4")
    page.wait_for_timeout(1000)
    pictures(page, "priors")
    check_access(page, "priors")


def test_one_finger_scrolls_the_page_over_the_picture(page: Page) -> None:
    example(page)
    shows(page, FOUR)
    resize(page, PHONE)
    stage = box(page, "#vm-viewer")
    x, y = stage["x"] + stage["width"] / 2, stage["y"] + stage["height"] / 2
    finger = page.context.new_cdp_session(page)
    for moved in range(0, 260, 20):
        kind = "touchMove" if moved else "touchStart"
        touch = {"type": kind, "touchPoints": [{"x": x, "y": y - moved}]}
        finger.send("Input.dispatchTouchEvent", touch)
    finger.send("Input.dispatchTouchEvent", {"type": "touchEnd", "touchPoints": []})
    page.wait_for_timeout(500)
    assert page.evaluate("scrollY") > 100
    expect(page.locator("#vm-question")).to_be_in_viewport()
    expect(page.locator(".vm-notice")).to_be_in_viewport()


def test_the_keyboard_reaches_everything(page: Page) -> None:
    page.keyboard.press("Tab")
    expect(page.get_by_text("Skip to the picture")).to_be_focused()
    page.keyboard.press("Tab")
    expect(page.get_by_text("Skip to the question")).to_be_in_viewport()
    page.keyboard.press("Enter")
    expect(page.locator("#vm-question textarea")).to_be_focused()
    page.keyboard.type("hi?")  # no key acts while one writes
    expect(page.locator("#vm-question textarea")).to_have_value("hi?")
    assert page.locator(KEYS).count() == 0
    page.evaluate("document.activeElement.blur()")
    page.keyboard.press("?")
    expect(page.locator(KEYS)).to_contain_text("open another exam")
    page.keyboard.press("Escape")
    assert page.locator(KEYS).count() == 0
    example(page)
    shows(page, FOUR)
    for way in ("key", "button"):
        if way == "key":
            page.evaluate("document.activeElement.blur()")
            page.keyboard.press("?")
        else:
            page.click("#vm-help")
        expect(page.locator(KEYS)).to_have_count(1)
        expect(page.locator(KEYS)).to_contain_text("ruler")
        expect(page.locator(KEYS)).to_contain_text("open another exam")
        assert violations(page) == []
        page.keyboard.press("Escape")
        expect(page.locator(KEYS)).to_have_count(0)
    page.keyboard.press("n")
    expect(page.locator("#vm-intake")).to_be_visible()
    assert violations(page) == []
    page.keyboard.press("Escape")
    expect(page.locator("#vm-another")).to_be_focused()
    page.keyboard.press("/")
    expect(page.locator("#vm-question textarea")).to_be_focused()


def test_the_theme_is_chosen_and_kept_and_motion_can_be_reduced(page: Page) -> None:
    page.click("#vm-dark")
    assert page.evaluate("document.body.classList.contains('dark')")
    page.reload()
    expect(page.locator("#vm-files button").first).to_be_visible()
    assert page.evaluate("document.body.classList.contains('dark')")
    page.emulate_media(reduced_motion="reduce")
    moving = page.evaluate(
        """() => [...document.querySelectorAll('body *')].filter((one) => {
          const style = getComputedStyle(one);
          return style.animationName !== 'none' || !/^(0s(, )?)+$/.test(style.transitionDuration);
        }).length"""
    )
    assert moving == 0
