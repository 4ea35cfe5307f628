"""Works through a listing: takes over what an earlier run did, hands the rest to an engine."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial

from tqdm import tqdm

from versamammo.data.cache import read_levels
from versamammo.data.preparation.engine import Engine, Lost
from versamammo.data.preparation.journal import Entry, Journal, Stamp, this_boot
from versamammo.data.preparation.listing import Listing
from versamammo.data.preparation.outcome import Failure, Outcome
from versamammo.data.preparation.worker import FileTask, Job, Unchanged, cached_path, prepare_file
from versamammo.data.sources.frame_paths import parted
from versamammo.errors import InputError

QUIET = 15.0  # seconds between lines of progress where nobody watches


@dataclass(frozen=True)
class Progress:
    """What became of every file, and how much of it is new.

    Attributes:
        outcomes: path -> facts or failure, of every record.
        done: files worked on in this run.
        traces: where errors of ours happened, for the log.
    """

    outcomes: Mapping[str, Outcome]
    done: int
    traces: tuple[str, ...]


def work_through(job: Job, listing: Listing, journal: Journal, engine: Engine) -> Progress:
    """Prepare every listed file that the journal does not know.

    Raises:
        OSError: the cache or the journal cannot be written; what was finished is kept.
    """
    stamps = {record.path: stamp_of(job, record.path) for record in listing.records}
    outcomes: dict[str, Outcome] = {}
    tasks: list[FileTask] = []
    for path, stamp in stamps.items():
        entry = journal.entries.get(path)
        if entry is not None and is_done(job, entry, stamp):
            outcomes[path] = entry.outcome
        else:
            tasks.append(FileTask(path, known_key(job, entry)))
    traces: list[str] = []
    boot = this_boot()
    bar = tqdm(
        total=len(stamps), initial=len(outcomes), unit="image", desc="preparing",
        file=sys.stderr, mininterval=0.1 if sys.stderr.isatty() else QUIET, disable=not tasks,
    )  # fmt: skip
    with journal.writing(), bar:
        for task, result in engine.run(partial(prepare_file, job), tasks):
            outcome, lasting = settle(result, journal.entries.get(task.path))
            outcomes[task.path] = outcome
            stamp = stamps[task.path]
            if lasting and stamp is not None:
                journal.add(Entry(task.path, stamp, job.recipe.name, outcome, boot))
            if isinstance(outcome, Failure) and outcome.ours:
                traces.append(f"{task.path}\n{outcome.trace}")
            bar.update()
    return Progress(outcomes, len(tasks), tuple(traces))


def settle(result: Outcome | Unchanged | Lost, before: Entry | None) -> tuple[Outcome, bool]:
    """Turn what an engine gave into an outcome, and say whether the next run may rely on it.

    A lost worker, a lack of memory or an error of ours may be gone next time, as may one of the
    disk; a broken file stays broken.
    """
    if isinstance(result, Lost):
        return Failure(result.reason, result.message), False
    if isinstance(result, Unchanged):
        if before is None:
            raise RuntimeError("a file cannot be unchanged that was never seen")
        return before.outcome, True
    return result, not isinstance(result, Failure) or (not result.ours and result.final)


def stamp_of(job: Job, path: str) -> Stamp | None:
    """Look at a file's size and time; None if it cannot be looked at."""
    try:
        return Stamp.of(job.root / parted(path)[0])
    except OSError:
        return None  # reading it will say why


def is_done(job: Job, entry: Entry, stamp: Stamp | None) -> bool:
    """Return whether an earlier outcome holds: same file, same recipe, picture still there."""
    if entry.stamp != stamp or entry.recipe != job.recipe.name:
        return False
    if isinstance(entry.outcome, Failure):
        return entry.outcome.final
    return is_cached(job, entry)


def known_key(job: Job, entry: Entry | None) -> str | None:
    """Return the key of a picture that is in the cache, though its file looks changed."""
    if entry is None or isinstance(entry.outcome, Failure) or entry.recipe != job.recipe.name:
        return None
    return entry.outcome.content_key if is_cached(job, entry) else None


def is_cached(job: Job, entry: Entry) -> bool:
    """Return whether an entry's picture lies in the cache, whole."""
    if isinstance(entry.outcome, Failure):
        return False
    path = job.out / cached_path(entry.outcome.content_key)
    try:
        if path.stat().st_size != entry.outcome.cached_bytes:
            return False
        # the machine may have gone down before the disk had the bytes
        if entry.boot is not None and (entry.boot != this_boot() or entry.boot == "unknown"):
            read_levels(path)
    except (FileNotFoundError, InputError):
        return False
    return True
