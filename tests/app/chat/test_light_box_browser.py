"""The light box in an installed Chromium: window, zoom, measuring, keys, layers, true pixels."""

from __future__ import annotations

import base64
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from playwright.sync_api import Page, expect

from app.chat.evidence.exam import ExamImage, load_image
from app.chat.viewer.pixels import MARGIN
from tests.app.chat.test_browser import GE, SHOTS, drop, opened
from tests.versamammo.imaging.test_against_dcmtk import show_with_dcmtk, stored_uncompressed
from versamammo.phantoms import PhantomSettings, write_phantoms

pytestmark = pytest.mark.browser

COMPLETE = "window.vmLightBox?.scene?.pictures.every((one) => one.complete || one.failed)"
WINDOW = """([number, window]) => {
  const picture = vmLightBox.scene.pictures.find((one) => one.number === number);
  picture.now = window ?? {...picture.window};
}"""


@pytest.fixture
def page(server: tuple[str, Path]) -> Iterator[Page]:
    yield from opened(server[0])


@pytest.fixture
def talk(talking: tuple[str, Path]) -> Iterator[Page]:
    yield from opened(talking[0])


def open_files(page: Page, *paths: Path) -> None:
    """Drop files and wait for their full resolution."""
    before = page.evaluate("window.vmLightBox?.opened ?? 0")
    drop(page, *paths)
    page.wait_for_function(f"{COMPLETE} && vmLightBox.opened > {before}", timeout=120_000)
    page.locator("#vm-viewer").scroll_into_view_if_needed()
    page.wait_for_timeout(300)


def cell_of(page: Page, number: int = 0) -> dict[str, Any]:
    """Return where a cell lies in the window, in CSS pixels, and the state of its view."""
    return page.evaluate(  # type: ignore[no-any-return]
        """(number) => {
          const cell = vmLightBox.cells[number];
          const {left, top} = vmLightBox.stage.getBoundingClientRect();
          const {x, y, w, h} = cell.rect;
          return {x: left + x, y: top + y, w, h, scale: cell.view.scale,
                  mirrored: cell.picture.mirrored, now: cell.picture.now};
        }""",
        number,
    )


def file_point(page: Page, x: float, y: float, number: int = 0) -> tuple[float, float]:
    """Return the point of the file under a point of the window."""
    found = page.evaluate(
        """([x, y, number]) => {
          const {left, top} = vmLightBox.stage.getBoundingClientRect();
          const {origin, rect} = vmLightBox.readBack(number);
          const {view, picture} = vmLightBox.cells[number];
          const sx = picture.mirrored ? -view.scale : view.scale;
          return [(x - left - origin[0]) / sx, (y - top - origin[1]) / view.scale];
        }""",
        [x, y, number],
    )
    return found[0], found[1]


def shades_of(page: Page, number: int = 0) -> tuple[np.ndarray, list[float], dict[str, int]]:
    """Return the shades [rows, columns] of a cell, where its picture begins, and the cell."""
    told = page.evaluate(
        """(number) => {
          const {shades, origin, rect} = vmLightBox.readBack(number);
          let text = '';
          for (let i = 0; i < shades.length; i += 8192)
            text += String.fromCharCode(...shades.subarray(i, i + 8192));
          return {shades: btoa(text), origin, rect};
        }""",
        number,
    )
    rect = told["rect"]
    flat = np.frombuffer(base64.b64decode(told["shades"]), np.uint8)
    return flat.reshape(rect["h"], rect["w"]).astype(int), told["origin"], rect


def drag(page: Page, start: tuple[float, float], by: tuple[float, float], button: str) -> None:
    page.mouse.move(*start)
    page.mouse.down(button=button)  # type: ignore[arg-type]
    page.mouse.move(start[0] + by[0], start[1] + by[1], steps=4)
    page.mouse.up(button=button)  # type: ignore[arg-type]


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


