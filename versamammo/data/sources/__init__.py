"""Where images come from: one module per archive, asked in this order who knows a folder.

To add an archive, write a module with `NAME`, `detect` and `records` (see `source_contract.Source`)
and put it here, before `table` and `folder`, which take anything. An archive's own module comes
before those of re-packed tables.
"""

from __future__ import annotations

from versamammo.data.sources import coco, folder, hospital, imagefolder, phantom, table
from versamammo.data.sources.archives import (
    bmcd,
    cbis_ddsm,
    cdd_cesm,
    cmmd,
    csaw_m,
    dbt,
    dmid,
    embed,
    inbreast,
    kau_bcmd,
    lamis,
    mias,
    mm,
    nlbs,
    rsna,
    vindr_mammo,
)
from versamammo.data.sources.source_contract import Source

SOURCES: dict[str, Source] = {
    source.NAME: source
    for source in (
        phantom,
        bmcd,
        cbis_ddsm,
        cdd_cesm,
        cmmd,
        csaw_m,
        dbt,
        dmid,
        embed,
        inbreast,
        kau_bcmd,
        lamis,
        mias,
        mm,
        nlbs,
        rsna,
        vindr_mammo,
        hospital,
        coco,
        imagefolder,
        table,
        folder,
    )
}
