"""Takes the pictures of the chat that the documentation shows, in an installed Chromium.

    python scripts/chat_screenshots.py [--model DIR] [--out docs/images]

Of phantoms, which are invented pictures, and of the films of CBIS-DDSM that come as an example.
"""

from __future__ import annotations

import argparse
import shutil
import tempfile
from pathlib import Path

from PIL import Image
from playwright.sync_api import Page, expect, sync_playwright

from app.chat.chat_command import free_port, open_models, serve
from app.chat.session.example_exam import SETTINGS
from versamammo.phantoms import write_phantoms

FILMS = 5  # number of the example of two real films
COLOURS = 64  # of a saved picture: a screenshot is mostly flat


def main() -> None:
    made = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    made.add_argument("--model", default="")
    made.add_argument("--out", type=Path, default=Path("docs/images"))
    args = made.parse_args()
    models = open_models(args.model)
    with tempfile.TemporaryDirectory() as folder, sync_playwright() as playwright:
        desk, url, page = serve(
            "127.0.0.1", free_port(), Path(folder) / "home",
            answerer=models.answerer, finder=models.finder, real=models.real,
        )  # fmt: skip
        # Chromium's own sandbox cannot be set up by root in a container
        browser = playwright.chromium.launch(
            executable_path=shutil.which("chromium"), args=["--no-sandbox"]
        )

        def opened() -> Page:  # a tab of its own: an exam survives a reload of its tab
            view = browser.new_page(viewport={"width": 1360, "height": 860})
            view.goto(url)
            return view

        save(ask(opened(), 1, "Is there a mass?"), args.out / "chat_exam.png")
        save(ask(opened(), FILMS, "Where is the lesion?"), args.out / "chat_film.png")
        save(refuse(opened(), Path(folder)), args.out / "chat_refused.png")
        browser.close()
        page.close(verbose=False)
        desk.close()


def ask(view: Page, example: int, question: str) -> bytes:
    """Open an example and ask."""
    view.click(f"#vm-example-{example}")
    seen(view)
    view.fill("#vm-question textarea", question)
    view.press("#vm-question textarea", "Enter")
    expect(view.locator("#vm-chat .bot.message")).to_have_count(2)  # the first tells the exam
    view.wait_for_timeout(2000)
    expect(view.locator("#vm-send")).to_be_visible(timeout=60_000)
    return shot(view)


def refuse(view: Page, folder: Path) -> bytes:
    """Drop a text beside four pictures."""
    write_phantoms(folder / "phantom", SETTINGS)
    note = folder / "letter.txt"
    note.write_text("no picture")
    files = sorted((folder / "phantom" / "images").rglob("*.dcm"))
    view.set_input_files("#vm-files input[type=file]", [str(file) for file in (note, *files)])
    seen(view)
    return shot(view)


def seen(view: Page) -> None:
    """Wait until the light box shows every picture in full."""
    expect(view.locator(".vmx-stage")).to_be_visible(timeout=120_000)
    complete = "window.vmLightBox.scene.pictures.every((one) => one.complete || one.failed)"
    while not view.evaluate(complete):
        view.wait_for_timeout(500)


def shot(view: Page) -> bytes:
    """Take what is in the window, once pictures and colours have settled."""
    view.evaluate("scrollTo(0, 0)")
    view.wait_for_timeout(1500)
    return view.screenshot()


def save(png: bytes, path: Path) -> None:
    """Save with few colours, which makes a screenshot small."""
    with tempfile.NamedTemporaryFile(suffix=".png") as file:
        Path(file.name).write_bytes(png)
        picture = Image.open(file.name).convert("RGB")
    path.parent.mkdir(parents=True, exist_ok=True)
    picture.quantize(COLOURS, dither=Image.Dither.NONE).save(path, optimize=True)
    print(f"{path}: {path.stat().st_size / 1000:.0f} kB")


if __name__ == "__main__":
    main()
