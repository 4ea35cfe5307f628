"""Figures about the phantoms: texture exponent by density, images per second, a contact sheet.

    python scripts/phantom_figures.py [--patients 20] [--sheet docs/images/phantoms.png]
        [--only sheet|speed|spectrum]

The rates want a machine that does nothing else. All figures are phantom figures; phantoms are not
real data.
"""

from __future__ import annotations

import argparse
import time
from dataclasses import replace
from pathlib import Path

import cv2
import matplotlib.pyplot as plt
import numpy as np
from matplotlib.axes import Axes
from matplotlib.patches import Rectangle
from numpy.typing import NDArray
from PIL import Image

from versamammo.data.labels import Finding
from versamammo.errors import InputError
from versamammo.imaging.mammogram import Box
from versamammo.phantoms import PhantomExam, PhantomSettings, PhantomView, make_exam
from versamammo.phantoms.anatomy import draw_patient
from versamammo.phantoms.appearances import Appearance
from versamammo.phantoms.lesions import draw_truths
from versamammo.phantoms.spectrum import BAND_PER_MM, REGION_MM, interior, spectral_exponent

SEED = 2024
RESAMPLES = 2000
GREYS = 48  # grey levels of the sheet, to keep the file small
CLOSE_UP_MM = 44.0
CLOSE_UPS = (
    ("circumscribed", "circumscribed"),
    ("lobulated", "lobulated"),
    ("indistinct", "indistinct"),
    ("spiculated", "spiculated"),
    ("fine pleomorphic", "fine pleomorphic"),
    ("fine linear or fine-linear branching", "fine-linear"),
    ("vascular", "vascular"),
    ("distortion", "distortion"),
)


def settings_of(density: int, height: int, lesion_rate: float = 0.0) -> PhantomSettings:
    prior = tuple(float(k == density) for k in range(4))
    return PhantomSettings(seed=SEED, height=height, lesion_rate=lesion_rate, density_prior=prior)


def exponent(view: PhantomView) -> float:
    """Measure one view; NaN where no square fits between skin and muscle."""
    try:
        return spectral_exponent(view.pixels, interior(view), view.spacing_mm)
    except InputError as error:
        if error.reason != "no-region":
            raise
        return float("nan")


def print_exponents(patients: int) -> None:
    """Print the mean exponent of each class, over one mean per patient."""
    rng = np.random.default_rng(SEED)
    print(
        f"spectral exponent beta, {BAND_PER_MM[0]} to {BAND_PER_MM[1]} cycles/mm, squares of "
        f"{REGION_MM:.0f} mm, {patients} phantom patients x 4 views at 1,024 rows per class; "
        f"95 % interval of the mean by bootstrap over patients (seed {SEED})"
    )
    for density, name in enumerate("ABCD"):
        settings = settings_of(density, 1024)
        measured = np.array([
            [exponent(view) for view in make_exam(settings, index).views]
            for index in range(patients)
        ])  # fmt: skip
        fitting = ~np.isnan(measured).all(axis=1)
        values = np.nanmean(measured[fitting], axis=1)
        means = rng.choice(values, (RESAMPLES, values.size)).mean(axis=1)
        low, high = np.quantile(means, (0.025, 0.975))
        print(
            f"  {name}: {values.mean():.2f} [{low:.2f}, {high:.2f}], patients "
            f"{values.min():.2f} to {values.max():.2f}; {np.isnan(measured).sum()} of "
            f"{measured.size} views too small for a square"
        )


def print_speed(height: int, exams: int) -> None:
    settings = PhantomSettings(seed=SEED, height=height)
    make_exam(settings, exams)  # kernels that depend on the raster are kept for later exams
    started, work = time.perf_counter(), time.process_time()
    for index in range(exams):
        make_exam(settings, index)
    wall, cpu = time.perf_counter() - started, time.process_time() - work
    images = 4 * exams
    print(
        f"{height} rows: {images / wall:.1f} images/s by the clock, {images / cpu:.1f} per second "
        f"of one core ({images} images, pixels and truth, no DICOM)"
    )


def words_of(seen: Finding | Appearance) -> tuple[str | None, ...]:
    return seen.kind, seen.shape, seen.margin, seen.morphology


