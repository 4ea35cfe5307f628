"""Damages the files of every archive's twin and looks whether a preparation goes on without them.

Twins are phantoms, not real data. Files are damaged in place, some of a twin at a time: cut, bits
turned, emptied, replaced by text, zeros, a picture or another modality. Then the archive is listed,
every damaged file that was listed is read, and all is put together, as `prepare` does it. A run
that ends is printed and counted; so is a file that nobody accounts for.

Usage: fuzz_sources.py SEED [--files 2000] [--archives dbt,embed] [--tables]
"""

from __future__ import annotations

import argparse
import random
import tempfile
import time
import traceback
import warnings
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import cv2
import numpy as np

from versamammo.data.preparation.listing import Listing, list_images, open_source
from versamammo.data.preparation.manifest_rows import SplitChoice, assemble
from versamammo.data.preparation.outcome import Failure, Outcome
from versamammo.data.preparation.worker import FileTask, Job, Recipe, prepare_file
from versamammo.data.sources.frame_paths import parted
from versamammo.data.sources.marker import MARKER
from versamammo.data.splits.draw import DEFAULT_SHARES
from versamammo.errors import InputError
from versamammo.phantoms.phantom_exam import PhantomExam, make_exam
from versamammo.phantoms.phantom_settings import PhantomSettings
from versamammo.phantoms.twins import LAYOUTS, write_twin

PICTURES = (".dcm", ".dicom", ".png", ".jpg", ".jpeg", ".pgm")
PNG = bytes(cv2.imencode(".png", np.full((8, 8), 9, np.uint8))[1])
HEADER = "| archive | damaged | runs | aborted | lost | reasons |"


def cut(data: bytes, dice: random.Random) -> bytes:
    """Keep the beginning."""
    return data[: dice.randrange(len(data) + 1)]


def cut_head(data: bytes, dice: random.Random) -> bytes:
    """Keep little of the beginning, so that the header ends early."""
    return data[: dice.randrange(min(2048, len(data)) + 1)]


def turned(data: bytes, dice: random.Random) -> bytes:
    """Set some bytes anywhere to others."""
    return with_other_bytes(data, dice, len(data))


def turned_head(data: bytes, dice: random.Random) -> bytes:
    """Set some bytes of the header to others."""
    return with_other_bytes(data, dice, min(2048, len(data)))


def with_other_bytes(data: bytes, dice: random.Random, within: int) -> bytes:
    """Set up to 64 of the first bytes to others."""
    changed = bytearray(data)
    for _ in range(dice.choice((1, 4, 16, 64)) if within else 0):
        changed[dice.randrange(within)] = dice.randrange(256)
    return bytes(changed)


def other_modality(data: bytes, dice: random.Random) -> bytes:
    """Call a mammogram another modality."""
    renamed = data.replace(b"1.2.840.10008.5.1.4.1.1.1.2", b"1.2.840.10008.5.1.4.1.1.2\0\0")
    return renamed.replace(b"MG", b"CT")


def text(data: bytes, dice: random.Random) -> bytes:
    """Replace the file by text."""
    return b"This file was moved.\n" * dice.randrange(1, 50)


DAMAGES: tuple[Callable[[bytes, random.Random], bytes], ...] = (
    cut, cut_head, turned, turned_head, turned_head, other_modality, text,
    lambda data, dice: b"", lambda data, dice: bytes(len(data)), lambda data, dice: PNG,
    lambda data, dice: data[dice.randrange(len(data) + 1) :],
)  # fmt: skip


@dataclass
class Tally:
    """What became of one archive's damaged files."""

    damaged: int = 0
    runs: int = 0
    aborted: int = 0
    lost: int = 0
    reasons: Counter[str] = field(default_factory=Counter)

    def row(self, name: str) -> str:
        """Lay the counts out."""
        why = ", ".join(f"{reason} {n}" for reason, n in self.reasons.most_common())
        return f"| {name} | {self.damaged} | {self.runs} | {self.aborted} | {self.lost} | {why} |"


