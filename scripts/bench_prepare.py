"""What preparing costs beside plain decoding, on the same compressed DICOM files, in one run.

    python scripts/bench_prepare.py [FILE ...] [--repeats 20] [--json FIGURES.json]

It makes phantoms (not real data) of full size in three compressed syntaxes, takes the files
that are given beside them, and times
1. the fastest permissive decoder on the bare frame, with the checks for damage that it needs and
   nothing else of the file; `bare`, the same without checks; and, where there is one, the next
   fastest, which was the fastest known when the aim of 1.5 was set;
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
import statistics
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pydicom
from numpy.typing import NDArray
from pydicom.encaps import encapsulate, generate_frames

from versamammo.data.preparation.engine import Lost
from versamammo.data.preparation.local_engine import LocalEngine
from versamammo.data.preparation.outcome import FileFacts
from versamammo.data.preparation.worker import FileTask, Job, Recipe, cached_path, prepare_file
from versamammo.imaging.codecs import SYNTAXES, Decoded, decode_frame, decoders, encode_frame
from versamammo.phantoms.dicom_out import dicom_bytes
from versamammo.phantoms.phantom_exam import make_exam
from versamammo.phantoms.phantom_settings import PhantomSettings

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

    def decode_bare(self) -> object:
        """Decode it without looking for damage first."""
        return self._decode_with(SYNTAXES[self.tags["syntax"]].decoders[0])

    def decode_next(self) -> object:
        """Decode it with imagecodecs' own lossless JPEG, if it is one; else as `decode`."""
        if "jpegsof3" not in SYNTAXES[self.tags["syntax"]].decoders:
            return self.decode()
        return self._decode_with("jpegsof3")

    def _decode_with(self, name: str) -> object:
        size = (self.tags["rows"], self.tags["columns"], self.tags["samples"])
        frame = decoders.Frame(self.tags["syntax"], *size, self.tags["bits_stored"])
        return decoders.decode_with(name, self.data, frame)


@dataclass(frozen=True)
class Cost:
    """What one go cost, in seconds: on the clock, and of the processor."""

    wall: float
    cpu: float

    @classmethod
    def of(cls, action: Callable[[], object]) -> Cost:
        """Time an action once."""
        wall, cpu = time.perf_counter(), time.process_time()
        action()
        return cls(time.perf_counter() - wall, time.process_time() - cpu)


@dataclass(frozen=True)
class Row:
    """The figures of one file; `one` and `two` are seconds per file with so many workers."""

    file: str
    decoder: str
    size: tuple[int, ...]
    decode: Cost
    decode_bare: Cost
    decode_next: Cost
    ours: Cost
    published: Cost
    one: float
    two: float
    peak_mib: float


def prepare_anew(job: Job, task: FileTask) -> object:
    """Prepare a file as if it had never been done: equal bytes would not be written again."""
    outcome = prepare_file(job, task)
    if isinstance(outcome, FileFacts):
        (job.out / cached_path(outcome.content_key)).unlink(missing_ok=True)
    return outcome


def prepare_measured(job: Job, task: FileTask) -> tuple[object, float]:
    """Prepare a file in a worker; also gives the most memory it ever had, in MiB.

    Each worker has a cache of its own, since all of them prepare the same file.
    """
    outcome = prepare_anew(replace(job, out=job.out / str(os.getpid())), task)
    # not ru_maxrss, which a forked process inherits from its parent
    status = Path("/proc/self/status").read_text().splitlines()
    peak = next(line for line in status if line.startswith("VmHWM"))
    return outcome, int(peak.split()[1]) / 1024


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


def alternate(
    actions: dict[str, Callable[[], object]], repeats: int, written: Path
) -> dict[str, Cost]:
    """Time several actions in turn, so that a busy machine is unkind to all of them alike.

    Gives the median of each; the first go of each does not count. What they wrote is removed
    beforehand, as equal bytes would not be written again, and that is not timed.
    """
    spent: dict[str, list[Cost]] = {name: [] for name in actions}
    for _ in range(repeats + 1):
        for name, action in actions.items():
            for picture in written.rglob("*.tif"):
                picture.unlink()
            spent[name].append(Cost.of(action))
    return {
        name: Cost(
            statistics.median(cost.wall for cost in costs[1:]),
            statistics.median(cost.cpu for cost in costs[1:]),
        )
        for name, costs in spent.items()
    }


