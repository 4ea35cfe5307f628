"""Many visitors one after the other: what the chat's server keeps in memory of those who left.

Each visitor is a browser of its own that drops four pictures, asks one question and leaves; the
page's configuration is fetched in between. Memory should rise for the first visitors and then
stay where it is. In the end twenty visitors stay, and the configuration is fetched again.

    python scripts/soak_chat.py [--pictures FOLDER] [--visitors 200] [--model none]
"""

from __future__ import annotations

import argparse
import csv
import re
import shutil
import signal
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
import psutil
from playwright.sync_api import Browser, BrowserContext, expect, sync_playwright

ROOT = Path(__file__).parents[1]
FILMS = ROOT.parent / "shared" / "data" / "cbis_ddsm"
PICTURES = (".jpg", ".jpeg", ".png", ".tif", ".tiff", ".pgm", ".dcm")
EACH = 4  # pictures of one visitor
STEP = 50  # visitors between two lines
STAYING = 20
PATIENCE = 120_000  # milliseconds


def main() -> None:
    """Send the visitors and print what the server keeps."""
    made = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    made.add_argument("--pictures", type=Path, default=FILMS, help="folder, searched all through")
    made.add_argument("--visitors", type=int, default=200)
    made.add_argument("--model", default="", help="as of `versamammo chat`")
    args = made.parse_args()
    # stopped by a signal, it stops its server too
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    files = pictures_of(args.pictures)
    print(f"{len(files)} pictures of {args.pictures}, {EACH} for each of {args.visitors} visitors")
    with server(args.model) as (url, process), sync_playwright() as playwright:
        # Chromium's own sandbox cannot be set up by root in a container
        browser = playwright.chromium.launch(
            executable_path=shutil.which("chromium"), args=["--no-sandbox"]
        )
        print(f"before the first: {told(process)}", flush=True)
        started = time.monotonic()
        for number in range(1, args.visitors + 1):
            visit(browser, url, take(files, number)).close()
            httpx.get(f"{url}/config").raise_for_status()
            if number % STEP == 0 or number == args.visitors:
                each = (time.monotonic() - started) / number
                print(f"after {number}: {told(process)}; {each:.1f} s each", flush=True)
        staying = [visit(browser, url, take(files, number)) for number in range(STAYING)]
        print(f"with {len(staying)} exams open: {told(process)}; GET /config {timed(url)}")
        browser.close()


def pictures_of(folder: Path) -> list[Path]:
    """Return all pictures in a folder; of CBIS-DDSM those for training."""
    table = folder / "manifest.csv"
    if folder == FILMS and table.is_file():
        with table.open(newline="") as stream:
            rows = [row for row in csv.DictReader(stream) if row["split"] == "train"]
        files = [folder / row["file"] for row in rows]
    else:
        files = [p for p in sorted(folder.rglob("*")) if p.suffix.lower() in PICTURES]
    if len(files) < EACH:
        raise SystemExit(f"{folder}: {len(files)} pictures; expected at least {EACH}")
    return files


def take(files: list[Path], number: int) -> list[Path]:
    """Return the pictures of one visitor, four others each time until all were seen."""
    return [files[(EACH * number + i) % len(files)] for i in range(EACH)]


@contextmanager
def server(model: str) -> Iterator[tuple[str, psutil.Process]]:
    """Start the chat on a free port; gives its address and process."""
    command = [sys.executable, "-m", "app.cli", "chat", "--port", "0", "--model", model]
    with (
        tempfile.TemporaryFile("w+") as errors,
        subprocess.Popen(
            command, cwd=ROOT, stdout=subprocess.PIPE, stderr=errors, text=True
        ) as started,
    ):
        assert started.stdout is not None
        try:
            for line in started.stdout:
                if found := re.search(r"http://\S+", line):
                    yield found[0].rstrip("/"), psutil.Process(started.pid)
                    break
        finally:
            started.terminate()
        started.wait()
        errors.seek(0)
        print(errors.read(), end="")


def visit(browser: Browser, url: str, files: list[Path]) -> BrowserContext:
    """Drop pictures, ask a question, and stay."""
    context = browser.new_context(viewport={"width": 1360, "height": 1000})
    page = context.new_page()
    page.goto(url)
    page.set_input_files("#vm-files input[type=file]", [str(file) for file in files])
    expect(page.locator(".vmx-stage")).to_be_visible(timeout=PATIENCE)
    page.locator("#vm-suggest button").first.click()
    told = page.locator("#vm-chat .bot.message").nth(1)
    expect(told).to_contain_text(re.compile(r"\w{3}"), timeout=PATIENCE)
    return context


def told(process: psutil.Process) -> str:
    """Return the server's memory in words."""
    return f"{process.memory_info().rss / 1e6:.0f} MB"


def timed(url: str, times: int = 11) -> str:
    """Return how long the page's configuration takes."""
    seconds = []
    for _ in range(times):
        start = time.monotonic()
        httpx.get(f"{url}/config").raise_for_status()
        seconds.append(time.monotonic() - start)
    return f"p50 {statistics.median(seconds):.3f} s, most {max(seconds):.3f} s"


if __name__ == "__main__":
    main()
