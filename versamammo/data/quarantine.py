"""Files that could not be used, each with the reason: what `quarantine.csv` holds."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable
from dataclasses import astuple, dataclass, fields
from pathlib import Path

from versamammo.errors import InputError
from versamammo.files import plain_cell, write_atomically

NOT_AN_IMAGE = "not-an-image"
DUPLICATE = "duplicate"
# what says nothing of the file itself: the next run tries it again
PASSING = frozenset({"unreadable", "out-of-memory", "worker-died", "timed-out", "internal-error"})


@dataclass(frozen=True, order=True)
class Quarantined:
    """One file of a source that stays out of the manifest, and why.

    Attributes:
        path: relative to the source root, with forward slashes.
        field: the column, tag or option at fault; empty if the file as a whole is.
        reason: a short stable slug that counts are made by.
        message: what was found and what was expected.
    """

    path: str
    field: str
    reason: str
    message: str

    @property
    def final(self) -> bool:
        """Whether the same file will be refused again, so that the next run need not try it."""
        return self.reason not in PASSING

    @classmethod
    def because(cls, error: InputError, path: str) -> Quarantined:
        """Keep an error of one file as its reason."""
        return cls(path, error.field or "", error.reason, error.message)


def write_quarantine(path: Path, entries: Iterable[Quarantined]) -> bool:
    """Write the table in a fixed order; True if the file on disk changed."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow([*(field.name for field in fields(Quarantined)), "final"])
    writer.writerows(
        [*map(plain_cell, astuple(entry)), "yes" if entry.final else "no"]
        for entry in sorted(entries)
    )
    return write_atomically(path, text.getvalue().encode())
