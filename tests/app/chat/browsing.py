"""How the browser tests open a page, drop files and wait for what is shown."""

from __future__ import annotations

import hashlib
import shutil
import subprocess
import tarfile
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Page, expect, sync_playwright

RUNS = Path(__file__).parents[3] / "runs"
SHOTS = RUNS / "browser"
CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")
DESKTOP, LAPTOP, PHONE = (1440, 900), (1280, 720), (390, 844)
FOUR = "Mammogram: R CC, L CC, R MLO, L MLO"
AXE = "4.14.1"  # axe-core (MPL-2.0), fetched for the tests only
AXE_SHA256 = "29348999450cdf2849a8e70b7912fc2da85a849da39c0d0d5394f51d4a9ed95c"
expect.set_options(timeout=30_000)  # a busy machine


def opened(address: str, size: tuple[int, int] = DESKTOP, **context: Any) -> Iterator[Page]:
    """Open a page, and make sure in the end that it asked nobody else for anything."""
    if CHROMIUM is None:
        pytest.skip("no chromium is installed")
    SHOTS.mkdir(parents=True, exist_ok=True)
    with sync_playwright() as playwright:
        # Chromium's own sandbox cannot be set up by root in a container
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        viewport = {"width": size[0], "height": size[1]}
        made = browser.new_context(viewport=viewport, **context).new_page()  # type: ignore[arg-type]
        asked: list[str] = []
        made.on("request", lambda request: asked.append(request.url))
        made.set_default_timeout(120_000)  # a busy machine
        made.goto(address)
        expect(made.locator("#vm-files button").first).to_be_visible(timeout=120_000)
        yield made
        made.wait_for_load_state()
        elsewhere = [url for url in asked if not url.startswith((address, "data:", "blob:"))]
        browser.close()
        assert elsewhere == []


def drop(page: Page, *files: Path) -> None:
    """Choose files as by a click on the box."""
    page.set_input_files("#vm-files input[type=file]", [str(file) for file in files])


def example(page: Page, number: int = 1) -> None:
    """Open an example, from the empty page or from the sheet of another exam."""
    chosen, another = page.locator(f"#vm-example-{number}"), page.locator("#vm-another")
    either = chosen.or_(another).filter(visible=True).first
    expect(either).to_be_visible()  # a page draws part by part
    if not chosen.is_visible():
        another.click()
    chosen.click()


def shows(page: Page, label: str, seconds: float = 90) -> None:
    """Wait until the light box shows an exam, every picture in full."""
    for _ in range(round(seconds * 4)):
        if page.evaluate("window.vmLightBox?.scene?.label ?? ''") == label:
            break
        page.wait_for_timeout(250)
    assert page.evaluate("window.vmLightBox?.scene?.label ?? ''") == label
    for _ in range(round(seconds * 4)):
        if page.evaluate(
            "window.vmLightBox.scene.pictures.every((one) => one.complete || one.failed)"
        ):
            return
        page.wait_for_timeout(250)
    raise AssertionError("a picture never came in full")


def ask(page: Page, question: str) -> None:
    """Type a question and send it."""
    page.fill("#vm-question textarea", question)
    page.press("#vm-question textarea", "Enter")


def resize(page: Page, size: tuple[int, int]) -> None:
    """Set another size of the window, and the page time to settle."""
    page.set_viewport_size({"width": size[0], "height": size[1]})
    page.wait_for_timeout(400)


def axe_source() -> str:
    """Return the text of axe-core, fetched once by npm and checked.

    Skips the test where it cannot be had.
    """
    kept = RUNS / f"axe-core-{AXE}" / "axe.min.js"
    if not kept.is_file():
        _fetch(kept)
    text = kept.read_bytes()
    assert hashlib.sha256(text).hexdigest() == AXE_SHA256, "another file than was reviewed"
    return text.decode()


def _fetch(kept: Path) -> None:
    npm = shutil.which("npm")
    if npm is None:
        pytest.skip("axe-core is fetched by npm, which is not installed")
    with tempfile.TemporaryDirectory() as folder:
        command = [npm, "pack", f"axe-core@{AXE}", "--silent", "--pack-destination", folder]
        try:
            subprocess.run(command, check=True, capture_output=True, timeout=120)
        except (subprocess.SubprocessError, OSError):
            pytest.skip("axe-core could not be fetched: the npm registry is not reachable")
        with tarfile.open(next(Path(folder).glob("*.tgz"))) as archive:
            member = archive.extractfile("package/axe.min.js")
            assert member is not None
            kept.parent.mkdir(parents=True, exist_ok=True)
            kept.write_bytes(member.read())


def violations(page: Page) -> list[str]:
    """Return what axe-core objects to on the page as it stands."""
    page.wait_for_timeout(500)  # colours fade over
    if not page.evaluate("'axe' in window"):
        page.evaluate(axe_source())
    found = page.evaluate("axe.run(document, {resultTypes: ['violations']})")["violations"]
    return [
        f"{one['id']}: {node['target']} {node['failureSummary'][:200]}"
        for one in found
        for node in one["nodes"]
    ]
