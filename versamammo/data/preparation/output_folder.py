"""The folder that `prepare` writes: whose it is while a run lasts, and what lies where."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from versamammo.errors import InputError
from versamammo.files import PARTIAL, alone_in, parse_json, sweep_partial

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

    Raises:
        InputError: the folder cannot be made or written, or another run is at work in it.
    """
    with alone_in(out, "--out"):
        (out / CACHE).mkdir(exist_ok=True)
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
        before = Path(parse_json((out / CONFIG).read_text())["root"])
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
