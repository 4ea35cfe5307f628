"""How the browser tests look into the light box: its cells, its points and its shades."""

from __future__ import annotations

import base64
from pathlib import Path
from typing import Any

import numpy as np
from playwright.sync_api import Page

from tests.app.chat.test_browser import drop

COMPLETE = "window.vmLightBox?.scene?.pictures.every((one) => one.complete || one.failed)"
WINDOW = """([number, window]) => {
  const picture = vmLightBox.scene.pictures.find((one) => one.number === number);
  picture.now = window ?? {...picture.window};
}"""


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
