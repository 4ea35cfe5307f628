"""What is done to one file: read it, find the breast, cut it out, put it into the cache."""

from __future__ import annotations

import errno
import functools
import gc
import traceback
from dataclasses import asdict, dataclass
from pathlib import Path

import cv2
import numpy as np
from blake3 import blake3
from numpy.typing import NDArray

from versamammo.data.allocation import keep_memory
from versamammo.data.cache import content_key, write_levels
from versamammo.data.preparation.outcome import Failure, FileFacts, Outcome
from versamammo.data.sources.frame_paths import parted
from versamammo.errors import InputError
from versamammo.imaging.breast import Breast, find_breast_in, sampled
from versamammo.imaging.codecs.memory import is_shortage
from versamammo.imaging.mammogram import Mammogram
from versamammo.imaging.reading import expose
from versamammo.input.geometry import Crop
from versamammo.input.preprocess import plan_crop, shrink_cut

# raised whenever the same file would give other pixels or facts, so that old caches are not reused
METHOD = 3


@dataclass(frozen=True)
class Recipe:
    """The settings that decide what the cached picture looks like.

    Attributes:
        size: (rows, columns) that the breast is fitted within; never enlarged.
        window: which VOI window of the file, from 0; None means its first choice.
        for_processing: accept FOR PROCESSING images.
        method: `METHOD` of the program that made the picture.
    """

    size: tuple[int, int] = (1536, 1024)
    window: int | None = None
    for_processing: bool = False
    method: int = METHOD

    @property
    def name(self) -> str:
        """Return what names this recipe in the journal."""
        return self.key("")

    def key(self, digest: str) -> str:
        """Name the cached picture of a file with these bytes."""
        return content_key(digest, asdict(self))


@dataclass(frozen=True)
class Job:
    """What all files of a run have in common: where they lie, where they go, and how."""

    root: Path
    out: Path
    recipe: Recipe


@dataclass(frozen=True)
class FileTask:
    """One file, and the key of the picture that an earlier run made of that path."""

    path: str
    known: str | None = None


@dataclass(frozen=True)
class Unchanged:
    """The file has the bytes it had before, and its picture is in the cache."""


@dataclass(frozen=True, eq=False)
class ReadImage:
    """What was seen of one file.

    Attributes:
        sample: all that is known of the mammogram, around a few of its pixels.
        levels: uint16 [h, w], what the cache stores.
    """

    sample: Mammogram
    breast: Breast
    crop: Crop
    levels: NDArray[np.uint16]


def prepare_file(job: Job, task: FileTask) -> Outcome | Unchanged:
    """Prepare one file; whatever is wrong with it is said, not raised.

    Raises:
        MemoryError: memory ran out, which says nothing of the file.
        OSError: the cache cannot be written.
    """
    settle_in()
    try:
        file, frame = parted(task.path)
        data = read_bytes(job.root / file)
        digest = blake3(data).hexdigest()
        key = job.recipe.key(digest if frame is None else f"{digest} frame {frame}")
        if key == task.known:
            return Unchanged()
        picture = look(job.root / file, data, job.recipe, frame)
    except InputError as error:
        return Failure.because(error)
    except MemoryError:
        raise
    except Exception as error:
        if is_shortage(error):  # OpenCV has an exception of its own for it
            raise MemoryError(str(error)) from error
        message = f"internal error: {type(error).__name__}: {error}"
        return Failure("internal-error", message, ours=True, trace=traceback.format_exc())
    target = job.out / cached_path(key)
    write_levels(target, picture.levels)
    return describe(key, target.stat().st_size, picture)


@functools.cache
def settle_in() -> None:
    """Ready this process for many pictures, once: one thread, since the other cores have workers.

    Freed arrays stay with the process: to give 40 MB back and fetch them again for every picture
    takes a tenth of the time. What was imported is kept out of the search for garbage.
    """
    cv2.setNumThreads(1)
    keep_memory()
    gc.freeze()


def cached_path(key: str) -> str:
    """Place a picture in the cache, relative to the output folder; 256 folders keep each small."""
    return f"cache/{key[:2]}/{key}.tif"


def read_bytes(path: Path) -> bytes:
    """Read a file of the source.

    Raises:
        InputError: it cannot be opened or read.
    """
    try:
        return path.read_bytes()
    except OSError as error:
        if error.errno == errno.ENOMEM:
            raise MemoryError(str(error)) from error
        raise InputError(
            f"cannot be read: {error.strerror}", file=path, reason="unreadable"
        ) from error


def look(path: Path, content: bytes, recipe: Recipe, frame: int | None = None) -> ReadImage:
    """Read a file, find its breast and cut it out; only that part of the picture is looked up."""
    latent = expose(
        path,
        window=recipe.window,
        for_processing=recipe.for_processing,
        frame=frame,
        content=content,
    )
    samples = latent.sample(sampled)
    breast = find_breast_in(samples, latent.size)
    crop = plan_crop(latent.size, breast, bounds=recipe.size)
    levels = shrink_cut(latent.part, crop)
    return ReadImage(latent.around(pixels=samples), breast, crop, levels)


def describe(key: str, cached_bytes: int, picture: ReadImage) -> FileFacts:
    """Gather what the manifest wants to know of a picture."""
    mammogram, breast, crop = picture.sample, picture.breast, picture.crop
    made, named = mammogram.provenance, mammogram.identifiers
    rows, columns = crop.source_size
    return FileFacts(
        content_key=key,
        cached_bytes=cached_bytes,
        patient_id=named.patient_id,
        exam_id=named.exam_id,
        # a picture without tags is called after its file, which is the source's business
        image_id=named.image_id if made.format == "DICOM" else None,
        accession=named.accession,
        exam_date=named.exam_date,
        laterality=mammogram.laterality,
        laterality_source=mammogram.laterality_source,
        view=mammogram.view,
        view_source=mammogram.view_source,
        modifiers=mammogram.modifiers,
        vendor=made.vendor,
        model=made.model,
        age=made.age_years,
        rows=rows,
        columns=columns,
        bits=mammogram.bits,
        spacing_mm=mammogram.spacing_mm,
        chest_wall=breast.chest_wall,
        crop=crop.to_dict(),
        breast_box=breast.box.as_tuple(),
        warnings=(*mammogram.warnings, *breast.notes),
    )
