"""From what was dropped to an exam: files, folders, zips and a DICOMDIR; refusals in plain words.

Uploaded copies are deleted as soon as they have been read: from then on only pixels are kept.
"""

from __future__ import annotations

import os
import shutil
import tempfile
import traceback
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from app.chat.evidence.exam import Exam, ExamImage, gather, load_image
from app.chat.session.dicomdir import is_dicomdir, missing_from
from app.chat.session.limits import Limits
from app.chat.session.unpacking import NO_ROOM, is_zip, last_part, unpack
from versamammo.errors import InputError
from versamammo.files import is_full_disk
from versamammo.imaging.mammogram import Identifiers
from versamammo.imaging.reading import looks_readable

PLAIN = {  # by the reason of a refusal: what a reader can do about it
    "unknown-format": "this is no picture that can be read (DICOM, PNG, JPEG, TIFF or PGM)",
    "for-processing": "these are raw detector values; drop the image made for presentation",
    "tomosynthesis": "this is a tomosynthesis stack; drop its synthetic 2-D view instead",
    "empty": "the file is empty",
}
GONE = "it waited too long and was deleted; drop it again"
FAULT = "it could not be read: something went wrong here, not with your file"


@dataclass(frozen=True)
class Dropped:
    """One file to read: where it lies and what its owner calls it."""

    path: Path
    name: str


@dataclass
class Intake:
    """What became of a drop so far.

    Attributes:
        exam: set when all files were read and at least one could be used.
        refused: (file, why) in plain words.
        progress: what is being done, for the page.
    """

    exam: Exam | None = None
    refused: list[tuple[str, str]] = field(default_factory=list)
    progress: str = ""


def take_in(paths: Sequence[Path], home: Path, limits: Limits) -> Iterator[Intake]:
    """Read what was dropped, telling after each file how far it is; uploads are deleted after.

    Args:
        paths: uploaded files, each inside `home`.
        home: the private folder of uploads.
        limits: what one visitor may bring.
    """
    intake = Intake()
    keep(paths, home)
    try:
        room = Path(tempfile.mkdtemp(dir=home, prefix="unpacked-"))
    except OSError as error:
        if not is_full_disk(error):
            raise
        intake.refused += [(last_part(path.name), NO_ROOM) for path in paths]
        discard(paths, home)
        yield intake
        return
    loaded: list[tuple[ExamImage, Identifiers]] = []
    try:
        files = _pick(_expand(paths, home, room, limits, intake), intake, limits)
        for number, dropped in enumerate(files, start=1):
            intake.progress = f"Reading picture {number} of {len(files)} …"
            yield intake
            try:
                loaded.append(load_image(dropped.path))
            except InputError as error:
                intake.refused.append((dropped.name, plain(error)))
            except MemoryError:
                intake.refused.append((dropped.name, "the picture is too large for this machine"))
            except Exception as error:
                # our fault, of this file alone; a message may hold what the file says of a person
                traceback.print_tb(error.__traceback__)
                intake.refused.append((dropped.name, FAULT))
        if loaded:
            intake.exam = gather(loaded)
        intake.progress = f"{len(loaded)} of {len(loaded) + len(intake.refused)} files read."
        yield intake
    finally:
        shutil.rmtree(room, ignore_errors=True)
        discard(paths, home)


def plain(error: InputError) -> str:
    """Return in plain words why a file is not used, naming the field if there is one."""
    return PLAIN.get(error.reason) or ": ".join(p for p in (error.field, error.message) if p)


def inside(path: Path, home: Path) -> bool:
    """Return whether a path really lies in the private folder, links followed."""
    return path.resolve().is_relative_to(home.resolve())


def keep(paths: Sequence[Path], home: Path) -> None:
    """Count the time that uploads may wait from now on: their turn has come."""
    for path in paths:
        if inside(path, home) and path.is_file():
            os.utime(path)


def discard(paths: Sequence[Path], home: Path) -> None:
    """Delete uploaded files, and only those."""
    for path in paths:
        if inside(path, home) and path.is_file():
            path.unlink()


def _expand(
    paths: Sequence[Path], home: Path, room: Path, limits: Limits, intake: Intake
) -> list[Dropped]:
    """List single files, zips unpacked; whatever lies outside the private folder is refused."""
    files: list[Dropped] = []
    for number, path in enumerate(paths):
        name = last_part(path.name)
        try:
            files += _expand_one(path, name, home, room / str(number), limits, intake)
        except OSError as error:
            gone = isinstance(error, FileNotFoundError)
            why = NO_ROOM if is_full_disk(error) else GONE if gone else FAULT
            intake.refused.append((name, why))
    return files


def _expand_one(
    path: Path, name: str, home: Path, folder: Path, limits: Limits, intake: Intake
) -> list[Dropped]:
    """Return the file itself, or the members of a zip; a refusal is noted."""
    if not inside(path, home) or not path.is_file():
        intake.refused.append((name, "this is not a file that was uploaded here"))
        return []
    if path.stat().st_size > limits.file_bytes:
        most = limits.file_bytes // 1_000_000
        intake.refused.append((name, f"larger than {most} MB, which is the most taken"))
        return []
    return _expand_zip(path, folder, limits, intake) if is_zip(path) else [Dropped(path, name)]


def _expand_zip(path: Path, folder: Path, limits: Limits, intake: Intake) -> list[Dropped]:
    folder.mkdir()
    try:
        members, refused = unpack(path, folder, limits)
    except InputError as error:
        intake.refused.append((last_part(path.name), plain(error)))
        return []
    intake.refused += refused
    return [Dropped(member.path, last_part(member.inside)) for member in members]


def _pick(files: list[Dropped], intake: Intake, limits: Limits) -> list[Dropped]:
    """Take the pictures among the files, as many as an exam may have."""
    indexes = [dropped for dropped in files if is_dicomdir(dropped.path)]
    rest = [dropped for dropped in files if dropped not in indexes]
    for index in indexes:
        problem = missing_from(index.path, {dropped.name for dropped in rest})
        if problem is not None:
            intake.refused.append((index.name, problem))
    pictures: list[Dropped] = []
    for dropped in rest:
        if not looks_readable(dropped.path):
            empty = dropped.path.stat().st_size == 0
            reason = PLAIN["empty" if empty else "unknown-format"]
            intake.refused.append((dropped.name, reason))
        elif len(pictures) == limits.images:
            intake.refused.append((dropped.name, f"only {limits.images} pictures are taken"))
        else:
            pictures.append(dropped)
    return pictures
