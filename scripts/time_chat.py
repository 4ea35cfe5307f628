"""How long a person waits: from start to a page, from dropping a picture to seeing it, to a word.

Starts `versamammo chat` itself and drives an installed Chromium.

    python scripts/time_chat.py MAMMOGRAM [--model DIR] [--question "Is there a mass?"]
"""

from __future__ import annotations

import argparse
import re
import shutil
import subprocess
import sys
import time
from pathlib import Path

from playwright.sync_api import expect, sync_playwright

LONGEST = 120_000  # milliseconds that anything may take


def main() -> None:
    made = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    made.add_argument("picture", type=Path)
    made.add_argument("--model", default="")
    made.add_argument("--question", default="Which BI-RADS category fits?")
    args = made.parse_args()
    begun = time.monotonic()
    command = [sys.executable, "-m", "app.cli", "chat", "--port", "0", "--model", args.model]
    server = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    try:
        url = wait_for_address(server)
        print(f"from start to ready: {time.monotonic() - begun:.1f} s")
        drive(url, args.picture, args.question)
    finally:
        server.terminate()
        server.wait()


def wait_for_address(server: subprocess.Popen[str]) -> str:
    assert server.stdout is not None
    for line in server.stdout:
        print(f"  {line.rstrip()}")
        if found := re.search(r"http://\S+", line):
            return found[0]
    sys.exit("the server did not start")


def drive(url: str, picture: Path, question: str) -> None:
    with sync_playwright() as playwright:
        # Chromium's own sandbox cannot be set up by root in a container
        browser = playwright.chromium.launch(
            executable_path=shutil.which("chromium"), args=["--no-sandbox"]
        )
        page = browser.new_page(viewport={"width": 1440, "height": 1000})
        begun = time.monotonic()
        page.goto(url)
        expect(page.locator("#vm-question textarea")).to_be_visible(timeout=LONGEST)
        print(f"from the address to a page: {time.monotonic() - begun:.1f} s")
        begun = time.monotonic()
        page.set_input_files("#vm-files input[type=file]", str(picture))
        expect(page.locator(".vmx-stage")).to_be_visible(timeout=LONGEST)
        print(f"from dropping {picture.name} to the picture: {time.monotonic() - begun:.1f} s")
        page.fill("#vm-question textarea", question)
        asked = time.monotonic()
        page.keyboard.press("Enter")
        # the first thing shown is an ellipsis; a word is the first letter after it
        expect(page.locator("#vm-chat .bot.message").nth(1)).to_contain_text(
            re.compile("[A-Za-z]"), timeout=LONGEST
        )
        now = time.monotonic()
        print(f"from asking {question!r} to the first word: {now - asked:.1f} s")
        browser.close()


if __name__ == "__main__":
    main()
