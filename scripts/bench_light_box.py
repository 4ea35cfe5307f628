"""How fast the light box is, in an installed Chromium, and what the server holds in memory.

Starts `versamammo chat` itself. Printed are the time from dropping a file to its full resolution,
the time from a step of the window to the frame after it for both ways of drawing, beside the same
with nothing to draw, and the server's memory with several exams of four pictures open.

    python scripts/bench_light_box.py GE.dcm [--exams 20] [--height 3000] [--model DIR]
"""

from __future__ import annotations

import argparse
import re
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

from playwright.sync_api import Browser, Page, sync_playwright
from time_chat import wait_for_address

from tests.app.chat.browsing import CHROMIUM, drop
from versamammo.phantoms import PhantomSettings, write_phantoms

STEPS = 50
COMPLETE = "window.vmLightBox?.scene?.pictures.every((one) => one.complete)"
TO_THE_FRAME = """async ([steps, draws]) => {
  const box = vmLightBox, taken = [];
  const frame = () => new Promise(requestAnimationFrame);
  const { left, top, width, height } = box.stage.getBoundingClientRect();
  box.stage.setPointerCapture = () => {};
  const move = (kind, by) => box.stage.dispatchEvent(new PointerEvent(kind, {
    bubbles: true, button: 2, buttons: 2, pointerId: 1, pointerType: 'mouse',
    clientX: left + width / 4 + by, clientY: top + height / 4 + by }));
  if (draws) move('pointerdown', 0);
  for (let step = 1; step <= steps; step++) {
    const began = performance.now();
    if (draws) move('pointermove', (step % 40) * 3);
    await frame();
    const gl = draws && box.renderer.gl;
    if (gl) gl.readPixels(0, 0, 1, 1, gl.RGBA, gl.UNSIGNED_BYTE, new Uint8Array(4));
    await frame();
    taken.push(performance.now() - began);
  }
  if (draws) move('pointerup', 0);
  taken.sort((one, other) => one - other);
  return [taken[steps >> 1], taken[Math.floor(steps * 0.9)]];
}"""


def main() -> None:
    made = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    made.add_argument("picture", type=Path)
    made.add_argument("--exams", type=int, default=20)
    made.add_argument("--height", type=int, default=3000)
    made.add_argument("--model", default=None)
    args = made.parse_args()
    command = [sys.executable, "-m", "app.cli", "chat", "--port", "0"]
    command += [] if args.model is None else ["--model", args.model]
    with tempfile.TemporaryDirectory() as folder:
        write_phantoms(Path(folder) / "four", PhantomSettings(exams=1, seed=4, height=args.height))
        four = sorted((Path(folder) / "four" / "images").rglob("*.dcm"))
        server = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
        try:
            address = wait_for_address(server).rstrip("/")
            with sync_playwright() as playwright:
                # Chromium's own sandbox cannot be set up by root in a container
                browser = playwright.chromium.launch(
                    executable_path=CHROMIUM, args=["--no-sandbox"]
                )
                print(f"Chromium {browser.version}, window of 1440 x 900")
                times(browser, address, args.picture, four)
                memory(browser, address, four, args.exams, server.pid)
                browser.close()
        finally:
            server.terminate()
            server.wait()


@contextmanager
def opened(browser: Browser, address: str, *files: Path) -> Iterator[Page]:
    """Open a page of its own session, drop files, and wait until all is there in full."""
    page = browser.new_context(viewport={"width": 1440, "height": 900}).new_page()
    page.set_default_timeout(120_000)
    page.goto(address)
    page.locator("#vm-files button").first.wait_for()
    page.wait_for_timeout(1000)
    page.evaluate("addEventListener('change', () => { window.dropped = performance.now(); }, true)")
    drop(page, *files)
    page.wait_for_function(COMPLETE)
    yield page
    page.context.close()


def times(browser: Browser, address: str, picture: Path, four: list[Path]) -> None:
    for files, what in (([picture], picture.name), (four, "four phantom pictures")):
        for way in ("cpu", "gpu"):
            with opened(browser, f"{address}/?renderer={way}", *files) as page:
                hung = page.evaluate("vmLightBox.opened - dropped")
                full = page.evaluate(
                    "Math.max(...vmLightBox.scene.pictures.map((one) => one.complete)) - dropped"
                )
                sent = page.evaluate("vmLightBox.scene.pictures.map((one) => one.bytes)")
                page.wait_for_timeout(1500)
                step, late = page.evaluate(TO_THE_FRAME, [STEPS, True])
                idle, _ = page.evaluate(TO_THE_FRAME, [STEPS, False])
                heap = page.evaluate("performance.memory.usedJSHeapSize") / 1e6
                print(
                    f"{what}, drawn by {page.evaluate('vmLightBox.renderer.name')}: "
                    f"hung after {hung / 1000:.1f} s, full after {full / 1000:.1f} s, "
                    f"sent {', '.join(f'{one / 1e6:.1f}' for one in sent)} MB; window step to "
                    f"frame, median of {STEPS}: {step:.0f} ms, 90th percentile {late:.0f} ms "
                    f"(nothing drawn: {idle:.0f} ms); script holds {heap:.0f} MB"
                )


def memory(browser: Browser, address: str, four: list[Path], exams: int, pid: int) -> None:
    print(f"server with no exam: {held(pid)}")
    with ExitStack() as pages:
        for number in range(1, exams + 1):
            pages.enter_context(opened(browser, address, *four))
            if number in (1, 5, 10, exams):
                print(f"server with {number} exams of four: {held(pid)}", flush=True)


def held(pid: int) -> str:
    """Return what a process holds of its own, and maps of files, in GB."""
    status = Path(f"/proc/{pid}/status").read_text()
    own, mapped = (
        int(re.search(rf"{key}:\s+(\d+)", status)[1]) / 1e6  # type: ignore[index]
        for key in ("RssAnon", "RssFile")
    )
    return f"{own:.2f} GB of its own, {mapped:.2f} GB mapped"


if __name__ == "__main__":
    main()
