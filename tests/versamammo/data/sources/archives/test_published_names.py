"""Images are called what the published tables of splits call them."""

from __future__ import annotations

import csv
import re
from collections.abc import Callable
from pathlib import Path

import pytest

from .conftest import Twin

SPLITS = Path(__file__).resolve().parents[6] / "shared" / "splits"
IMAGES = {
    "bmcd": "BMCD", "cbis-ddsm": "CBIS-DDSM-breast", "cdd-cesm": "CDD-CESM", "cmmd": "CMMD",
    "csaw-m": "CSAW-M", "dbt": "DBT", "dmid": "DMID-breast", "inbreast": "INbreast",
    "kau-bcmd": "KAU-BCMD", "lamis": "LAMIS", "mias": "MIAS-breast", "nlbs": "NLBS",
}  # fmt: skip
FINDINGS = {
    "cbis-ddsm": "CBIS-DDSM-finding", "dbt": "DBT", "dmid": "DMID-finding",
    "mias": "MIAS-finding", "vindr-mammo": "VinDr-Mammo-finding",
}  # fmt: skip


def shape(name: str) -> str:
    """Reduce a name to its pattern: P403_36_L_MLO to P#_#_L_MLO."""
    return re.sub(r"\d+", "#", re.sub(r"\b[0-9a-f]{32}(?=_|$)", "HASH", name))


def published(dataset: str) -> set[str]:
    path = SPLITS / "classification_split.csv"
    if not path.is_file():
        pytest.skip("the published split tables are not at hand")
    with path.open() as stream:
        rows = csv.DictReader(stream)
        return {shape(row["data_name"]) for row in rows if row["dataset"] == dataset}


@pytest.mark.parametrize("layout", IMAGES)
def test_images_have_published_names(layout: str, twin: Callable[[str], Twin]) -> None:
    kept, _ = twin(layout).read()
    names = {shape(r.published_name) for r in kept.values() if r.published_name is not None}
    assert names
    assert names <= published(IMAGES[layout])


@pytest.mark.parametrize("layout", FINDINGS)
def test_lesions_have_published_names(layout: str, twin: Callable[[str], Twin]) -> None:
    kept, _ = twin(layout).read()
    lesions = [f for record in kept.values() for f in record.labels.findings]
    names = {shape(str(finding.lesion_id)) for finding in lesions}
    assert names
    assert names <= published(FINDINGS[layout])
