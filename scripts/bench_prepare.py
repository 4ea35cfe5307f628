"""What preparing costs beside plain decoding, on the same compressed DICOM files, in one run.

    python scripts/bench_prepare.py [FILE ...] [--repeats 20] [--json FIGURES.json]

Without files it makes phantoms (not real data) of full size in three compressed syntaxes. It times
1. the fastest permissive decoder on the bare frame; nothing else of the file;
2. our whole path, from opening the file to the cached picture on disk, with one worker and two;
3. the published preprocessing's logic, written from its description: the file opened twice, 5 px
   cut from each side, MONOCHROME1 turned round, min-max to 8 bits, the breast found as the longest
   run of rows and columns that vary, an 8-bit PNG written. No VOI, no 16 bits, no orientation.
"""

from __future__ import annotations

import argparse
import io
import json
import os
import resource
import statistics
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pydicom
from numpy.typing import NDArray
from pydicom.encaps import encapsulate, generate_frames

from versamammo.codecs import SYNTAXES, Decoded, decode_frame, encode_frame
from versamammo.preparation.engine import Lost
from versamammo.preparation.local_engine import LocalEngine
from versamammo.preparation.outcome import Facts
from versamammo.preparation.worker import Job, Recipe, Task, prepare_file
from versamammo.synthetic.dicom_out import dicom_bytes
from versamammo.synthetic.exam import make_exam
from versamammo.synthetic.settings import PhantomSettings

HEIGHT = 3062  # rows, as of a GE Senographe at its larger field
COMPRESSED = (  # JPEG lossless, JPEG-LS lossless, JPEG 2000 lossless
    "1.2.840.10008.1.2.4.70", "1.2.840.10008.1.2.4.80", "1.2.840.10008.1.2.4.90"
)  # fmt: skip
TRIM, THRESHOLD = 5, 40  # pixels cut from each side, stored values that count as air


@dataclass(frozen=True)
class Frame:
    """The bare compressed frame of a file and what a decoder must know of it."""

    path: Path
    data: bytes
    tags: dict[str, Any]
    inverted: bool

    @classmethod
    def of(cls, path: Path) -> Frame:
        """Take the first frame out of a compressed DICOM file."""
        dataset = pydicom.dcmread(path)
        return cls(
            path,
            next(generate_frames(dataset.PixelData, number_of_frames=1)),
            {
                "syntax": str(dataset.file_meta.TransferSyntaxUID),
                "rows": dataset.Rows,
                "columns": dataset.Columns,
                "samples": dataset.SamplesPerPixel,
                "bits_allocated": dataset.BitsAllocated,
                "bits_stored": dataset.BitsStored,
                "signed": bool(dataset.PixelRepresentation),
            },
            dataset.PhotometricInterpretation == "MONOCHROME1",
        )

    def decode(self) -> Decoded:
        """Decode the frame with the fastest decoder there is."""
        return decode_frame(self.data, **self.tags)


@dataclass(frozen=True)
class Timed:
    """One file done in a worker: what came of it and what it cost."""

    outcome: object
    cpu: float
    peak_mib: float


def prepare_timed(job: Job, task: Task) -> Timed:
    """Prepare a file and measure this process."""
    start = time.process_time()
    outcome = prepare_file(job, task)
    cpu = time.process_time() - start
    return Timed(outcome, cpu, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024)


def phantoms(folder: Path) -> list[Path]:
    """Write one phantom view (not real data) of full size in three compressed syntaxes."""
    settings = PhantomSettings(exams=1, seed=1, height=HEIGHT)
    exam = make_exam(settings, 0)
    dataset = pydicom.dcmread(io.BytesIO(dicom_bytes(settings, exam, exam.views[0])))
    pixels = dataset.pixel_array
    folder.mkdir(parents=True)
    paths = []
    for syntax in COMPRESSED:
        frame = encode_frame(pixels, syntax, bits_stored=dataset.BitsStored)
        dataset.PixelData = encapsulate([frame])
        dataset["PixelData"].VR = "OB"
        dataset.file_meta.TransferSyntaxUID = syntax
        paths.append(folder / f"phantom {SYNTAXES[syntax].name}.dcm")
        dataset.save_as(paths[-1], enforce_file_format=True)
    return paths


def longest_run(varies: NDArray[np.bool_]) -> slice:
    """Find the longest run of True."""
    edges = np.flatnonzero(np.diff(np.r_[False, varies, False].astype(np.int8)))
    starts, ends = edges[::2], edges[1::2]
    best = int(np.argmax(ends - starts))
    return slice(int(starts[best]), int(ends[best]))


