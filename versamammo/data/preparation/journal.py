"""Remembers what became of every file, so that a killed run goes on where it was.

One line of JSON per file, appended as files are finished; at the end of a run, when the disk has
everything, it is written anew in order. A line cut short by a kill is dropped and its file done
again. Pictures are not forced to the disk one by one, which would take longer than making some of
them: a line names the boot of the machine that it was written in, and after another boot its
picture must be looked at before it is believed.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import IO

from versamammo.data.preparation.outcome import Failure, FileFacts, Outcome
from versamammo.files import parse_json, write_atomically


@dataclass(frozen=True)
class Stamp:
    """Size and time of change of a file, by which an unchanged one is known without reading it."""

    size: int
    changed_ns: int

    @classmethod
    def of(cls, path: Path) -> Stamp:
        """Look at a file on disk."""
        status = path.stat()
        return cls(status.st_size, status.st_mtime_ns)


@dataclass(frozen=True)
class Entry:
    """One file as it was when it was done, under which recipe, and what became of it.

    Attributes:
        boot: of the machine while the picture may not have reached the disk; None once it has.
    """

    path: str
    stamp: Stamp
    recipe: str
    outcome: Outcome
    boot: str | None = None

    def to_line(self) -> str:
        """Write the entry as one line of JSON."""
        kind = "facts" if isinstance(self.outcome, FileFacts) else "failure"
        return json.dumps(
            {
                "path": self.path,
                "stamp": asdict(self.stamp),
                "recipe": self.recipe,
                "boot": self.boot,
                kind: asdict(self.outcome),
            },
            sort_keys=True,
        )

    @classmethod
    def from_line(cls, line: str) -> Entry:
        """Take an entry back from its line.

        Raises:
            ValueError, KeyError, TypeError: the line is damaged or of another version.
        """
        found = parse_json(line)
        outcome = (
            FileFacts.from_json(found["facts"]) if "facts" in found else Failure(**found["failure"])
        )
        stamp = Stamp(**found["stamp"])
        return cls(found["path"], stamp, found["recipe"], outcome, found["boot"])


class Journal:
    """The memory of one output folder: path -> what became of it."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.entries: dict[str, Entry] = {}
        self._stream: IO[str] | None = None
        if path.is_file():
            for line in path.read_text(encoding="utf-8").splitlines():
                try:
                    entry = Entry.from_line(line)
                except (ValueError, KeyError, TypeError):
                    continue  # cut short by a kill: the file is done again
                self.entries[entry.path] = entry

    def add(self, entry: Entry) -> None:
        """Remember an entry for good; needs `writing`."""
        if self._stream is None:
            raise RuntimeError("the journal is not open for writing")
        self._stream.write(entry.to_line() + "\n")
        self._stream.flush()  # into the system's hands: a kill of this process cannot lose it
        self.entries[entry.path] = entry

    @contextmanager
    def writing(self) -> Iterator[Journal]:
        """Open for appending; closed without losing what was added, come what may."""
        with self.path.open("a+b") as tail:
            size = tail.seek(0, os.SEEK_END)
            tail.seek(max(0, size - 1))
            torn = tail.read() not in (b"", b"\n")
        with self.path.open("a", encoding="utf-8") as self._stream:
            if torn:
                self._stream.write("\n")
            try:
                yield self
            finally:
                os.fsync(self._stream.fileno())
        self._stream = None

    def tidy(self) -> None:
        """Write the whole journal anew, in order of paths, each file once.

        To be called when the disk has all pictures.
        """
        self.entries = {
            path: replace(self.entries[path], boot=None) for path in sorted(self.entries)
        }
        lines = (entry.to_line() + "\n" for entry in self.entries.values())
        write_atomically(self.path, "".join(lines).encode())


def this_boot() -> str:
    """Name the time since the machine was started; "unknown" where the system does not say."""
    try:
        return Path("/proc/sys/kernel/random/boot_id").read_text().strip()
    except OSError:
        return "unknown"
