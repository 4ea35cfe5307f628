"""The prepared archives that a benchmark is run on, each opened once."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from functools import cache
from pathlib import Path
from typing import Any

import pyarrow as pa

from benchmark.learnt_from import names_of
from benchmark.tasks import Task
from versamammo.data.dataset import COLUMNS, Picture, picture_of
from versamammo.data.lesion_rows import close_up_of, lesion_rows
from versamammo.data.manifest import read_manifest
from versamammo.errors import InputError
from versamammo.files import parse_json

Record = Mapping[str, Any]
READ = (*COLUMNS, "vendor", "age")


class Archives:
    """A folder of prepared archives, `DATA/vindr-mammo/manifest.parquet` and so on.

    Attributes:
        folder: DATA.
    """

    def __init__(self, folder: Path) -> None:
        if not folder.is_dir():
            raise InputError("there is no such folder", file=folder, field="data", reason="missing")
        self.folder = folder
        # each instance remembers its own archives, as long as it lives
        self.table = cache(self._table)
        self.images = cache(self._images)
        self._close_ups = cache(self._find_close_ups)

    def missing(self, names: tuple[str, ...]) -> tuple[str, ...]:
        """Name the archives that are not there."""
        return tuple(n for n in names if not (self.folder / n / "manifest.parquet").is_file())

    def root(self, name: str) -> Path:
        """Find the raw archive, where its masks lie.

        Raises:
            InputError: it was moved or removed since it was prepared.
        """
        file = self.folder / name / "config.json"
        try:
            root = Path(parse_json(file.read_text())["root"])
        except (OSError, ValueError, KeyError) as error:
            raise InputError("names no raw archive", file=file, reason="bad-config") from error
        if not root.is_dir():
            message = f"{root}, which holds the masks, is not there; prepare {name} again"
            raise InputError(message, file=file, field="root", reason="missing-masks")
        return root

    def lesions(self, name: str) -> list[Record]:
        """Return a record for each lesion that has a place."""
        return self._close_ups(name)[0]

    def without_place(self, name: str) -> dict[str, int]:
        """Count the lesions that cannot be shown: why -> how many."""
        return self._close_ups(name)[1]

    def picture(self, name: str, record: Record) -> Picture:
        """Return the picture of a record, or the lesion's close-up."""
        made = close_up_of if "window" in record else picture_of
        return made(dict(record), self.folder / name)

    def sources(self, name: str) -> list[str]:
        """Name the sources of an archive's images, as its manifest calls them."""
        found: list[str] = self.table(name).column("source").unique().to_pylist()
        return sorted(found)

    def called(self, tasks: Iterable[Task]) -> dict[str, list[str]]:
        """Return what each archive that tasks ask about may be called by who has learnt from it."""
        asked = sorted({source for task in tasks for source in task.sources})
        missing = self.missing(tuple(asked))
        return {
            name: list(names_of(name, () if name in missing else self.sources(name)))
            for name in asked
        }

    def phantoms(self, tasks: Iterable[Task]) -> bool:
        """Return whether any archive that tasks ask about is made of phantoms."""
        asked = {source for task in tasks for source in task.sources}
        there = asked - set(self.missing(tuple(sorted(asked))))
        return any("phantom" in source for name in sorted(there) for source in self.sources(name))

    def _table(self, name: str) -> pa.Table:
        return read_manifest(self.folder / name, READ)

    def _images(self, name: str) -> list[Record]:
        found: list[Record] = self.table(name).to_pylist()
        return found

    def _find_close_ups(self, name: str) -> tuple[list[Record], dict[str, int]]:
        rows, left_out = lesion_rows(self.table(name))
        return rows.to_pylist(), left_out