def published(frame: Frame, folder: Path) -> None:
    """Do what the published preprocessing does to one file."""
    pydicom.dcmread(frame.path, force=True)
    again = Frame.of(frame.path)
    pixels = again.decode().pixels[TRIM:-TRIM, TRIM:-TRIM]
    if again.inverted:
        pixels = pixels.max() - pixels
    floor, ceiling = pixels.min(), pixels.max()
    grey = ((pixels - floor) / (ceiling - floor) * 255).astype(np.uint8)
    body = np.where(grey <= THRESHOLD, 0, grey)
    tall = len(body)
    across = longest_run(body[tall // 10 : tall - tall // 10].std(axis=0) != 0)
    body = body[:, across]
    wide = body.shape[1]
    down = longest_run(body[:, wide // 10 : wide - wide // 10].std(axis=1) != 0)
    cv2.imwrite(str(folder / f"{frame.path.stem}.png"), grey[down, across])


def seconds(action: Callable[[], object], repeats: int) -> float:
    """Time an action: the median of several goes, after one that does not count."""
    action()
    spent = []
    for _ in range(repeats):
        start = time.perf_counter()
        action()
        spent.append(time.perf_counter() - start)
    return statistics.median(spent)


def run_workers(paths: Sequence[Path], out: Path, workers: int, repeats: int) -> dict[str, float]:
    """Prepare every file `repeats` times; rates are taken between the first and last results."""
    work = partial(prepare_timed, Job(paths[0].parent, out, Recipe()))
    tasks = [Task(path.name) for _ in range(repeats) for path in paths]
    ends, done = [], []
    for task, result in LocalEngine(workers, seconds=120).run(work, tasks):
        if isinstance(result, Lost) or not isinstance(result.outcome, Facts):
            raise SystemExit(f"{task.path}: {result}")
        ends.append(time.perf_counter())
        done.append(result)
    counted = done[workers:]  # the first of each worker pays for its imports
    return {
        "wall": (ends[-1] - ends[workers - 1]) / len(counted),
        "cpu": statistics.mean(result.cpu for result in counted),
        "peak_mib": max(result.peak_mib for result in counted),
    }


def measure(path: Path, folder: Path, repeats: int) -> dict[str, Any]:
    """Time everything on one file."""
    frame = Frame.of(path)
    one = run_workers([path], folder / "one", 1, repeats)
    two = run_workers([path], folder / "two", 2, 2 * repeats)
    decode = seconds(frame.decode, repeats)
    shown = frame.decode()
    return {
        "file": path.name,
        "pixels": "x".join(map(str, shown.pixels.shape)),
        "decoder": shown.decoder,
        "decode_ms": 1e3 * decode,
        "ours_1_ms": 1e3 * one["wall"],
        "ours_2_ms": 1e3 * two["wall"],
        "published_ms": 1e3 * seconds(partial(published, frame, folder), max(3, repeats // 4)),
        "ours_per_decode": one["wall"] / decode,
        "ours_cpu_per_decode": one["cpu"] / decode,
        "two_workers_gain": one["wall"] / two["wall"],
        "peak_mib": max(one["peak_mib"], two["peak_mib"]),
    }


def show(rows: Sequence[dict[str, Any]]) -> None:
    """Print a line per file."""
    print(
        f"{'file':<34}{'decode':>8}{'ours x1':>9}{'ours x2':>9}{'publ.':>8}"
        f"{'ours/dec':>10}{'cpu/dec':>9}{'x2 gain':>9}{'publ/dec':>10}{'peak MiB':>10}"
    )
    for row in rows:
        print(
            f"{row['file'][:33]:<34}{row['decode_ms']:>8.1f}{row['ours_1_ms']:>9.1f}"
            f"{row['ours_2_ms']:>9.1f}{row['published_ms']:>8.1f}{row['ours_per_decode']:>10.2f}"
            f"{row['ours_cpu_per_decode']:>9.2f}{row['two_workers_gain']:>9.2f}"
            f"{row['published_ms'] / row['decode_ms']:>10.2f}{row['peak_mib']:>10.0f}"
        )
    print(f"milliseconds per file; {os.cpu_count()} cores, load {os.getloadavg()[0]:.1f}")


def main() -> None:
    ask = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    ask.add_argument("files", nargs="*", type=Path)
    ask.add_argument("--repeats", type=int, default=20)
    ask.add_argument("--json", type=Path)
    args = ask.parse_args()
    cv2.setNumThreads(1)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        files = args.files or phantoms(folder / "phantoms")
        rows = [measure(path.resolve(), folder, args.repeats) for path in files]
    show(rows)
    if args.json:
        args.json.write_text(json.dumps(rows, indent=2) + "\n")


if __name__ == "__main__":
    main()
