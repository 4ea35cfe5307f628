"""Writing files so that a reader sees the old bytes or the new, never half of either."""

from __future__ import annotations

import os
import secrets
from pathlib import Path

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


def sweep_partial(folder: Path) -> int:
    """Remove what a killed run left half-written anywhere under `folder`; returns how many."""
    left = list(folder.rglob(f".*{PARTIAL}"))
    for path in left:
        path.unlink(missing_ok=True)
    return len(left)
