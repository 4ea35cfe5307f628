"""An archive of phantoms to train on where no other is given: made once, then found again."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

from versamammo.data.preparation.prepare import prepare
from versamammo.data.preparation.prepare_settings import Settings
from versamammo.errors import InputError
from versamammo.phantoms.phantom_settings import PhantomSettings
from versamammo.phantoms.phantom_writing import write_phantoms

PREPARED = "prepared"


@dataclass(frozen=True)
class PhantomArchive:
    """Which phantoms, and how they are prepared.

    Attributes:
        folder: kept here, in one folder per choice of the settings below.
        exams: phantom patients, each with four views.
        seed: of the phantoms; another seed, other patients.
        height: rows of their images.
        size: (H, W) that the prepared breasts are fitted within.
        shares: of the patients, for train, val and test.
    """

    folder: Path = Path("runs/phantoms")
    exams: int = 120
    seed: int = 0
    height: int = 512
    size: tuple[int, int] = (512, 384)
    shares: tuple[float, float, float] = (0.6, 0.1, 0.3)


def made_phantoms(settings: PhantomArchive) -> Path | None:
    """Return the prepared folder, if the phantoms were made before."""
    prepared = _folder(settings) / PREPARED
    return prepared if (prepared / "manifest.parquet").is_file() else None


def data_to_plan(
    data: tuple[str, ...] | Path | None, settings: PhantomArchive
) -> tuple[str, ...] | Path:
    """Return what a training learns from, without making phantoms.

    Raises:
        InputError: nothing is named, and there are no phantoms yet.
    """
    if data:
        return data
    made = made_phantoms(settings)
    if made is None:
        message = "a plan needs a prepared folder: none is named, and phantoms are not made yet"
        raise InputError(message, field="data", reason="no-data")
    return made


def _folder(settings: PhantomArchive) -> Path:
    rows, wide = settings.size
    shares = "-".join(f"{100 * share:g}" for share in settings.shares)
    name = f"{settings.exams}x{settings.height}_seed{settings.seed}_fit{rows}x{wide}_{shares}"
    return settings.folder / name


def phantom_archive(settings: PhantomArchive) -> Path:
    """Make the phantoms and prepare them, unless that was done; returns the prepared folder."""
    made = made_phantoms(settings)
    if made is not None:
        return made
    workers = len(os.sched_getaffinity(0))
    raw, prepared = (_folder(settings) / name for name in ("phantoms", PREPARED))
    write_phantoms(
        raw,
        PhantomSettings(exams=settings.exams, seed=settings.seed, height=settings.height),
        workers,
    )
    code = prepare(
        Settings(str(raw), prepared, size=settings.size, shares=settings.shares, workers=workers)
    )
    if code:
        message = f"preparing the phantoms ended with code {code}; see {prepared}"
        raise InputError(message, field="phantoms", reason="bad-phantoms")
    return prepared
