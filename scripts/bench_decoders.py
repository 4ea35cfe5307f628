"""Milliseconds per decoder and transfer syntax, on one picture of full size and on given files.

    python scripts/bench_decoders.py [FILE.dcm ...] [--repeats 5]

The picture is the first file's, or a textured half disc if none is given, stored anew in every
syntax. Every library that can open a syntax is timed in this process, the rejected ones too; the
one that the reader prefers is marked. Files are also timed as they are.
"""

from __future__ import annotations

import argparse
import os
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import cv2
import imagecodecs
import numpy as np
from numpy.typing import NDArray

from versamammo.errors import InputError
from versamammo.imaging.codecs import SYNTAXES, encode_frame
from versamammo.imaging.codecs.decoders import DECODERS, Frame
from versamammo.imaging.dicom import read_dicom
from versamammo.imaging.dicom.frames import read_frame
from versamammo.imaging.dicom.header import read_header

# Libraries that were weighed for a family, beyond those in the chain.
CANDIDATES = {
    "native": ("numpy",),
    "rle": ("PackBits", "GDCM"),
    "jpeg": ("libjpeg-turbo", "ljpeg", "jpegsof3", "GDCM"),
    "jpegls": ("CharLS", "pyjpegls", "GDCM"),
    "jpeg2000": ("OpenJPEG", "GDCM"),
    "htj2k": ("OpenJPEG", "OpenJPH"),
}


def picture(rows: int = 3062, columns: int = 2394) -> NDArray[np.uint16]:
    """Draw a 12-bit half disc of soft texture and noise, the size of a common detector."""
    y, x = np.mgrid[:rows, :columns].astype(np.float32)
    inside = np.clip(1.2 - np.hypot((y - rows / 2) / (rows / 2), x / (0.9 * columns)), 0, 1)
    texture = 0.1 * np.sin(x / 50) * np.cos(y / 70)
    noise = np.random.default_rng(0).normal(0, 0.004, (rows, columns)).astype(np.float32)
    level = inside * (0.8 + texture + noise)
    return (level.clip(0, 1) * 4095).astype(np.uint16)


def best_of(repeats: int, act: Callable[[], Any]) -> float:
    """Time the fastest of several runs, in milliseconds."""
    times = []
    for _ in range(repeats):
        start = time.perf_counter()
        act()
        times.append(time.perf_counter() - start)
    return 1000 * min(times)


def decode(name: str, data: bytes, frame: Frame) -> NDArray[Any]:
    """Decode with a library of the chain, or with ljpeg, which is not in it."""
    if name == "ljpeg":
        return np.asarray(imagecodecs.ljpeg_decode(data))
    return DECODERS[name](data, frame)


def time_syntax(uid: str, stored: NDArray[np.uint16], repeats: int) -> None:
    """Print a line per library for one syntax."""
    info = SYNTAXES[uid]
    try:
        data = encode_frame(stored, uid, bits_stored=12)
    except InputError:
        stored = (stored >> 4).astype(np.uint8)
        data = encode_frame(stored, uid, bits_stored=8)
    precision = 8 * stored.itemsize if info.family in ("native", "rle", "htj2k") else 12
    frame = Frame(uid, *stored.shape, 1, min(precision, 8 * stored.itemsize))
    print(f"{info.name}, {stored.nbytes / len(data):.1f}:1")
    for name in CANDIDATES[info.family]:
        try:
            pixels = decode(name, data, frame)
            right = np.array_equal(pixels, stored) or (info.lossy and pixels.shape == stored.shape)
            milliseconds = f"{best_of(repeats, lambda n=name: decode(n, data, frame)):7.1f} ms"
        except Exception as error:  # a library that cannot is part of the result
            right, milliseconds = True, f"cannot: {error}"[:50]
        mark = "*" if name == info.decoders[0] else " "
        print(f"  {mark} {name:14s} {milliseconds}{'' if right else '  WRONG PIXELS'}")


def time_file(path: Path, repeats: int) -> None:
    """Print what a file costs to decode, and to read whole."""
    decoded = read_frame(read_header(path))
    alone = best_of(repeats, lambda: read_frame(read_header(path)))
    whole = best_of(repeats, lambda: read_dicom(path))
    rows, columns = decoded.pixels.shape[:2]
    print(
        f"{path.name}: {rows} x {columns}, {decoded.decoder}: {alone:.1f} ms, read {whole:.1f} ms"
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("files", nargs="*", type=Path)
    parser.add_argument("--repeats", type=int, default=5)
    options = parser.parse_args()
    cv2.setNumThreads(1)
    print(f"imagecodecs {imagecodecs.__version__}, load {os.getloadavg()[0]:.1f}, '*' is preferred")
    for path in options.files:
        time_file(path, options.repeats)
    first = options.files[0] if options.files else None
    stored = read_frame(read_header(first)).pixels if first else picture()
    print(f"stored anew: {stored.shape[0]} x {stored.shape[1]}, 12 bits")
    for uid in SYNTAXES:
        time_syntax(uid, stored, options.repeats)


if __name__ == "__main__":
    main()