def obvious(word: str, settings: PhantomSettings, vendors: str = "ABC") -> PhantomExam:
    """Find an exam whose first lesion is of a kind and shows well; labels hold at any height."""
    small = replace(settings, height=256)
    for index in range(3000):
        patient = draw_patient(settings, index)
        looks = [t.lesions[0].look for t in draw_truths(settings, patient) if t.lesions]
        if any(word in words_of(look) for look in looks) and patient.machine.vendor[-1] in vendors:
            found = [f for view in make_exam(small, index).views for f in view.labels.findings]
            grades = [f.subtlety for f in found if word in words_of(f)]
            if max(grades) >= 4:
                return make_exam(settings, index)
    raise LookupError(word)


def close_up(exam: PhantomExam, word: str) -> NDArray[np.float32]:
    """Cut a square around the lesion in the view that shows it better."""
    best: tuple[float, PhantomView, Box] | None = None
    for view in exam.views:
        for finding in view.labels.findings:
            better = best is None or finding.subtlety > best[0]
            if word in words_of(finding) and finding.box is not None and better:
                best = finding.subtlety, view, finding.box
    assert best is not None
    _, view, box = best
    half = round(CLOSE_UP_MM / 2 / view.spacing_mm)
    x, y = round((box.x1 + box.x2) / 2), round((box.y1 + box.y2) / 2)
    return np.pad(view.pixels, half)[y : y + 2 * half, x : x + 2 * half]


def show(axes: Axes, pixels: NDArray[np.float32], caption: str) -> None:
    axes.imshow(pixels, cmap="gray", vmin=0, vmax=1, interpolation="antialiased")
    axes.set_title(caption, fontsize=7, color="white", pad=2)
    axes.set_axis_off()


def show_view(axes: Axes, view: PhantomView, caption: str, share: float) -> None:
    """Show the `share` of the columns at the chest wall, with boxes."""
    width = view.pixels.shape[1]
    kept = round(share * width)
    left = 0 if view.breast[:, 0].any() else width - kept
    show(axes, view.pixels[:, left : left + kept], caption)
    for finding in view.labels.findings:
        if finding.box is not None:
            corner = (finding.box.x1 - left, finding.box.y1)
            size = finding.box.width, finding.box.height
            axes.add_patch(Rectangle(corner, *size, fill=False, edgecolor="white", lw=0.6))


def draw_sheet(path: Path) -> None:
    """Draw densities A to D, one exam and close-ups of lesions as one small PNG."""
    figure = plt.figure(figsize=(7.6, 9.6), facecolor="black", dpi=100)
    rows = figure.subfigures(3, 1, height_ratios=(1.0, 1.0, 1.05))
    for row in rows:
        row.set_facecolor("black")
    for density, axes in enumerate(rows[0].subplots(1, 4)):
        views = make_exam(settings_of(density, 1024), 5).views
        chosen = next(v for v in views[2:] if v.breast[:, 0].any())
        name = f"{chosen.laterality} {chosen.view}"
        show_view(axes, chosen, f"phantom, density {'ABCD'[density]}, {name}", 0.72)
    ill = PhantomSettings(seed=SEED, lesion_rate=1.0, density_prior=(0.4, 0.6, 0.0, 0.0))
    exam = obvious("spiculated", replace(ill, height=1024))
    for view, axes in zip(exam.views, rows[1].subplots(1, 4), strict=True):
        show_view(axes, view, f"one phantom exam, {view.laterality} {view.view}", 0.72)
    sharp = replace(ill, height=2048)
    for (word, caption), axes in zip(CLOSE_UPS, rows[2].subplots(2, 4).flat, strict=True):
        show(axes, close_up(obvious(word, sharp), word), caption)
    for row in rows:
        row.subplots_adjust(0.01, 0.01, 0.99, 0.94, wspace=0.03, hspace=0.12)
    figure.canvas.draw()
    grey = np.asarray(figure.canvas.buffer_rgba())[..., :3].mean(axis=2)
    plt.close(figure)
    levels = np.round(np.round(grey / 255 * (GREYS - 1)) * 255 / (GREYS - 1)).astype(np.uint8)
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(levels).save(path, optimize=True)
    print(f"{path}: {path.stat().st_size / 1000:.0f} kB")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--patients", type=int, default=20, help="per density class")
    parser.add_argument("--sheet", type=Path, default=Path("docs/images/phantoms.png"))
    parser.add_argument("--only", choices=["sheet", "speed", "spectrum"])
    args = parser.parse_args()
    cv2.setNumThreads(1)
    if args.only in (None, "sheet"):
        draw_sheet(args.sheet)
    if args.only in (None, "spectrum"):
        print_exponents(args.patients)
    if args.only not in (None, "speed"):
        return
    for height, exams in ((512, 25), (2048, 8)):
        print_speed(height, exams)


if __name__ == "__main__":
    main()
