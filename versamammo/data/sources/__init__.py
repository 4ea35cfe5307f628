"""Where images come from: one module per archive, asked in this order who knows a folder.

To add a public archive, write a module with `NAME`, `detect` and `records` (see
`source_contract.Source`), called as the archive's record in `archives/catalogue.py`. Public
archives come before those of re-packed tables; `table` and `folder`, which take anything, last.
"""

from __future__ import annotations

from importlib import import_module
from typing import cast

from versamammo.data.sources import coco, folder, hospital, imagefolder, phantom, table
from versamammo.data.sources.archives.catalogue import ARCHIVES
from versamammo.data.sources.source_contract import Source


def _public(name: str) -> Source:
    return cast(Source, import_module(f"{__name__}.archives.{name.replace('-', '_')}"))


SOURCES: dict[str, Source] = {
    source.NAME: source
    for source in (
        phantom,
        *map(_public, sorted(ARCHIVES)),
        hospital,
        coco,
        imagefolder,
        table,
        folder,
    )
}
