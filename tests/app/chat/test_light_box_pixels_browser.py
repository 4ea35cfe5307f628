"""What the light box shows in an installed Chromium, against DCMTK."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from playwright.sync_api import Page

from app.chat.evidence.exam import ExamImage, load_image
from app.chat.viewer.pixels import MARGIN
from tests.app.chat.light_box_page import WINDOW, cell_of, open_files, shades_of
from tests.app.chat.test_browser import GE, SHOTS, opened
from tests.versamammo.imaging.test_against_dcmtk import show_with_dcmtk, stored_uncompressed
from versamammo.phantoms import PhantomSettings, write_phantoms

pytestmark = pytest.mark.browser


@pytest.fixture
def page(server: tuple[str, Path]) -> Iterator[Page]:
    yield from opened(server[0])


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
