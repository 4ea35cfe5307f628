"""Unpack a zip that a stranger made: no member leaves the folder, none explodes."""

from __future__ import annotations

import errno
import lzma
import stat
import struct
import zipfile
import zlib
from dataclasses import dataclass
from pathlib import Path

from app.chat.session.limits import Limits
from versamammo.errors import InputError
from versamammo.files import is_full_disk

NO_ROOM = "there is no room left on the server's disk"
CHUNK = 1 << 20
SMALL = 1 << 20  # below this a member cannot do harm, whatever its ratio
# What the standard library raises on damaged data or unknown kinds, MemoryError where a damaged
# LZMA head asks for gigabytes. For bzip2, and for places outside the file, it is an OSError.
DAMAGE = (
    zipfile.BadZipFile, zlib.error, lzma.LZMAError, OSError, EOFError, ValueError, KeyError,
    IndexError, OverflowError, struct.error, NotImplementedError, RuntimeError, MemoryError,
)  # fmt: skip
OURS = (errno.ENOSPC, errno.EDQUOT, errno.EROFS, errno.EIO, errno.EACCES, errno.EMFILE)


@dataclass(frozen=True)
class Unpacked:
    """One member that was unpacked, under a name of our own, and what it was called inside."""

    path: Path
    inside: str


def is_zip(path: Path) -> bool:
    """Return whether a file starts as zip archives do; DICOM preambles may hold anything else."""
    with path.open("rb") as file:
        return file.read(4) in (b"PK\x03\x04", b"PK\x05\x06")


def unpack(
    path: Path, folder: Path, limits: Limits
) -> tuple[list[Unpacked], list[tuple[str, str]]]:
    """Unpack what is safe into `folder`; returns the files, and (name, why) of those left out.

    A member that is damaged or for which there is no room is left out; the others are unpacked.

    Raises:
        InputError: the archive's list is damaged, or too long to be honest.
    """
    try:
        with zipfile.ZipFile(path) as archive:
            return _unpack_members(archive, folder, limits)
    except InputError:
        raise
    except DAMAGE as error:
        if isinstance(error, OSError) and error.errno in OURS:
            raise
        raise InputError("the zip file is damaged or of an unknown kind", reason="bad-zip") from (
            error
        )


def _unpack_members(
    archive: zipfile.ZipFile, folder: Path, limits: Limits
) -> tuple[list[Unpacked], list[tuple[str, str]]]:
    members = archive.infolist()
    if len(members) > limits.members:
        raise InputError(
            f"the zip file holds {len(members)} entries; at most {limits.members} are taken",
            reason="zip-too-many",
        )
    kept: list[Unpacked] = []
    refused: list[tuple[str, str]] = []
    left = limits.unpacked_bytes
    full = ""
    for number, member in enumerate(members):
        if member.is_dir():
            continue
        name = last_part(member.filename)
        problem = full or _problem(member, limits)
        if problem:
            refused.append((name, problem))
            continue
        # our own name: the stranger's may lead out of the folder or name a device
        target = folder / f"member{number}"
        try:
            left -= _copy(archive, member, target, left)
        except _NoRoom as error:
            target.unlink(missing_ok=True)
            full = str(error)  # of all that follow: each would take time to unpack in vain
            refused.append((name, full))
            continue
        except DAMAGE as error:
            if isinstance(error, OSError) and error.errno in OURS:
                raise
            left -= target.stat().st_size if target.exists() else 0
            target.unlink(missing_ok=True)
            refused.append((name, "left out, it is damaged inside the zip"))
            continue
        kept.append(Unpacked(target, member.filename))
    return kept, refused


class _NoRoom(Exception):
    """There is no room for a member: the limit is reached, or the disk is full."""


def _problem(member: zipfile.ZipInfo, limits: Limits) -> str | None:
    """Return why a member is left out, or None."""
    parts = member.filename.replace("\\", "/").split("/")
    if member.filename.startswith(("/", "\\")) or ".." in parts or ":" in parts[0]:
        return "left out, its name points outside the zip file"
    mode = member.external_attr >> 16
    if stat.S_ISLNK(mode):
        return "left out, it is a link and no file"
    if member.flag_bits & 0x1:
        return "left out, it is encrypted"
    if member.file_size > SMALL and member.file_size > limits.ratio * max(1, member.compress_size):
        return "left out, it unpacks to far more than a picture would"
    return None


def _copy(archive: zipfile.ZipFile, member: zipfile.ZipInfo, target: Path, left: int) -> int:
    """Unpack one member, counting what really comes out: headers may lie.

    Raises:
        _NoRoom: more than `left` comes out, or the disk is full.
    """
    written = 0
    # without a buffer: what does not fit fails here, and not once more when the file is closed
    with archive.open(member) as source, target.open("xb", buffering=0) as sink:
        while chunk := source.read(CHUNK):
            written += len(chunk)
            if written > left:
                raise _NoRoom("left out, the zip file unpacks to more than is taken")
            try:
                fits = sink.write(chunk) == len(chunk)
            except OSError as error:
                if not is_full_disk(error):
                    raise
                fits = False
            if not fits:
                raise _NoRoom(f"left out, {NO_ROOM}")
    return written


def last_part(name: str) -> str:
    """Return the last part of a path written by anybody, cut to a readable length."""
    return name.replace("\\", "/").rstrip("/").rsplit("/", 1)[-1][:60] or "a file"
