"""A folder of phantoms, as `versamammo phantom` writes it; they are not real data.

`labels.csv` has a row per image and `findings.csv` one per finding on an image, in the words and
columns of `table`; there `pathology` and `birads` are the lesion's own.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path

from versamammo.data.quarantine import Quarantined
from versamammo.data.sources.columns import LabelTable, read_table
from versamammo.data.sources.rows import Row, as_rows, describe, findings_in
from versamammo.data.sources.source_contract import Entry, SourceOptions
from versamammo.data.sources.table import Paths, check_masks
from versamammo.data.sources.walking import check_root
from versamammo.errors import InputError

NAME = "phantom"

LESIONS = {"finding": "kind", "finding_pathology": "pathology", "finding_birads": "birads"}


def detect(root: Path) -> bool:
    """Return whether a folder was written by the phantom generator."""
    return (root / "phantom.json").is_file()


def records(root: Path, options: SourceOptions) -> Iterator[Entry]:
    """List the images of `labels.csv` with their findings.

    Raises:
        InputError: a table is missing or cannot be read, or labels are given beside it.
    """
    check_root(root)
    if options.labels is not None:
        raise InputError(
            "phantoms have a table of their own", field="--labels", reason="conflicting-options"
        )
    labels = read_table(root / "labels.csv", options.columns)
    lesions = read_table(root / "findings.csv", LESIONS, may_be_empty=True)
    found: dict[str, list[Row]] = defaultdict(list)
    for row in as_rows(lesions):
        found[row["file"]].append(row)
    paths = Paths(root, labels)
    for line, row in enumerate(as_rows(labels), start=2):
        place = paths.of(row, line)
        if isinstance(place, Quarantined):
            yield place
        else:
            yield described(root, (labels, row), (lesions, found[place]), place)


def described(
    root: Path, image: tuple[LabelTable, Row], lesions: tuple[LabelTable, list[Row]], path: str
) -> Entry:
    """Describe one image by its row and those of its lesions."""
    (labels, row), (table, rows) = image, lesions
    try:
        findings = findings_in(table, rows)
        check_masks(root, findings, table.where("mask"))
        return describe(labels, path, [row], findings)
    except InputError as error:
        return Quarantined.because(error, path)
