"""Which other picture of the same woman an image is compared with.

Two crops of one picture share its exposure, its compression and its place in the archive; the
four pictures of an exam share the woman. What both have, such as composition, is what a teacher
that compares them has to find; where a lesion lies they need not have, which is left to patches.
"""

from __future__ import annotations

from typing import Literal

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from versamammo.data.dataset import Archive

PairKind = Literal["image", "breast", "exam"]

# What has to be the same; identifiers of two sources may be alike by chance.
SHARED: dict[PairKind, tuple[str, ...]] = {
    "image": ("image_id",),
    "breast": ("source", "patient_id", "exam_id", "laterality"),
    "exam": ("source", "patient_id", "exam_id"),
}
NEEDED = ("exam_id", "laterality")  # unknown, an image is only ever compared with itself


class Companions:
    """For each image of an archive, which others show the same breast or exam.

    Only images of the archive are drawn, hence only of the splits that are trained on.

    Attributes:
        groups: [n], the number of each image's group.
        members: [n], places of the images, group by group.
        starts: [groups + 1], where each group begins.
    """

    def __init__(self, archive: Archive, kind: PairKind) -> None:
        self.groups = _groups(archive.table, kind)
        self.members = np.argsort(self.groups, kind="stable")
        self.starts = np.concatenate([[0], np.cumsum(np.bincount(self.groups))])

    def draw(self, image: int, random: np.random.Generator) -> int:
        """Return another image of the same group, each equally likely; itself if it is alone."""
        group = self.groups[image]
        members = self.members[self.starts[group] : self.starts[group + 1]]
        others = members[members != image]
        return int(random.choice(others)) if len(others) else image


def _groups(table: pa.Table, kind: PairKind) -> NDArray[np.int64]:
    """Number the groups [n] by what has to be the same."""
    alone = np.zeros(table.num_rows, np.bool_)
    keys = np.zeros(table.num_rows, np.int64)
    for name in SHARED[kind]:
        column = table.column(name)
        if name in NEEDED:
            alone |= pc.is_null(column).to_numpy()
        codes = column.combine_chunks().dictionary_encode(null_encoding="encode").indices
        keys = np.unique(keys * (table.num_rows + 1) + codes.to_numpy(), return_inverse=True)[1]
    keys[alone] = keys.max(initial=0) + 1 + np.arange(alone.sum())
    return np.unique(keys, return_inverse=True)[1]