def truth_differs(page: Page, image: ExamImage, levels: np.ndarray) -> int:
    """Return the largest difference between the canvas at 1:1 and DCMTK's levels [H, W].

    Burned-in marks, which are covered, and padding, which is always dark, are left out.
    """
    known = np.ones(image.size, bool)
    for mark in image.breast.marks if image.breast is not None else ():
        x1, y1, x2, y2 = (round(side) for side in mark.as_tuple())
        known[max(0, y1 - MARGIN) : y2 + MARGIN, max(0, x1 - MARGIN) : x2 + MARGIN] = False
    if image.display.padding is not None:
        first, last = image.display.padding
        known &= (image.stored < first) | (image.stored > last)
    rows, columns = image.size
    seen = np.zeros(image.size, bool)
    most = 0
    for cx in range(columns // 6, columns, columns // 3):
        for cy in range(rows // 6, rows, rows // 3):
            page.evaluate(
                """([cx, cy]) => {
                  vmLightBox.trueSize(() => 1);
                  Object.assign(vmLightBox.cells[0].view, {cx, cy, fitted: false});
                }""",
                [cx, cy],
            )
            shades, origin, rect = shades_of(page)
            mirrored = cell_of(page)["mirrored"]
            x = np.arange(shades.shape[1]) + rect["x"] - round(origin[0])
            y = np.arange(shades.shape[0]) + rect["y"] - round(origin[1])
            x = -1 - x if mirrored else x
            at = np.ix_(y[(y >= 0) & (y < rows)], x[(x >= 0) & (x < columns)])
            mine = shades[np.ix_((y >= 0) & (y < rows), (x >= 0) & (x < columns))]
            apart = np.abs(mine - levels[at].astype(int))[known[at]]
            most = max(most, int(apart.max(initial=0)))
            seen[at] = True
    assert seen.mean() > 0.3, "too little of the picture was compared"
    return most


needs_dcmtk = pytest.mark.skipif(shutil.which("dcmj2pnm") is None, reason="DCMTK is not installed")


@needs_dcmtk
@pytest.mark.parametrize("renderer", ["cpu", "gpu"])
def test_real_files_are_shown_as_dcmtk_shows_them(
    page: Page, real: Path, tmp_path: Path, renderer: str
) -> None:
    page.goto(f"{page.url}?renderer={renderer}")
    ge, j2k = real / GE, real / "dicom" / "MG1_J2KI.dcm"
    plain = stored_uncompressed(j2k, tmp_path)
    for path, shown, center, width in ((ge, ge, 2400, 1500), (j2k, plain, 1500, 2001)):
        open_files(page, path)
        image, _ = load_image(path)
        given = {"kind": "LINEAR", "center": center, "width": width}
        page.evaluate(WINDOW, [0, given])
        levels = show_with_dcmtk(shown, tmp_path, "+Ww", str(center), str(width), "+Wfl")
        assert truth_differs(page, image, levels) <= 1
        page.evaluate(WINDOW, [0, None])
        assert truth_differs(page, image, show_with_dcmtk(shown, tmp_path, "+Wi", "1")) <= 1
    assert ("WebGL2" in page.evaluate("vmLightBox.renderer.name")) is (renderer == "gpu")
    page.screenshot(path=SHOTS / f"light-box-true-size-{renderer}.png")


@needs_dcmtk
def test_phantom_encodings_are_shown_as_dcmtk_shows_them(page: Page, tmp_path: Path) -> None:
    write_phantoms(tmp_path / "some", PhantomSettings(exams=4, seed=2, height=192))
    tried = set()
    for path in sorted((tmp_path / "some" / "images").rglob("*.dcm")):
        image, _ = load_image(path)
        display = image.display
        kind = (display.window.kind if display.in_file_units else "TABLE", display.inverse)
        syntax = image.told.provenance.transfer_syntax or ""
        if kind in tried or syntax.startswith("1.2.840.10008.1.2.4.9") or len(tried) == 3:
            continue  # DCMTK opens no JPEG 2000
        family = "jpegls" if syntax in ("1.2.840.10008.1.2.4.80", "1.2.840.10008.1.2.4.81") else ""
        option = ("+Wl", "1") if kind[0] == "TABLE" else ("+Wi", "1")
        levels = show_with_dcmtk(path, tmp_path, *option, family=family)
        open_files(page, path)
        assert truth_differs(page, image, levels) <= 1, kind
        if kind[0] != "TABLE":
            given = {"kind": "LINEAR", "center": 1900, "width": 900}
            page.evaluate(WINDOW, [0, given])
            levels = show_with_dcmtk(path, tmp_path, "+Ww", "1900", "900", "+Wfl", family=family)
            assert truth_differs(page, image, levels) <= 1, kind
        tried.add(kind)
    assert len(tried) == 3, tried
