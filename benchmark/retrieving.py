"""Retrieval: the nearest images of other patients, by exact search over normalised features.

Everything that is scored follows from one sort per query. Each similarity becomes a whole number
that rises with it and carries in its last bit whether the image is irrelevant, so that the sort
moves numbers alone, no indices; of equal similarities the irrelevant come first.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import cast

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray

from benchmark.frozen_features import FeatureStore
from benchmark.samples import NeighboursSample, Sample
from benchmark.task_rows import Row, TaskRows
from benchmark.tasks import Task
from versamammo.errors import InputError

RANKED = 10  # first ranks that are kept
BLOCK = 256  # queries at a time
LARGE = 1_000_000  # images; beyond that an index is asked
DEEP = 1000  # neighbours an index gives
Floats = NDArray[np.float32]
Flags = NDArray[np.bool_]
Places = NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class Collection:
    """Images with what is true of them and whose they are.

    Attributes:
        vectors: [n, D], of length 1.
        classes: bool [n, K].
        patients: numbers [n].
        exams: numbers [n], -1 where unknown.
    """

    vectors: Floats
    classes: Flags
    patients: Places
    exams: Places


@dataclass(frozen=True, eq=False)
class SearchResults:
    """What a search gave for some queries.

    Attributes:
        ranked: bool [q, 10], relevant or not; columns beyond the gallery are False.
        kept: [q], images of other patients.
        relevant: [q], those that share a class.
        average_precision: [q], NaN where none is relevant.
    """

    ranked: Flags
    kept: Places
    relevant: Places
    average_precision: NDArray[np.float64]


def answers(task: Task, rows: TaskRows, store: FeatureStore) -> Iterator[Sample]:
    """Search the training and validation images for each test image."""
    gallery_rows = [*rows.train, *rows.val]
    store.ready([*gallery_rows, *rows.test])
    names: dict[str, int] = {}
    gallery = collect(task, gallery_rows, store, names)
    for start in range(0, len(rows.test), BLOCK):
        some = rows.test[start : start + BLOCK]
        queries = collect(task, some, store, names)
        found = search(queries, gallery)
        for place, row in enumerate(some):
            deep = min(RANKED, int(found.kept[place]))
            yield NeighboursSample(
                *row.about,
                truth=tuple(int(k) for k in np.flatnonzero(queries.classes[place])),
                ranked=tuple(bool(hit) for hit in found.ranked[place, :deep]),
                relevant=int(found.relevant[place]),
                average_precision=float(found.average_precision[place]),
            )  # fmt: skip


def collect(
    task: Task, rows: Sequence[Row], store: FeatureStore, names: dict[str, int]
) -> Collection:
    """Look rows up; names are numbered as they come."""
    classes = np.zeros((len(rows), len(task.classes)), np.bool_)
    for place, row in enumerate(rows):
        if isinstance(row.truth, tuple):
            classes[place] = np.array(row.truth) == 1
        else:
            classes[place, cast(int, row.truth)] = True
    number = names.setdefault
    return Collection(
        F.normalize(store.pooled(rows), dim=-1).numpy(),
        classes,
        np.array([number(f"patient {row.patient}", len(names)) for row in rows], np.int64),
        np.array(
            [-1 if row.exam is None else number(f"exam {row.exam}", len(names)) for row in rows],
            np.int64,
        ),
    )


def search(queries: Collection, gallery: Collection) -> SearchResults:
    """Rank the gallery for some queries, their own patients and exams left out.

    Raises:
        InputError: the gallery needs an index that is not installed (`missing-faiss`).
    """
    if len(gallery.vectors) > LARGE:
        return _search_index(queries, gallery)
    likeness = torch.from_numpy(queries.vectors) @ torch.from_numpy(gallery.vectors).T
    relevant, shown = _relations(queries, gallery, slice(None))
    # each query has a sort of its own, which lets other threads run
    workers = torch.get_num_threads()
    shares = np.array_split(np.arange(len(queries.vectors)), workers)
    with ThreadPoolExecutor(workers) as pool:
        return _joined(pool.map(lambda q: rank(likeness.numpy()[q], relevant[q], shown[q]), shares))


def _relations(
    queries: Collection, gallery: Collection, places: Places | slice
) -> tuple[Flags, Flags]:
    """Return for each query and image whether it is relevant, and whether it may be shown."""
    patients, exams = gallery.patients[places], gallery.exams[places]
    shared = queries.classes.astype(np.float32) @ gallery.classes[places].astype(np.float32).T
    own = queries.patients[:, None] == patients[None]
    own |= (queries.exams[:, None] == exams[None]) & (exams >= 0)[None]
    return (shared > 0) & ~own, ~own


def rank(likeness: Floats, relevant: Flags, shown: Flags) -> SearchResults:
    """Score rankings by similarity [q, n].

    Args:
        likeness: the greater the nearer.
        relevant: [q, n], only among those that are shown.
        shown: [q, n], the others are as if they were not there.
    """
    keys = _rising(likeness)
    keys <<= 1
    keys |= ~relevant
    keys[~shown] = np.iinfo(np.int64).min + 1  # behind all others, and odd as the irrelevant are
    keys.sort(axis=1)
    hits = (keys[:, ::-1] & 1) == 0  # nearest first
    counts = hits.sum(axis=1)
    which, place = np.nonzero(hits)
    before = np.arange(len(which)) - np.repeat(np.cumsum(counts) - counts, counts)
    precision = (before + 1) / (place + 1)
    total = np.bincount(which, weights=precision, minlength=len(hits))
    mean = np.divide(total, counts, out=np.full(len(hits), np.nan), where=counts > 0)
    return SearchResults(hits[:, :RANKED], shown.sum(axis=1), counts.astype(np.int64), mean)


def _rising(likeness: Floats) -> Places:
    """Turn floats into whole numbers of the same order."""
    # adding 0 turns -0 into 0, whose bits would differ
    bits = (np.ascontiguousarray(likeness, np.float32) + np.float32(0)).view(np.int32)
    return np.where(bits < 0, bits ^ np.int32(0x7FFFFFFF), bits).astype(np.int64)


def _search_index(queries: Collection, gallery: Collection) -> SearchResults:
    """Ask an index for the nearest; average precision is that of these alone."""
    try:
        import faiss  # type: ignore[import-not-found, unused-ignore]
    except ImportError as error:
        message = (
            f"{len(gallery.vectors)} images are more than are searched one by one ({LARGE}); "
            "`pip install faiss-cpu` gives the index for that"
        )
        raise InputError(message, field="gallery", reason="missing-faiss") from error
    index = faiss.IndexFlatIP(gallery.vectors.shape[1])
    index.add(gallery.vectors)
    likeness, places = index.search(queries.vectors, DEEP)
    parts = []
    for number in range(len(queries.vectors)):
        one = Collection(
            queries.vectors[[number]], queries.classes[[number]],
            queries.patients[[number]], queries.exams[[number]],
        )  # fmt: skip
        parts.append(rank(likeness[[number]], *_relations(one, gallery, places[number])))
    return _joined(parts)


def _joined(parts: Iterable[SearchResults]) -> SearchResults:
    every = list(parts)
    return SearchResults(*(np.concatenate([getattr(part, name) for part in every])
                   for name in ("ranked", "kept", "relevant", "average_precision")))  # fmt: skip
