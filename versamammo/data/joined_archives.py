"""Several prepared folders as one archive, so that one run learns from all of them.

The rows of all manifests lie behind each other in one table. Identifiers begin with their source,
so that patient 1 of one archive is not patient 1 of another; what a source does not say of an image
is unknown, as within a folder. Nobody stands on two sides of a split (`shared_patients`).
"""

from __future__ import annotations

import hashlib
import os
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from versamammo.data import shared_patients
from versamammo.data.dataset import Archive
from versamammo.data.licence_filter import keep_shareable
from versamammo.data.manifest import read_manifest
from versamammo.data.source_counts import SourceCount, count_sources
from versamammo.data.sources.archives.catalogue import may_be_shared
from versamammo.data.weighted_folders import Stretch, WeightedFolder, weighted_folders
from versamammo.errors import InputError

READ = ("source", *shared_patients.COLUMNS)
OWN = ("image_id", "patient_id", "exam_id")  # that get their source's name in front
OTHER_SPLIT, LICENCE = "of other splits", "whose terms do not let weights be shared"
WHY = {
    shared_patients.SAME_PATIENT: "whose patient id another folder holds out",
    shared_patients.SAME_PICTURE: "whose picture another folder holds out",
}


class JoinedArchive(Archive):
    """The images of several prepared folders; its `parts` have them under their own names."""

    def __init__(
        self,
        parts: Sequence[Archive],
        weights: Sequence[float],
        names: Sequence[Sequence[str]],
        counts: Sequence[SourceCount],
    ) -> None:
        """Lay the images of the parts behind each other.

        Args:
            parts: one for each folder.
            weights: of the folders.
            names: for each part, what stands before the identifiers of each of its images.
            counts: where the images of the folders went.
        """
        folder = Path(os.path.commonpath([part.folder.absolute() for part in parts]))
        tables = [_renamed(*one, folder) for one in zip(parts, names, strict=True)]
        super().__init__(folder, pa.concat_tables(tables))
        self._parts = tuple(parts)
        sizes = map(len, parts)
        self._stretches = tuple(map(Stretch, sizes, weights))
        self._counts = tuple(counts)

    @property
    def parts(self) -> tuple[Archive, ...]:
        """The images folder by folder."""
        return self._parts

    @property
    def stretches(self) -> tuple[Stretch, ...]:
        """How many images each folder has, and how often they are drawn."""
        return self._stretches

    @property
    def counts(self) -> tuple[SourceCount, ...]:
        """Where the images of each source of each folder went."""
        return self._counts

    @property
    def digest(self) -> str:
        """Hash of which images are here, with what content, in which split and how often drawn."""
        return hashlib.sha256(f"{super().digest} {self._stretches}".encode()).hexdigest()[:16]


def open_archive(
    data: Sequence[str] | str | Path, splits: Sequence[str], *, shareable: bool = False
) -> Archive:
    """Open the images of some splits, of one prepared folder or of several together.

    Args:
        data: `FOLDER`, or several as `FOLDER` or `FOLDER:WEIGHT`.
        splits: of these.
        shareable: only of sources whose terms let weights made from them be passed on.

    Raises:
        InputError: a folder holds no manifest, or no folder has an image of these splits, or none
            that is shareable.
    """
    folders = weighted_folders(data)
    if len(folders) == 1:
        return Archive.open(folders[0].folder, splits, shareable=shareable)
    rows = [read_manifest(one.folder, READ) for one in folders]
    if shareable:
        keep_shareable(pa.concat_tables([table.select(["source"]) for table in rows]))
    why = _reasons(rows, splits, shareable)
    present = [n for n, reasons in enumerate(why) if (reasons == "").any()]
    if not present:
        message = f"no image is in the splits {', '.join(splits)}"
        raise InputError(message, file=folders[0].folder, field="split", reason="empty-split")
    labels = _labels(rows)
    parts, names = [], []
    for n in present:
        table = Archive.open(folders[n].folder, splits, shareable=shareable).table
        stays = rows[n].filter(pa.array(why[n] == ""))
        part = Archive(folders[n].folder, _only(table, stays["image_id"]))
        parts.append(part)
        names.append([labels[n][source] for source in part.table["source"].to_pylist()])
    weights = [folders[n].weight for n in present]
    counts = [
        count for one, table, reasons in zip(folders, rows, why, strict=True)
        for count in _counts(one, table, reasons)
    ]  # fmt: skip
    return JoinedArchive(parts, weights, names, counts)


def _reasons(
    rows: Sequence[pa.Table], splits: Sequence[str], shareable: bool
) -> list[NDArray[np.str_]]:
    """Return of each image of each folder why it is not opened; "" if it is."""
    found = []
    hidden = [
        np.array([shareable and not may_be_shared(name) for name in table["source"].to_pylist()])
        for table in rows
    ]
    # who is not learnt from at all holds nobody out
    seen = [table.filter(pa.array(~no)) for table, no in zip(rows, hidden, strict=True)]
    for table, no, told in zip(rows, hidden, shared_patients.left_out(seen), strict=True):
        reasons = np.full(table.num_rows, LICENCE, dtype=object)
        reasons[~no] = [WHY.get(int(number), "") for number in told]
        of_others = ~np.isin(np.array(table["split"].to_pylist(), dtype=object), list(splits))
        reasons[~no & of_others] = OTHER_SPLIT
        found.append(reasons)
    return found


def _counts(one: WeightedFolder, table: pa.Table, reasons: NDArray[np.str_]) -> list[SourceCount]:
    """Count where the images of each source of a folder went."""
    used = {count.source: count for count in count_sources(table.filter(pa.array(reasons == "")))}
    sources = np.array(table["source"].to_pylist(), dtype=object)
    made = []
    for source in sorted(set(sources)):
        out = Counter(reasons[(sources == source) & (reasons != "")])
        count = used.get(source)
        made.append(
            SourceCount(
                source, one.folder.name, one.weight, int((sources == source).sum()),
                count.images if count else 0, count.patients if count else 0,
                dict(sorted(out.items())),
            )
        )  # fmt: skip
    return made


def _labels(rows: Sequence[pa.Table]) -> list[dict[str, str]]:
    """Choose what stands before the identifiers of each source of each folder.

    Two folders may call different sources alike, as two exports of a hospital are: from the second
    on the name gets a number.
    """
    seen: Counter[str] = Counter()
    labels = []
    for table in rows:
        own = {}
        for source in sorted(pc.unique(table["source"]).to_pylist()):
            seen[source] += 1
            own[source] = source if seen[source] == 1 else f"{source}#{seen[source]}"
        labels.append(own)
    return labels


def _only(table: pa.Table, images: pa.ChunkedArray) -> pa.Table:
    """Keep some images; a table that keeps all stays mapped from its file."""
    if len(images) == table.num_rows:
        return table
    return table.filter(pc.is_in(table["image_id"], images.combine_chunks()))


def _renamed(part: Archive, names: Sequence[str], folder: Path) -> pa.Table:
    """Put the source's name before identifiers, and the folder's before files."""
    table = part.table
    before = pa.array(names, pa.string())
    for name in OWN:
        named = pc.binary_join_element_wise(before, table[name], "/")
        table = _replaced(table, name, named)
    where = part.folder.absolute().relative_to(folder).as_posix()
    files = pc.binary_join_element_wise(pa.scalar(where), table["cache_path"], "/")
    return _replaced(table, "cache_path", files)


def _replaced(table: pa.Table, name: str, values: pa.ChunkedArray) -> pa.Table:
    at = table.schema.get_field_index(name)
    return table.set_column(at, table.schema.field(at), values)
