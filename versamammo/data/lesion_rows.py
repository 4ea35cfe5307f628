"""Close-ups of lesions: views of the same images, with rows of their own.

A manifest has a row per image; tasks about findings need one per lesion. Nothing is cut beforehand:
a row names a window of the prepared picture, and its pixels are read from there.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, fields, replace
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from versamammo.data.dataset import Archive, Picture, picture_of
from versamammo.data.labels import FINDINGS
from versamammo.data.splits.split_tables import Given, Names, SplitTable, apply_table
from versamammo.errors import InputError
from versamammo.input.geometry import Crop, Size

WINDOW = pa.list_(pa.int32(), 4)  # x1, y1, x2, y2 in pixels of the prepared picture
ADDED = (
    pa.field("whole_id", pa.string()),  # `image_id` of the image that shows the lesion
    pa.field("lesion_id", pa.string()),  # as the archive and published tables of splits name it
    pa.field("window", WINDOW),
)
Window = tuple[int, int, int, int]
Row = dict[str, Any]


@dataclass(frozen=True)
class CloseUpSettings:
    """How much is shown around a lesion.

    Attributes:
        context: on each side, as a share of the lesion's longer side.
        smallest: side of the window in prepared pixels, at least.
    """

    context: float = 0.25
    smallest: int = 32


@dataclass(frozen=True)
class CloseUp(Picture):
    """One lesion, close.

    `crop` leads from the stored file to the close-up, to within half a stored pixel. `labels` are
    the lesion's: its kinds are present and all others absent, `pathology` (1 benign, 2 malignant),
    `birads` and `subtlety` are its own, the rest is the image's; `labels.findings` has one entry
    for each of its kinds, with shape, margin and the like.

    Attributes:
        whole_id: of the image.
        lesion_id: of the lesion on this image.
        window: (x1, y1, x2, y2) in pixels of the prepared picture.
    """

    whole_id: str
    lesion_id: str
    window: Window

    def levels(self, rows: slice | None = None) -> NDArray[np.uint16]:
        """Read levels [h, w], or only some rows of them.

        Raises:
            InputError: the file is missing or damaged.
        """
        x1, y1, x2, y2 = self.window
        start, stop, step = (rows or slice(None)).indices(y2 - y1)
        return super().levels(slice(y1 + start, y1 + stop, step))[:, x1:x2]


class CloseUps(Archive):
    """The lesions of a prepared archive: a sequence of close-ups, to be used like any `Archive`.

    Attributes:
        left_out: why lesions are not shown -> how many.
    """

    def __init__(
        self, folder: Path, table: pa.Table, left_out: Mapping[str, int] | None = None
    ) -> None:
        super().__init__(folder, table)
        self.left_out = dict(left_out or {})

    @classmethod
    def open(
        cls,
        folder: Path,
        splits: Sequence[str],
        *,
        shareable: bool = False,
        settings: CloseUpSettings = CloseUpSettings(),
    ) -> CloseUps:
        """Open the lesions on the images of some splits.

        Args:
            folder: with the manifest and the cache.
            splits: of these.
            shareable: only of sources whose terms let weights made from them be passed on.
            settings: how much is shown around a lesion.

        Raises:
            InputError: there is no manifest, or no lesion in these splits (`no-lesions`).
        """
        rows, left_out = lesion_rows(
            Archive.open(folder, splits, shareable=shareable).table, settings
        )
        if not rows.num_rows:
            message = f"no lesion has a place in the splits {', '.join(splits)}: {left_out}"
            raise InputError(message, file=folder, field="findings", reason="no-lesions")
        return cls(folder, rows, left_out)

    def __getitem__(self, index: int) -> CloseUp:
        if not 0 <= index < len(self):
            raise IndexError(f"lesion {index} of {len(self)}")
        return close_up_of(self.table.slice(index, 1).to_pylist()[0], self.folder)

    def __iter__(self) -> Iterator[CloseUp]:
        return (self[index] for index in range(len(self)))


def lesion_rows(
    manifest: pa.Table, settings: CloseUpSettings = CloseUpSettings()
) -> tuple[pa.Table, dict[str, int]]:
    """Return each lesion on each image a row, with the image's columns and those of `ADDED`.

    `image_id` and `content_key` become those of the close-up, so that nothing that is kept by them
    is taken for the whole image's; labels and `findings` become the lesion's, as in `CloseUp`.

    Args:
        manifest: rows with at least the columns `dataset.COLUMNS`.
        settings: how much is shown around a lesion.

    Returns:
        the rows in the manifest's order, and why lesions are not among them -> how many:
        "no-place" if only their presence is known, "outside-crop" if the prepared picture does not
        show them.
    """
    marked = manifest.filter(pc.greater(pc.list_value_length(manifest["findings"]), 0))
    rows: list[Row] = []
    left_out: Counter[str] = Counter()
    for batch in marked.to_batches(1024):
        for row in batch.to_pylist():
            for number, lesion in lesions_of(row):
                made = _row(row, number, lesion, settings)
                if isinstance(made, str):
                    left_out[made] += 1
                else:
                    rows.append(made)
    schema = pa.schema([*manifest.schema, *ADDED])
    return pa.Table.from_pylist(rows, schema=schema), dict(left_out)


def lesions_of(row: Mapping[str, Any]) -> Iterator[tuple[int, list[Row]]]:
    """Return an image's lesions with their numbers; several kinds in one place are one lesion."""
    lesions: dict[object, list[Row]] = {}
    for number, finding in enumerate(row["findings"]):
        box = finding["box"] and tuple(finding["box"].values())
        named = finding["lesion_id"] is not None
        lesions.setdefault((finding["lesion_id"], box) if named else number, []).append(finding)
    return enumerate(lesions.values())


