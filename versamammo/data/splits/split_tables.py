"""Splits that the caller gives: a table of our own form, or the published one, leaks and all.

Our own form is a CSV with a column `split` and one of `file`, `image_id`, `exam_id`,
`patient_id` (if it has several, the first of these counts). The published form has the columns
dataset, data_name, data_split; see `--splits published:TABLE.csv` or, where one name means two
things in two of its data sets, `--splits published:TABLE.csv#DATASET`.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from versamammo.data.sources.columns import SYNONYMS, slug
from versamammo.data.sources.sheet import read_sheet
from versamammo.data.splits.draw import Leakage, leakage
from versamammo.errors import InputError

WORDS = {"train": "train", "training": "train", "test": "test", "testing": "test"} | dict.fromkeys(
    ("val", "valid", "validation", "eval", "dev"), "val"
)
KEYS = ("file", "image_id", "exam_id", "patient_id")
PUBLISHED = "published:"


@dataclass(frozen=True)
class Names:
    """What an image may be called in a table of splits."""

    path: str
    image_id: str
    published_name: str
    exam_id: str | None
    patient_id: str | None


@dataclass(frozen=True)
class SplitTable:
    """A given table: what it names its images by, and the split of each name."""

    by: str  # one of KEYS, or "published_name"
    splits: Mapping[str, str]

    def name_of(self, image: Names) -> str | None:
        """Return the name under which the table knows an image, None if it does not."""
        if self.by == "file":
            tries: tuple[str | None, ...] = (image.path, PurePosixPath(image.path).name)
        else:
            tries = (getattr(image, self.by),)
        return next((name for name in tries if name in self.splits), None)


@dataclass(frozen=True)
class Given:
    """Every image's split by a given table, and how honest that table is.

    Attributes:
        splits: [N] of each image, None where the table does not name it.
        unnamed: images that the table does not name.
        unmatched: names in the table that no image has.
        leaks: patients and exams that stand on more than one side.
    """

    splits: tuple[str | None, ...]
    unnamed: int
    unmatched: int
    leaks: tuple[Leakage, ...]


def read_splits(choice: str) -> SplitTable:
    """Read `TABLE.csv`, `published:TABLE.csv` or `published:TABLE.csv#DATASET`.

    Raises:
        InputError: the table, its columns or one of its words cannot be used, or it contradicts
            itself.
    """
    if not choice.startswith(PUBLISHED):
        return own_table(Path(choice))
    path, _, dataset = choice.removeprefix(PUBLISHED).partition("#")
    return published_table(Path(path), dataset)


def own_table(path: Path) -> SplitTable:
    """Read a table with a column `split` and one that names patients, exams, images or files."""
    sheet = read_sheet(path)
    columns = {slug(name): name for name in sheet.header}
    spellings = ((key, name) for key in KEYS for name in (key, *SYNONYMS[key]))
    key, name = next((pair for pair in spellings if pair[1] in columns), ("", ""))
    if not key or "split" not in columns:
        raise InputError(
            f"expected a column split and one of {', '.join(KEYS)}; got {', '.join(sheet.header)}",
            file=path, field="--splits", reason="missing-column",
        )  # fmt: skip
    return SplitTable(key, agreed(path, sheet.columns(columns[name], columns["split"])))


def published_table(path: Path, dataset: str) -> SplitTable:
    """Read the published form, of one of its data sets or of all."""
    sheet = read_sheet(path)
    wanted = ("dataset", "data_name", "data_split")
    if not set(wanted) <= set(sheet.header):
        raise InputError(
            f"expected the columns {', '.join(wanted)}; got {', '.join(sheet.header)}",
            file=path, field="--splits", reason="missing-column",
        )  # fmt: skip
    rows = list(sheet.columns(*wanted))
    datasets = {row[0] for row in rows}
    if dataset and dataset not in datasets:
        raise InputError(
            f"no data set {dataset!r}; it has {', '.join(sorted(datasets))}",
            file=path, field="--splits", reason="unknown-dataset",
        )  # fmt: skip
    chosen = (row[1:] for row in rows if dataset in ("", row[0]))
    return SplitTable("published_name", agreed(path, chosen))


def agreed(path: Path, pairs: Iterable[tuple[str, ...]]) -> dict[str, str]:
    """Collect name -> split; a name with two splits is an error."""
    found: dict[str, str] = {}
    for name, word in pairs:
        split = WORDS.get(word.strip().lower())
        if split is None:
            raise InputError(
                f"{word!r} is no split; expected one of {', '.join(WORDS)}",
                file=path, field="split", reason="unknown-word",
            )  # fmt: skip
        if found.setdefault(name.strip(), split) != split:
            raise InputError(
                f"{name!r} is in both {found[name.strip()]} and {split}; for a published table "
                "choose one data set with #NAME",
                file=path, field="split", reason="split-conflict",
            )  # fmt: skip
    return found


def apply_table(table: SplitTable, images: Iterable[Names]) -> Given:
    """Return each image the split of the table and count what leaks and what is missing."""
    listed = list(images)
    names = [table.name_of(image) for image in listed]
    splits = tuple(None if name is None else table.splits[name] for name in names)
    placed = [(i, s) for i, s in zip(listed, splits, strict=True) if s is not None]
    return Given(
        splits,
        unnamed=sum(split is None for split in splits),
        unmatched=len(set(table.splits) - set(names)),
        leaks=(
            leakage("patients", ((i.patient_id, s) for i, s in placed if i.patient_id is not None)),
            leakage("exams", ((i.exam_id, s) for i, s in placed if i.exam_id is not None)),
        ),
    )
