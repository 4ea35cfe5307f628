"""Keeps a patient of several prepared folders from standing on two sides of a split.

Each folder was split by itself. A patient id that two folders have may be chance, and may be one
woman; a picture that two folders have shows one woman for sure. In doubt nobody is learnt from who
is held out elsewhere: of all images that belong together those stay that stand on the strictest
side, and the others are left out.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

from versamammo.data.splits.draw import SPLITS

COLUMNS = ("image_id", "patient_id", "exam_id", "content_key", "split")
KEPT, SAME_PATIENT, SAME_PICTURE = 0, 1, 2
NOWHERE = -1  # the side of an image that is in no split


def left_out(tables: Sequence[pa.Table]) -> list[NDArray[np.int8]]:
    """Return whether each image of each folder stays: KEPT, SAME_PATIENT or SAME_PICTURE.

    Args:
        tables: of each folder its images, with the columns `COLUMNS`.

    Returns:
        for each folder [n]; the number says what another folder holds out.
    """
    sizes = [table.num_rows for table in tables]
    folder = np.repeat(np.arange(len(tables)), sizes)
    persons = [_persons(table) for table in tables]
    named = np.concatenate([named for named, _ in persons])
    whose = _codes([f"{n} {name}" for n, (_, names) in enumerate(persons) for name in names])
    ids = _shared(_codes([name for _, names in persons for name in names]), folder)
    ids[~named] = -1
    keys = [key for table in tables for key in table["content_key"].to_pylist()]
    pictures = _shared(_codes(keys), folder)
    side = np.concatenate([_sides(table) for table in tables])

    together = _together(whose, ids, pictures)
    strictest = np.full(together.max(initial=-1) + 1, NOWHERE)
    np.maximum.at(strictest, together, side)
    several = _of_several(together, folder)
    out = several & (side != NOWHERE) & (side < strictest[together])
    # a patient is left out for her id where any image of hers has one that another folder has
    by_id = np.zeros(whose.max(initial=-1) + 1, np.bool_)
    by_id[whose[ids >= 0]] = True
    told = np.where(out, np.where(by_id[whose], SAME_PATIENT, SAME_PICTURE), KEPT)
    return np.split(told.astype(np.int8), np.cumsum(sizes)[:-1])


def _persons(table: pa.Table) -> tuple[NDArray[np.bool_], list[str]]:
    """Name whom each image is of, and whether by an id that another folder could have too."""
    patients, exams, images = (
        table[name].to_pylist() for name in ("patient_id", "exam_id", "image_id")
    )
    names = [
        f"patient {patient}" if patient is not None
        else f"exam {exam}" if exam is not None
        else f"image {image}"
        for patient, exam, image in zip(patients, exams, images, strict=True)
    ]  # fmt: skip
    named = pc.or_(pc.is_valid(table["patient_id"]), pc.is_valid(table["exam_id"]))
    return named.to_numpy(), names


def _codes(words: Sequence[str]) -> NDArray[np.int64]:
    """Number words [n], equal ones alike."""
    numbered = pa.array(words, pa.string()).dictionary_encode().indices
    return np.asarray(numbered.to_numpy(zero_copy_only=False), np.int64)


def _shared(codes: NDArray[np.int64], folder: NDArray[np.int64]) -> NDArray[np.int64]:
    """Keep the codes [n] that occur in more than one folder; -1 for the others."""
    return np.where(_of_several(codes, folder), codes, -1)


def _of_several(groups: NDArray[np.int64], folder: NDArray[np.int64]) -> NDArray[np.bool_]:
    """Return whether the group of each image [n] has images of more than one folder."""
    first = np.full(groups.max(initial=-1) + 1, np.iinfo(np.int64).max)
    last = np.full(len(first), -1)
    np.minimum.at(first, groups, folder)
    np.maximum.at(last, groups, folder)
    several: NDArray[np.bool_] = (first < last)[groups]
    return several


def _sides(table: pa.Table) -> NDArray[np.int64]:
    """Return how strictly each image [n] is held out: 0 train, 1 val, 2 test."""
    numbers = {name: number for number, name in enumerate(SPLITS)}
    return np.array([numbers.get(name, NOWHERE) for name in table["split"].to_pylist()], np.int64)


def _together(
    whose: NDArray[np.int64], ids: NDArray[np.int64], pictures: NDArray[np.int64]
) -> NDArray[np.int64]:
    """Number the groups [n] of images that a person, an id or a picture holds together."""
    people, shared = int(whose.max(initial=-1)) + 1, int(ids.max(initial=-1)) + 1
    size = people + shared + int(pictures.max(initial=-1)) + 1
    links = [
        (whose[codes >= 0], codes[codes >= 0] + start)
        for codes, start in ((ids, people), (pictures, people + shared))
    ]
    first, second = (np.concatenate(ends) for ends in zip(*links, strict=True))
    graph = coo_array((np.ones(len(first), np.int8), (first, second)), shape=(size, size))
    groups = connected_components(graph, directed=False)[1]
    return np.asarray(groups[whose], np.int64)