def _row(row: Row, number: int, lesion: Sequence[Row], settings: CloseUpSettings) -> Row | str:
    """Build one lesion's row, or say why it has none."""
    first = lesion[0]
    if first["box"] is None:
        return "no-place"
    crop = Crop.from_dict(row["crop"])
    box = crop.boxes_to_input([list(first["box"].values())])[0]
    if np.isnan(box).any():
        return "outside-crop"
    window = window_around(box, crop.content_size, settings)
    own_id = f"{row['image_id']}#{number}"
    return row | {
        **_labels(lesion),
        "image_id": own_id,
        "content_key": f"{row['content_key']}#{','.join(map(str, window))}",
        "findings": list(lesion),
        "whole_id": row["image_id"],
        "lesion_id": first["lesion_id"] or own_id,
        "window": window,
    }


def _labels(lesion: Sequence[Row]) -> dict[str, float]:
    """Return the labels that are the lesion's own."""
    first = lesion[0]
    kinds = {finding["kind"] for finding in lesion}
    return {kind: float(kind in kinds) for kind in FINDINGS} | {
        "pathology": 1 + first["pathology"],  # a lesion is never normal
        "birads": first["birads"],
        "subtlety": first["subtlety"],
    }


def window_around(box: NDArray[np.float64], size: Size, settings: CloseUpSettings) -> Window:
    """Choose a square around a box, moved to lie within (H, W), cut where it is larger."""
    x1, y1, x2, y2 = box
    side = max(x2 - x1, y2 - y1) * (1 + 2 * settings.context)
    side = max(int(np.ceil(side)), settings.smallest)
    left, right = _stretch((x1 + x2) / 2, side, size[1])
    top, bottom = _stretch((y1 + y2) / 2, side, size[0])
    return left, top, right, bottom


def _stretch(middle: float, side: int, whole: int) -> tuple[int, int]:
    """Place `side` pixels around a middle, within 0..whole."""
    start = int(np.clip(round(middle - side / 2), 0, max(0, whole - side)))
    return start, min(whole, start + side)


def close_up_of(row: Row, folder: Path) -> CloseUp:
    """Turn one lesion's row into a close-up."""
    whole = picture_of(row, folder)
    x1, y1, x2, y2 = row["window"]
    # of a picture that was shrunk, the window's edges lie between stored pixels
    a, b, c, d = np.rint(whole.crop.boxes_to_source([row["window"]])[0]).astype(int).tolist()
    size = (y2 - y1, x2 - x1)
    facts = {field.name: getattr(whole, field.name) for field in fields(Picture)} | {
        "crop": replace(whole.crop, box=(a, b, c, d), content_size=size, input_size=size),
        "patient": row["patient_id"] or row["exam_id"] or row["whole_id"],
    }
    return CloseUp(
        **facts, whole_id=row["whole_id"], lesion_id=row["lesion_id"], window=(x1, y1, x2, y2)
    )


def split_lesions(rows: pa.Table, table: SplitTable) -> tuple[pa.Table, Given]:
    """Return lesions the split that a table names them in, as the published ones do, leaks and all.

    Args:
        rows: of `lesion_rows`, of all splits.
        table: from `split_tables.read_splits`, of lesion names.

    Returns:
        the rows with their split replaced, null where the table does not name a lesion, and what
        leaks.
    """
    wanted = ("image_id", "lesion_id", "exam_id", "patient_id")
    given = apply_table(
        table,
        [
            Names(lesion, image, lesion, exam, patient)
            for image, lesion, exam, patient in zip(
                *(rows[name].to_pylist() for name in wanted), strict=True
            )
        ],
    )
    at = rows.schema.get_field_index("split")
    return rows.set_column(at, "split", pa.array(given.splits, pa.string())), given
