"""Writing files so that a reader sees the old bytes or the new, never half of either."""

from __future__ import annotations

import fcntl
import os
import re
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from versamammo.errors import InputError

NUMBER = r"[+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?"
PARTIAL = ".part"  # suffix of a file that is still being written


def write_atomically(path: Path, data: bytes, *, durable: bool = True) -> bool:
    """Put `data` at `path` through a temporary file beside it; True if the bytes changed.

    A file that already holds these bytes is left alone, times and all.

    Args:
        path: where to.
        data: what the file holds afterwards.
        durable: wait until the disk has it. Without that the bytes survive the death of the
            process, but not that of the machine in the next half minute.

    Raises:
        OSError: the folder cannot be written or the disk is full; no temporary file remains.
    """
    if path.is_file() and path.stat().st_size == len(data) and path.read_bytes() == data:
        return False
    partial = path.with_name(f".{path.name}.{secrets.token_hex(4)}{PARTIAL}")
    try:
        with partial.open("wb") as stream:
            stream.write(data)
            stream.flush()
            if durable:
                os.fsync(stream.fileno())
        partial.replace(path)
    except BaseException:
        partial.unlink(missing_ok=True)
        raise
    return True


def plain_cell(value: object) -> object:
    """Return a cell for a CSV file that no spreadsheet takes for a formula; numbers pass."""
    if not isinstance(value, str) or not re.match(r"[=+\-@\t\r]", value):
        return value
    return value if re.fullmatch(NUMBER, value) else f"'{value}"


def sweep_partial(folder: Path) -> int:
    """Remove what a killed run left half-written anywhere under `folder`; returns how many."""
    left = list(folder.rglob(f".*{PARTIAL}"))
    for path in left:
        path.unlink(missing_ok=True)
    return len(left)


@contextmanager
def alone_in(out: Path, field: str) -> Iterator[None]:
    """Keep every other run out of a folder, which is made if need be.

    The lock belongs to the process and ends with it, however it ends.

    Args:
        out: the folder.
        field: the option that named it, for messages.

    Raises:
        InputError: the folder cannot be made or written, or another run is at work in it.
    """
    try:
        out.mkdir(parents=True, exist_ok=True)
        lock = (out / ".lock").open("a")
    except (PermissionError, NotADirectoryError, FileExistsError) as error:
        message = f"cannot be written: {error.strerror}"
        raise InputError(message, file=out, field=field, reason="bad-output") from error
    with lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            message = "another run is writing to this folder; wait for it or choose another"
            raise InputError(message, file=out, field=field, reason="in-use") from error
        yield
