"""Files written so that a reader sees the old bytes or the new, and other people's JSON read."""

from __future__ import annotations

import errno
import fcntl
import json
import os
import re
import secrets
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from versamammo.errors import InputError

NUMBER = r"[+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?"
PARTIAL = ".part"  # suffix of a file or folder that is still being written
REPLACED = ".old"  # suffix of a folder while another takes its place
LOCK = ".lock"
CACHE = "VERSAMAMMO_CACHE"  # names another folder than ~/.cache/versamammo
FULL_DISK = (errno.ENOSPC, errno.EDQUOT)
# safetensors and ONNX report a failed write by their own exceptions, with the system's words
FULL_DISK_WORDS = tuple(os.strerror(code) for code in FULL_DISK)


def write_atomically(path: Path, data: bytes, *, durable: bool = True) -> bool:
    """Put `data` at `path` through a temporary file beside it; True if the bytes changed.

    A file that already holds these bytes is left alone, times and all; folders that are missing
    are made.

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
    path.parent.mkdir(parents=True, exist_ok=True)
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


def is_full_disk(error: BaseException) -> bool:
    """Return whether something could not be written because there is no room left for it."""
    words = str(error)
    return getattr(error, "errno", None) in FULL_DISK or any(
        one in words for one in FULL_DISK_WORDS
    )


def parse_json(text: str | bytes, **options: Any) -> Any:
    """Return what a JSON text holds.

    Args:
        text: UTF-8.
        options: for `json.loads`.

    Raises:
        ValueError: it is no JSON, no UTF-8, or nested so deeply that Python gives up.
    """
    try:
        return json.loads(text, **options)
    except RecursionError as error:
        raise ValueError("nested too deeply") from error


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


def sweep_folders(folder: Path) -> None:
    """Remove files and folders under `folder` that a killed run left half-written."""
    for path in folder.rglob(f"*{PARTIAL}"):
        if path.is_dir():
            shutil.rmtree(path, ignore_errors=True)
        else:
            path.unlink(missing_ok=True)


@contextmanager
def whole_folder(final: Path) -> Iterator[Path]:
    """Return a folder to fill, which takes the place of `final` once all of it is there.

    A block that raises leaves `final` as it was. A process killed between the two renamings
    leaves the folder that was there under another name, from where `settle` brings it back.
    """
    partial = final.with_name(f"{final.name}{PARTIAL}")
    shutil.rmtree(partial, ignore_errors=True)
    try:
        partial.mkdir(parents=True)
        yield partial
        _sync_all(partial)
        replaced = final.with_name(f"{final.name}{REPLACED}")
        shutil.rmtree(replaced, ignore_errors=True)
        if final.exists():
            final.rename(replaced)
        partial.rename(final)
        shutil.rmtree(replaced, ignore_errors=True)
    except BaseException:
        shutil.rmtree(partial, ignore_errors=True)
        raise


def settle(final: Path) -> None:
    """Bring back what `whole_folder` was about to replace when its process was killed."""
    replaced = final.with_name(f"{final.name}{REPLACED}")
    if replaced.is_dir() and not final.exists():
        replaced.rename(final)
    shutil.rmtree(replaced, ignore_errors=True)


def _sync_all(folder: Path) -> None:
    """Wait until the disk holds every file of a folder."""
    for path in folder.rglob("*"):
        if path.is_file():
            with path.open("rb") as file:
                os.fsync(file.fileno())


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
        lock = (out / LOCK).open("a")
    except OSError as error:
        if is_full_disk(error):
            raise
        message = f"cannot be written: {error.strerror}"
        raise InputError(message, file=out, field=field, reason="bad-output") from error
    with lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            message = "another run is writing to this folder; wait for it or choose another"
            raise InputError(message, file=out, field=field, reason="in-use") from error
        yield


def cache_folder() -> Path:
    """Return the folder for what can be made again: VERSAMAMMO_CACHE, or the user's cache."""
    named = os.environ.get(CACHE)
    if named:
        return Path(named)
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "versamammo"
