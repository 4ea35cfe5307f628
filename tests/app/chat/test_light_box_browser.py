"""The light box in an installed Chromium: window, zoom, measuring, keys, layers."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from playwright.sync_api import Page, expect

from app.chat.evidence.exam import load_image
from tests.app.chat.light_box_page import cell_of, drag, file_point, open_files, shades_of
from tests.app.chat.test_browser import SHOTS, opened
from versamammo.phantoms import PhantomSettings, write_phantoms

pytestmark = pytest.mark.browser


@pytest.fixture
def page(server: tuple[str, Path]) -> Iterator[Page]:
    yield from opened(server[0])


@pytest.fixture
def talk(talking: tuple[str, Path]) -> Iterator[Page]:
    yield from opened(talking[0])


def test_window_zoom_and_measuring_by_mouse(page: Page, views: list[Path]) -> None:
    open_files(page, *views)
    page.screenshot(path=SHOTS / "light-box-four.png")
    cell = cell_of(page)
    middle = (cell["x"] + cell["w"] * 0.7, cell["y"] + cell["h"] * 0.5)

    drag(page, middle, (60, 30), "right")
    after = cell_of(page)["now"]
    assert after["width"] > cell["now"]["width"]
    assert after["center"] > cell["now"]["center"]
    expect(page.locator(".vmx-values").first).to_have_text(
        f"C {round(after['center'])} W {round(after['width'])}"
    )

    at = file_point(page, *middle)
    page.mouse.move(*middle)
    page.mouse.wheel(0, -300)
    page.wait_for_timeout(300)
    assert cell_of(page)["scale"] > 1.2 * cell["scale"]
    assert file_point(page, *middle) == pytest.approx(at, abs=1.5)
    assert cell_of(page, 1)["scale"] == pytest.approx(cell["scale"])

    before = file_point(page, *middle)
    drag(page, middle, (40, -25), "left")
    page.wait_for_timeout(200)
    assert file_point(page, middle[0] + 40, middle[1] - 25) == pytest.approx(before, abs=1.5)

    page.keyboard.press("r")
    drag(page, middle, (50, 0), "left")
    spacing = load_image(views[0])[0].told.spacing_mm
    assert spacing is not None
    told = page.locator(".vmx-measure").first.inner_text()
    assert float(told.split()[0]) == pytest.approx(
        50 / cell_of(page)["scale"] * spacing[1], abs=0.11
    )
    assert " mm" in told
    page.keyboard.press("e")
    drag(page, (middle[0], middle[1] + 20), (40, 30), "left")
    expect(page.locator(".vmx-measure").nth(1)).to_contain_text("mm², mean")
    page.screenshot(path=SHOTS / "light-box-measured.png")
    page.locator(".vmx-measure").first.click()
    expect(page.locator(".vmx-measure")).to_have_count(1)
    page.keyboard.press("Escape")
    assert page.evaluate("vmLightBox.tool") == "move"


def test_keys_hang_link_invert_and_reset(page: Page, views: list[Path]) -> None:
    open_files(page, *views)
    for key, cells in (("2", 1), ("3", 2), ("1", 4)):
        page.keyboard.press(key)
        expect(page.locator(".vmx-cell")).to_have_count(cells)
    page.keyboard.press("4")
    expect(page.locator(".vmx-cell")).to_have_count(4)
    expect(page.locator(".vmx-hint")).to_contain_text("pictures of two dates")
    plain, _, _ = shades_of(page)
    page.keyboard.press("i")
    page.wait_for_timeout(300)
    turned, _, _ = shades_of(page)
    inside = plain > 40
    assert inside.any()
    assert np.abs(plain + turned - 255)[inside].max() <= 1

    page.keyboard.press("l")
    expect(page.get_by_label("Link zoom and movement")).to_have_value("same side")
    scales = [cell_of(page, number)["scale"] for number in range(4)]
    page.keyboard.press("+")
    page.wait_for_timeout(200)
    zoomed = [cell_of(page, number)["scale"] for number in range(4)]
    assert [z > s for z, s in zip(zoomed, scales, strict=True)] == [True, False, True, False]

    page.keyboard.press("0")
    page.wait_for_timeout(200)
    assert [cell_of(page, number)["scale"] for number in range(4)] == pytest.approx(scales)
    assert page.evaluate("vmLightBox.invert") is False
    page.keyboard.press("?")
    expect(page.get_by_role("dialog", name="Keys of the light box")).to_be_visible()
    page.screenshot(path=SHOTS / "light-box-keys.png")
    page.keyboard.press("Escape")
    expect(page.get_by_role("dialog")).to_have_count(0)

    cell = cell_of(page, 3)
    page.mouse.dblclick(cell["x"] + cell["w"] / 2, cell["y"] + cell["h"] / 2)
    expect(page.locator(".vmx-name")).to_have_text("L MLO")
    page.mouse.dblclick(cell["x"], cell["y"])
    expect(page.locator(".vmx-cell")).to_have_count(4)


def test_every_control_has_a_name_and_the_wheel_of_a_phone_scrolls(
    page: Page, views: list[Path]
) -> None:
    page.set_viewport_size({"width": 390, "height": 844})
    open_files(page, *views)
    for control in page.locator(
        "#vm-lightbox button, #vm-lightbox select, #vm-lightbox input"
    ).all():
        name = control.get_attribute("aria-label") or control.inner_text()
        assert name.strip()
    assert page.evaluate("getComputedStyle(vmLightBox.stage).touchAction") == "pan-x pan-y"
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
    page.screenshot(path=SHOTS / "light-box-phone.png")


def test_two_fingers_zoom_and_mirrored_pictures_move_mirrored(
    page: Page, views: list[Path]
) -> None:
    open_files(page, *views)
    cell = cell_of(page)
    x, y = cell["x"] + cell["w"] / 2, cell["y"] + cell["h"] / 2
    session = page.context.new_cdp_session(page)
    session.send("Emulation.setTouchEmulationEnabled", {"enabled": True, "maxTouchPoints": 2})
    for kind, apart in (("touchStart", 30), ("touchMove", 45), ("touchMove", 60), ("touchEnd", 0)):
        points = [{"x": x - apart, "y": y, "id": 0}, {"x": x + apart, "y": y, "id": 1}]
        session.send(
            "Input.dispatchTouchEvent",
            {"type": kind, "touchPoints": points if apart else []},
        )
    page.wait_for_timeout(300)
    assert cell_of(page)["scale"] == pytest.approx(2 * cell["scale"], rel=0.1)

    page.keyboard.press("0")
    page.get_by_label("Link zoom and movement").select_option("same projection")
    page.keyboard.press("+")
    before = page.evaluate("vmLightBox.cells.map((one) => one.view.cx)")
    page.evaluate("vmLightBox.pan(vmLightBox.cells[0], -30, 0)")
    after = page.evaluate("vmLightBox.cells.map((one) => one.view.cx)")
    moved = [b - a for a, b in zip(before, after, strict=True)]
    mirrored = [cell_of(page, number)["mirrored"] for number in range(2)]
    turned = 1 if mirrored[0] == mirrored[1] else -1
    # to the left here is to the right there: towards the nipple in both
    assert moved[1] * turned == pytest.approx(-moved[0], rel=0.05)
    assert moved[2:] == [0, 0]


def test_life_size_asks_for_the_width_of_a_card_once(page: Page, views: list[Path]) -> None:
    open_files(page, *views)
    page.keyboard.press("m")
    dialogue = page.get_by_role("dialog", name="Measure this screen")
    dialogue.get_by_label("Width of the bar in pixels").fill("428")
    dialogue.get_by_role("button", name="It fits").click()
    page.wait_for_timeout(300)
    spacing = load_image(views[0])[0].told.spacing_mm
    assert spacing is not None
    assert cell_of(page)["scale"] == pytest.approx(428 / 85.6 * spacing[1], rel=1e-3)
    page.keyboard.press("0")
    page.locator(".vmx-stage").focus()
    page.keyboard.press("m")
    expect(page.get_by_role("dialog")).to_have_count(0)


def test_boxes_heat_and_outline_are_layers_and_a_box_finds_its_words(
    talk: Page, views: list[Path]
) -> None:
    open_files(talk, *views)
    box = talk.locator(".vmx-box")
    expect(box).to_contain_text("mass 0.90")
    talk.keyboard.press("b")
    expect(box).to_be_hidden()
    talk.keyboard.press("b")
    talk.keyboard.press("h")
    talk.keyboard.press("o")
    expect(talk.locator(".vmx-heat")).to_be_visible()
    talk.get_by_label("Strength of the heat map").fill("90")
    expect(talk.locator(".vmx-heat")).to_have_css("opacity", "0.9")
    talk.screenshot(path=SHOTS / "light-box-layers.png")
    name = box.get_attribute("data-box-id")
    talk.evaluate(
        """(name) => {
          document.addEventListener('vm-box-selected', (event) => { window.told = event.detail; });
          const said = document.createElement('button');
          said.dataset.boxId = name; said.id = 'said'; said.textContent = 'the mass';
          document.querySelector('#vm-chat').append(said);
        }""",
        name,
    )
    box.click()
    assert talk.evaluate("window.told.id") == name
    expect(talk.locator("#said")).to_have_class("vm-box-current")
    scale = cell_of(talk)["scale"]
    talk.keyboard.press("2")
    talk.keyboard.press("2")  # another picture
    talk.click("#said")
    expect(talk.locator(".vmx-box.vmx-selected")).to_be_in_viewport()
    assert cell_of(talk)["scale"] > scale
    talk.fill("#vm-question textarea", "What is this?")
    talk.keyboard.press("Enter")
    expect(talk.locator(".vmx-box.vmx-answer")).to_have_count(1, timeout=30_000)


def test_priors_hang_beside_current_pictures(page: Page, tmp_path: Path) -> None:
    write_phantoms(tmp_path / "two", PhantomSettings(exams=1, seed=4, height=256, dates=2))
    open_files(page, *sorted((tmp_path / "two" / "images").rglob("*.dcm")))
    expect(page.locator(".vmx-cell")).to_have_count(4)
    page.keyboard.press("4")
    expect(page.locator(".vmx-cell")).to_have_count(2)
    expect(page.locator(".vmx-name").first).to_contain_text("months earlier")
    page.screenshot(path=SHOTS / "light-box-priors.png")
