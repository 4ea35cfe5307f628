"""Lists the files under a root, in a fixed order, without ever leaving it."""

from __future__ import annotations

import functools
import os
from collections.abc import Iterator
from pathlib import Path

from versamammo.data.quarantine import Quarantined
from versamammo.errors import InputError


def walk(root: Path) -> Iterator[str | Quarantined]:
    """Return every file's path relative to `root`, sorted; what cannot be listed with its reason.

    Links to folders are not followed: a folder inside the root is reached by its own name.

    Raises:
        InputError: the root itself is missing or cannot be opened.
    """
    check_root(root)
    failed: list[OSError] = []
    for folder, folders, files in os.walk(root, followlinks=False, onerror=failed.append):
        folders.sort()
        for name in sorted(files):
            yield checked(root, Path(folder, name))
        for name in folders:
            if isinstance(link := checked(root, Path(folder, name)), Quarantined):
                yield link
    for error in failed:
        place = Path(error.filename).relative_to(root).as_posix()
        yield Quarantined(place, "", "unreadable-folder", f"cannot be listed: {error.strerror}")


def checked(root: Path, path: Path) -> str | Quarantined:
    """Pass on the path of something met while walking, unless it leads out of the root."""
    relative = path.relative_to(root).as_posix()
    try:
        relative.encode()
    except UnicodeEncodeError:
        shown = relative.encode("ascii", "backslashreplace").decode()
        return Quarantined(shown, "", "name-not-text", "the file's name is not valid UTF-8")
    # links alone can lead astray: the folders above were walked, not followed
    if path.is_symlink() and not inside(root, path):
        return leads_out(relative)
    if not path.is_file() and not path.is_dir():
        # a pipe or a device would keep a reader waiting, a broken link has nothing to read
        return Quarantined(relative, "", "not-a-file", "a pipe, a device or a broken link")
    return relative


def inside(root: Path, path: Path) -> bool:
    """Return whether a path, links and dots resolved, still lies under the root."""
    return path.resolve().is_relative_to(resolved(root.absolute()))


@functools.lru_cache(maxsize=8)
def resolved(root: Path) -> Path:
    """Resolve a root once for all its files."""
    return root.resolve()


def leads_out(path: str) -> Quarantined:
    """Return the refusal of a path that ends outside the source folder."""
    return Quarantined(path, "", "outside-root", "leads out of the source folder; not followed")


def check_root(root: Path) -> None:
    """Stop at a source folder that is not there or cannot be opened.

    Raises:
        InputError: with reason "missing-folder" or "unreadable-folder".
    """
    if not root.is_dir():
        raise InputError("no such folder", file=root, field="source", reason="missing-folder")
    try:
        with os.scandir(root) as entries:
            next(entries, None)
    except OSError as error:
        raise InputError(
            f"the folder cannot be opened: {error.strerror}",
            file=root, field="source", reason="unreadable-folder",
        ) from error  # fmt: skip
