"""Where images come from: one module per archive, asked in this order who knows a folder.

To add an archive, write a module with `NAME`, `detect` and `records` (see `contract.Source`) and
put it here, before `table` and `folder`, which take anything.
"""

from __future__ import annotations

from versamammo.sources import folder, phantom, table
from versamammo.sources.contract import Source

SOURCES: dict[str, Source] = {
    source.NAME: source
    for source in (
        phantom,
        table,
        folder,
    )
}
