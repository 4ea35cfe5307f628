"""The verb `prepare`: turn an archive into a manifest and a cache of breast crops.

List the images, prepare every file that an earlier run has not, compare them with each other,
put patients into splits, write. The result depends on the source and the settings alone: not on
workers, order, engine or how often the run was killed on the way.
"""

from __future__ import annotations

import json
import os
import sys
import time
from dataclasses import asdict, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import jsonargparse

from versamammo import NOTICE
from versamammo.data.manifest import write_manifest
from versamammo.data.preparation import output_folder as output
from versamammo.data.preparation.engine import Engine
from versamammo.data.preparation.journal import Journal
from versamammo.data.preparation.listing import (
    Listing,
    Opened,
    check_apart,
    list_images,
    open_source,
)
from versamammo.data.preparation.local_engine import LocalEngine
from versamammo.data.preparation.manifest_rows import Assembled, SplitChoice, assemble
from versamammo.data.preparation.plan import Plan, make_plan
from versamammo.data.preparation.prepare_settings import Settings, from_arguments, parser
from versamammo.data.preparation.progress import Progress, work_through
from versamammo.data.preparation.ray_engine import RayEngine
from versamammo.data.preparation.summary import as_bytes, as_text, count, summarise, worst
from versamammo.data.preparation.worker import Job, Recipe
from versamammo.data.quarantine import write_quarantine
from versamammo.data.sources import phantom
from versamammo.data.sources.archives.catalogue import ARCHIVES
from versamammo.data.sources.marker import is_twin
from versamammo.data.splits.split_tables import read_splits
from versamammo.errors import InputError
from versamammo.files import write_atomically

PHANTOM = phantom.NAME
DRAWN = "drawn"  # as --splits: heed no split but ours

__all__ = ["parser", "prepare", "run"]


def prepare(settings: Settings) -> int:
    """Prepare a source; returns the exit code.

    0: done; 1: an error of ours kept files out; 2: nothing could be prepared.

    Raises:
        InputError: an option, the source or the output folder cannot be used.
        OSError: the output folder cannot be written; what was finished is kept.
    """
    started = time.monotonic()
    opened = open_source(settings.source, settings.root, settings.labels, settings.columns)
    check_apart(opened.root, settings.out)
    choice = SplitChoice(
        None if settings.splits in (None, DRAWN) else read_splits(settings.splits),
        settings.seed,
        settings.shares,
        official=settings.splits != DRAWN,
    )
    listing = list_images(opened, settings.limit)
    recipe = Recipe(settings.size, settings.window, settings.for_processing)
    if settings.plan:
        tell_plan(make_plan(opened.root, listing, recipe), opened, settings.workers)
        return 0
    source = name_of(opened, settings)
    settings = replace(settings, root=opened.root)
    with output.claimed(settings.out) as out:
        output.check_owner(out, opened.root)
        journal = Journal(out / output.JOURNAL)
        job = Job(opened.root, out.resolve(), recipe)
        progress = work_through(job, listing, journal, engine(settings))
        if progress.done:
            os.sync()  # once for all pictures, before a manifest says that they are there
        assembled = assemble(source, listing, progress.outcomes, choice)
        changed = write_all(out, settings, source, recipe, listing, assembled)
        journal.tidy()
        if progress.done:
            log_run(out, settings, progress, time.monotonic() - started)
    report(source, listing, assembled, progress, changed, settings)
    if progress.traces:
        return 1
    return 0 if assembled.rows else 2


def tell_plan(plan: Plan, opened: Opened, workers: int) -> None:
    """Print what a preparation will cost, and for a part of a public archive what all of it would.

    Twins are too small for what they say of bytes and hours to hold for the archive.
    """
    print(plan.as_text(workers))
    archive = ARCHIVES.get(opened.source.NAME)
    if archive is not None and not is_twin(opened.root) and plan.images < archive.images:
        print(f"\nall of {archive.title}, {archive.gigabytes:g} GB to download, by this sample:")
        print(plan.of(archive.images).as_text(workers))


def name_of(opened: Opened, settings: Settings) -> str:
    """Choose what the manifest calls the source; phantoms are always called so.

    Raises:
        InputError: phantoms were to get a name that does not say what they are.
    """
    own = opened.source.NAME
    if is_twin(opened.root):
        own = f"{PHANTOM}-{own}"
    if PHANTOM in own and settings.name and PHANTOM not in settings.name:
        raise InputError(
            f"phantoms are not real data: their name must hold the word {PHANTOM!r}",
            field="--name", reason="phantom-renamed",
        )  # fmt: skip
    return settings.name or own


def engine(settings: Settings) -> Engine:
    """Choose who does the work."""
    made = RayEngine if settings.engine == "ray" else LocalEngine
    return made(settings.workers, settings.seconds_per_file)


def write_all(
    out: Path,
    settings: Settings,
    source: str,
    recipe: Recipe,
    listing: Listing,
    assembled: Assembled,
) -> bool:
    """Write what a run has to show, the manifest last of the tables; True if anything changed."""
    counts = count(assembled, found=len(listing.records) + len(listing.refused))
    changed = write_quarantine(out / output.QUARANTINE, assembled.refused)
    changed |= write_manifest(out / output.MANIFEST, assembled.rows)
    shown = asdict(recipe) | {
        "source": source,
        "splits": settings.splits and Path(settings.splits).name,
        "seed": settings.seed,
        "shares": settings.shares,
        "limit": settings.limit,
    }
    changed |= write_atomically(
        out / output.SUMMARY, as_bytes(summarise(out, assembled, counts, shown))
    )
    text = json.dumps(settings.to_config(), indent=2) + "\n"
    write_atomically(out / output.CONFIG, text.encode())
    return changed


def log_run(out: Path, settings: Settings, progress: Progress, seconds: float) -> None:
    """Append how long a run took, and where errors of ours happened, to the log of runs."""
    line: dict[str, Any] = {
        "ended": datetime.now(UTC).isoformat(timespec="seconds"),
        "seconds": round(seconds, 2),
        "files": progress.done,
        "files_per_second": round(progress.done / seconds, 2),
        "workers": settings.workers,
        "engine": settings.engine,
        "errors": progress.traces,
    }
    with (out / output.RUNS).open("a", encoding="utf-8") as log:
        log.write(json.dumps(line) + "\n")


def report(
    source: str,
    listing: Listing,
    assembled: Assembled,
    progress: Progress,
    changed: bool,
    settings: Settings,
) -> None:
    """Print what was done."""
    counts = count(assembled, found=len(listing.records) + len(listing.refused))
    for message in worst(assembled.refused):
        print(f"versamammo: {message}", file=sys.stderr)
    print(as_text(assembled, counts, listing.found if listing.found != counts.found else None))
    reused = len(listing.records) - progress.done
    if not progress.done and not changed:
        print(f"nothing to do: all {reused} files were done before and the manifest is unchanged")
    else:
        print(f"{progress.done} files worked on, {reused} taken over from earlier runs")
    print(settings.out / output.MANIFEST)
    if PHANTOM in source:
        print("Phantoms are not real data.")
    print(NOTICE)
    if progress.traces:
        print(
            f"versamammo: {len(progress.traces)} files met an internal error; see "
            f"{settings.out / output.RUNS}",
            file=sys.stderr,
        )


def run(args: jsonargparse.Namespace) -> int:
    """Prepare what the command line asks for."""
    return prepare(from_arguments(args))
