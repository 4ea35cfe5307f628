"""The server's private folder: locked while it lives, swept of what nobody came back for."""

from __future__ import annotations

import fcntl
import os
import secrets
import shutil
import stat
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TextIO

from app.chat.session.limits import Limits

PREFIX = "versamammo-chat-"
LOCK = ".lock"
EXPORT = "export-"
PIXELS = "pixels-"
ROOMS = ("unpacked-", EXPORT, PIXELS)  # of a reading and of a visit, which delete them themselves


def claim(parent: Path | None = None) -> tuple[Path, TextIO]:
    """Make a private folder; returns it with its lock, which ends with the process.

    It gets its name once it is locked: under that name no other server ever sees it without.

    Raises:
        OSError: the disk is full; nothing is left of the folder.
    """
    parent = parent or Path(tempfile.gettempdir())
    made = Path(tempfile.mkdtemp(dir=parent, prefix=f".new-{PREFIX}"))
    try:
        lock = (made / LOCK).open("w")
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        return made.rename(parent / f"{PREFIX}{secrets.token_hex(6)}"), lock
    except OSError:
        shutil.rmtree(made, ignore_errors=True)
        raise


def sweep_dead(parent: Path | None = None) -> int:
    """Delete the private folders of servers that were killed; returns how many.

    Only folders of this user that hold a lock which nobody has any more.
    """
    parent = parent or Path(tempfile.gettempdir())
    swept = 0
    for folder in parent.glob(f"{PREFIX}*"):
        if _is_dead(folder):
            shutil.rmtree(folder, ignore_errors=True)
            swept += 1
    return swept


def _is_dead(folder: Path) -> bool:
    try:
        found = folder.lstat()
        if not stat.S_ISDIR(found.st_mode) or found.st_uid != os.getuid():
            return False
        handle = os.open(folder / LOCK, os.O_RDWR | os.O_NOFOLLOW)
    except OSError:
        # gone in the meantime, or without a lock: not known to be dead
        return False
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        return False
    finally:
        os.close(handle)
    return True


@dataclass(frozen=True)
class Waiting:
    """A file that was uploaded or drawn, and has not been opened or fetched yet."""

    path: Path
    bytes: int
    age: float


class PrivateFolder:
    """Counts and sweeps the files of a server's folder."""

    def __init__(self, home: Path, limits: Limits, clock: Callable[[], float] = time.time) -> None:
        self.home = home
        self.limits = limits
        self._clock = clock

    def waiting(self) -> list[Waiting]:
        """Return the files that wait, the oldest first."""
        now = self._clock()
        found = []
        for path in self._files():
            try:
                seen = path.lstat()
            except FileNotFoundError:
                continue
            found.append(Waiting(path, seen.st_size, now - seen.st_mtime))
        return sorted(found, key=lambda one: -one.age)

    @property
    def bytes(self) -> int:
        """Bytes of the files that wait."""
        return sum(one.bytes for one in self.waiting())

    def sweep(self) -> int:
        """Delete what waited too long, then the oldest until all fits; returns the bytes left."""
        waiting = self.waiting()
        left = sum(one.bytes for one in waiting)
        for one in waiting:
            if one.age > self.limits.waiting_seconds or left > self.limits.held_bytes:
                one.path.unlink(missing_ok=True)
                left -= one.bytes
        self._sweep_folders()
        return left

    def _files(self) -> Iterator[Path]:
        """Yield all files but those of readings and visits."""
        for entry in self.home.iterdir():
            if entry.name == LOCK or entry.name.startswith(ROOMS):
                continue
            if entry.is_dir() and not entry.is_symlink():
                yield from (path for path in entry.rglob("*") if not path.is_dir())
            else:
                yield entry

    def _sweep_folders(self) -> None:
        """Delete empty folders, and exports whose visit ended before they were written."""
        for entry in self.home.iterdir():
            if entry.is_symlink() or not entry.is_dir():
                continue
            age = self._clock() - entry.lstat().st_mtime
            if entry.name.startswith(EXPORT) and age > self.limits.held_seconds:
                shutil.rmtree(entry, ignore_errors=True)
            elif not entry.name.startswith(ROOMS) and age > self.limits.empty_seconds:
                with suppress(OSError):  # not empty
                    entry.rmdir()