class Twin:
    """One archive's twin and what is known of its sound files."""

    def __init__(
        self, name: str, folder: Path, settings: PhantomSettings, exams: Sequence[PhantomExam]
    ) -> None:
        self.name, self.root = name.removesuffix("-jpeg"), folder / name
        write_twin(self.root, name, settings, exams)
        files = [path for path in self.root.rglob("*") if path.is_file() and path.name != MARKER]
        self.pictures = sorted(path for path in files if path.suffix.lower() in PICTURES)
        self.tables = sorted(path for path in files if path.suffix.lower() not in PICTURES)
        self.job = Job(self.root, folder / "out", Recipe(size=(64, 64)))
        self.alone: set[str] = set()
        self.sound: dict[str, Outcome] = {}

    def listing(self) -> Listing:
        """List the twin as `prepare` does."""
        return list_images(open_source(self.name, self.root, None, {}))

    def run(self, damaged: set[Path], tally: Tally) -> None:
        """List, read and assemble the twin, some of whose files are damaged."""
        listing = self.listing()
        outcomes: dict[str, Outcome] = {}
        for record in listing.records:
            hurt = self.root / parted(record.path)[0] in damaged
            if hurt or record.path not in self.sound:
                outcome = prepare_file(self.job, FileTask(record.path))
                assert not isinstance(outcome, Failure) or not outcome.ours, outcome
                if hurt:
                    outcomes[record.path] = outcome  # type: ignore[assignment]
                else:
                    self.sound[record.path] = outcome  # type: ignore[assignment]
            outcomes.setdefault(record.path, self.sound.get(record.path))  # type: ignore[arg-type]
        made = assemble(self.name, listing, outcomes, SplitChoice(None, 0, DEFAULT_SHARES))
        told = {parted(entry.path)[0]: entry.reason for entry in made.refused}
        told |= {parted(row["path"])[0]: "prepared" for row in made.rows}
        for path in damaged:
            relative = path.relative_to(self.root).as_posix()
            used_elsewhere = relative not in told and not self.stands_alone(relative)
            tally.reasons[told.get(relative, "part of another's" if used_elsewhere else "?")] += 1
            tally.lost += relative not in told and not used_elsewhere

    def stands_alone(self, relative: str) -> bool:
        """Return whether a file is an image of its own, and not another's mask or crop."""
        return relative in self.alone

    def learn(self) -> None:
        """Note the files that are images or are refused while all are sound."""
        listing = self.listing()
        self.alone = {parted(entry.path)[0] for entry in (*listing.records, *listing.refused)}


def fuzz(twin: Twin, files: int, dice: random.Random, *, tables: bool) -> Tally:
    """Damage files until so many were, restoring them after each run."""
    tally = Tally()
    twin.learn()
    while tally.damaged < files:
        chosen = dice.sample(twin.pictures, min(len(twin.pictures), dice.randint(1, 8)))
        if tables and twin.tables:
            chosen = [dice.choice(twin.tables)]
        before = {path: path.read_bytes() for path in chosen}
        for path, data in before.items():
            path.write_bytes(dice.choice(DAMAGES)(data, dice))
        tally.damaged += len(chosen)
        tally.runs += 1
        try:
            twin.run(set(chosen) if not tables else set(), tally)
        except InputError as error:
            all_gone = error.reason == "empty-folder"
            tally.reasons[f"whole: {error.reason}"] += 1
            if not tables and not all_gone:
                tally.aborted += 1
                print(f"{twin.name}: {error}", flush=True)
        except Exception:
            tally.aborted += 1
            print(twin.name, [path.name for path in chosen], traceback.format_exc()[-1500:])
        finally:
            for path, data in before.items():
                path.write_bytes(data)
    return tally


def main() -> int:
    """Fuzz the archives that are asked for; 1 if a run ended or a file was lost."""
    made = argparse.ArgumentParser(description=__doc__)
    made.add_argument("seed", type=int)
    made.add_argument("--files", type=int, default=2000, help="damaged files of each archive")
    made.add_argument("--archives", default=",".join(LAYOUTS))
    made.add_argument("--exams", type=int, default=4)
    made.add_argument("--height", type=int, default=128)
    made.add_argument("--tables", action="store_true", help="damage tables instead of pictures")
    args = made.parse_args()
    warnings.simplefilter("ignore")
    print(HEADER + "\n|---|---|---|---|---|---|")
    settings = PhantomSettings(
        exams=args.exams, seed=args.seed, height=args.height, dates=2, lesion_rate=0.8
    )
    exams = [make_exam(settings, index) for index in range(settings.exams)]
    bad = 0
    for name in args.archives.split(","):
        started = time.monotonic()
        with tempfile.TemporaryDirectory() as folder:
            twin = Twin(name, Path(folder), settings, exams)
            tally = fuzz(twin, args.files, random.Random(f"{args.seed} {name}"), tables=args.tables)
        bad += tally.aborted + tally.lost
        print(f"{tally.row(name)} {time.monotonic() - started:.0f} s", flush=True)
    return int(bad > 0)


if __name__ == "__main__":
    raise SystemExit(main())
