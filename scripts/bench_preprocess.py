"""Milliseconds of each step between a decoded picture and a model's input, on one thread.

    python scripts/bench_preprocess.py [FILE] [--repeats 30]

Without a file it makes a phantom (not real data) of 3062 rows.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from statistics import median

import cv2
import torch

from versamammo.data.cache import read_levels, write_levels
from versamammo.imaging.breast import find_breast
from versamammo.imaging.mammogram import Mammogram, Provenance
from versamammo.imaging.reading import read
from versamammo.input.preprocess import InputContract, prepare_pixels, to_input
from versamammo.phantoms.phantom_exam import make_exam
from versamammo.phantoms.phantom_settings import PhantomSettings


def picture(file: Path | None) -> Mammogram:
    """Read the file, or make a phantom."""
    if file is not None:
        return read(file)
    view = make_exam(PhantomSettings(height=3062), 1).views[0]
    return Mammogram(view.pixels, 12, Provenance("phantom", "PNG", "MONOCHROME2"))


def steps(mammogram: Mammogram, folder: Path) -> dict[str, Callable[[], object]]:
    """Name the steps and give each what the one before it made."""
    breast = find_breast(mammogram.pixels)
    prepared = prepare_pixels(mammogram, breast)
    cached = folder / "levels.tif"
    write_levels(cached, prepared.levels)
    fresh = iter(range(10**9))
    x1, y1, x2, y2 = prepared.crop.box
    cut, size = mammogram.pixels[y1:y2, x1:x2], prepared.levels.shape[::-1]
    return {
        "find the breast": lambda: find_breast(mammogram.pixels),
        "cut, shrink, turn, 16 bits": lambda: prepare_pixels(mammogram, breast),
        "  (OpenCV's shrinking alone)": lambda: cv2.resize(cut, size, interpolation=cv2.INTER_AREA),
        "write to the cache": lambda: write_levels(folder / f"{next(fresh)}.tif", prepared.levels),
        "read from the cache": lambda: read_levels(cached),
        "read 64 rows of it": lambda: read_levels(cached, slice(640, 704)),
        "to a model's input": lambda: to_input(prepared.levels, InputContract()),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("file", type=Path, nargs="?", help="a mammogram; a phantom if not given")
    parser.add_argument("--repeats", type=int, default=30)
    args = parser.parse_args()
    cv2.setNumThreads(1)
    torch.set_num_threads(1)
    mammogram = picture(args.file)
    print(f"{mammogram.provenance.file}: {mammogram.size[0]} x {mammogram.size[1]}, one thread")
    print(f"{'ms':>30} {'least':>8} {'median':>8}")
    with tempfile.TemporaryDirectory() as folder:
        for name, step in steps(mammogram, Path(folder)).items():
            taken = []
            for _ in range(args.repeats):
                start = time.perf_counter()
                step()
                taken.append(1000 * (time.perf_counter() - start))
            print(f"{name:>30} {min(taken):8.2f} {median(taken):8.2f}")


if __name__ == "__main__":
    main()