def per_file(path: Path, out: Path, workers: int, repeats: int) -> tuple[float, float]:
    """Prepare one file many times over; gives seconds per file, all workers together, and MiB."""
    work = partial(prepare_measured, Job(path.parent, out, Recipe()))
    ends, peak = [], 0.0
    for task, result in LocalEngine(workers, seconds=120).run(
        work, [FileTask(path.name)] * repeats
    ):
        if isinstance(result, Lost) or not isinstance(result[0], FileFacts):
            raise SystemExit(f"{task.path}: {result}")
        ends.append(time.perf_counter())
        peak = max(peak, result[1])
    # the first of each worker pays for its start
    return (ends[-1] - ends[workers - 1]) / (len(ends) - workers), peak


def measure(path: Path, folder: Path, repeats: int) -> Row:
    """Time everything on one file."""
    frame = Frame.of(path)
    shown = frame.decode()
    here = folder / "here"
    job = Job(path.parent, here, Recipe())
    costs = alternate(
        {
            "decode": frame.decode,
            "bare": frame.decode_bare,
            "next": frame.decode_next,
            "ours": lambda: prepare_file(job, FileTask(path.name)),
        },
        repeats,
        here,
    )
    # apart from the others: its large arrays would leave them cold caches
    costs |= alternate({"published": lambda: published(frame, folder)}, max(3, repeats // 4), here)
    one, _ = per_file(path, folder / "one", 1, repeats)
    two, peak = per_file(path, folder / "two", 2, 2 * repeats)
    return Row(
        path.name, shown.decoder, shown.pixels.shape, costs["decode"], costs["bare"], costs["next"],
        costs["ours"], costs["published"], one, two, peak,
    )  # fmt: skip


def show(rows: Sequence[Row]) -> None:
    """Print a line per file and one for all of them."""
    heads = [
        "decode",
        "ours",
        "publ.",
        "ours/dec",
        "/bare",
        "/next",
        "cpu/dec",
        "publ/dec",
        "x1",
        "x2",
        "gain",
        "MiB",
    ]
    print(f"{'file':<32}" + "".join(f"{head:>9}" for head in heads))
    for row in rows:
        numbers = (
            1e3 * row.decode.wall, 1e3 * row.ours.wall, 1e3 * row.published.wall,
            row.ours.wall / row.decode.wall, row.ours.wall / row.decode_bare.wall,
            row.ours.wall / row.decode_next.wall,
            row.ours.cpu / row.decode.cpu,
            row.published.wall / row.decode.wall, 1e3 * row.one, 1e3 * row.two,
            row.one / row.two, row.peak_mib,
        )  # fmt: skip
        print(f"{row.file[:31]:<32}" + "".join(f"{number:>9.2f}" for number in numbers))
    total = sum(row.ours.wall for row in rows) / sum(row.decode.wall for row in rows)
    print(
        f"all files: ours / decode = {total:.2f}. Times in ms, medians; decode and ours in turn; "
        f"x1, x2: per file with one and two workers.\n"
        f"{os.cpu_count()} cores, load {os.getloadavg()[0]:.1f}"
    )


def main() -> None:
    ask = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    ask.add_argument("files", nargs="*", type=Path)
    ask.add_argument("--repeats", type=int, default=20)
    ask.add_argument("--json", type=Path)
    args = ask.parse_args()
    cv2.setNumThreads(1)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        files = [*phantoms(folder / "phantoms"), *args.files]
        rows = [measure(path.resolve(), folder, args.repeats) for path in files]
    show(rows)
    if args.json:
        args.json.write_text(json.dumps([asdict(row) for row in rows], indent=2) + "\n")


if __name__ == "__main__":
    main()
