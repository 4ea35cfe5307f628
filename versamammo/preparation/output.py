"""The folder that `prepare` writes: whose it is while a run lasts, and what lies where."""

from __future__ import annotations

import fcntl
import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from versamammo.errors import InputError
from versamammo.files import PARTIAL, sweep_partial

MANIFEST = "manifest.parquet"
QUARANTINE = "quarantine.csv"
SUMMARY = "summary.json"
CONFIG = "config.json"
CACHE = "cache"
JOURNAL = "journal.jsonl"
RUNS = "runs.jsonl"  # times and rates: the only file that differs from run to run


@contextmanager
def claimed(out: Path) -> Iterator[Path]:
    """Make the folder and keep every other run out of it; sweep what a killed one left.

    The lock belongs to the process and ends with it, however it ends.

    Raises:
        InputError: the folder cannot be made or written, or another run is at work in it.
    """
    try:
        (out / CACHE).mkdir(parents=True, exist_ok=True)
        lock = (out / ".lock").open("a")
    except (PermissionError, NotADirectoryError, FileExistsError) as error:
        raise InputError(
            f"cannot be written: {error.strerror}", file=out, field="--out", reason="bad-output"
        ) from error
    with lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise InputError(
                "another run is writing to this folder; wait for it or choose another",
                file=out, field="--out", reason="in-use",
            ) from error  # fmt: skip
        sweep(out)
        try:
            yield out
        finally:
            sweep(out)


def check_owner(out: Path, root: Path) -> None:
    """Keep a run from replacing the manifest of another source; a source may have been moved.

    Raises:
        InputError: the folder holds what was made of another folder that is still there.
    """
    try:
        before = Path(json.loads((out / CONFIG).read_text())["root"])
    except (FileNotFoundError, ValueError, KeyError, TypeError):
        return
    if before.exists() and before != root:
        raise InputError(
            f"holds what was made of {before.name}; choose another folder for {root.name}",
            file=out, field="--out", reason="other-source",
        )  # fmt: skip


def sweep(out: Path) -> None:
    """Remove half-written files; only where this program writes, and only of its own kind."""
    sweep_partial(out / CACHE)
    for path in out.glob(f".*{PARTIAL}"):
        path.unlink(missing_ok=True)
