"""The leakage of the published splits, counted from their names."""

from __future__ import annotations

from pathlib import Path

import pytest

from versamammo.data.splits.published import group_of, published_leakage, published_misplaced

SHARED = Path(__file__).resolve().parents[5] / "shared" / "splits"
# data set: groups, in both train and test, in more than one split, as measured by others
MEASURED = {
    "classification_split.csv": {
        "NLBS": (5970, 3405, 4468),
        "KAU-BCMD": (599, 345, 445),
        "LAMIS": (591, 331, 435),
        "BMCD": (100, 61, 75),
        "CDD-CESM": (326, 140, 181),
        "CBIS-DDSM-finding": (1566, 437, 648),
        "CBIS-DDSM-breast": (1566, 377, 575),
        "MIAS-breast": (161, 48, 77),
        "DMID-finding": (304, 25, 40),
        "CMMD": (1775, 29, 51),
        "DBT": (120, 4, 7),
        "MIAS-finding": (111, 0, 0),
        "VinDr-Mammo-finding": (1768, 0, 0),
    },
    "segdet_split.csv": {"CBIS-DDSM": (853, 194, 283)},
}

# data set: officially tested images in train, all of them
MISPLACED = {
    "classification_split.csv": {
        "CBIS-DDSM-breast": (460, 645),
        "CBIS-DDSM-finding": (512, 704),
        "CSAW-M": (353, 497),
    },
    "segdet_split.csv": {"CBIS-DDSM": (240, 348)},
}


@pytest.mark.parametrize("table", MEASURED)
def test_the_published_leakage_is_reproduced(table: str) -> None:
    if not (SHARED / table).is_file():
        pytest.skip("the published split tables are not at hand")
    found = published_leakage(SHARED / table)
    assert {
        name: (leak.groups, leak.train_and_test, leak.parted) for name, leak in found.items()
    } == MEASURED[table]


@pytest.mark.parametrize("table", MISPLACED)
def test_official_tests_that_are_trained_on_are_counted(table: str) -> None:
    if not (SHARED / table).is_file():
        pytest.skip("the published split tables are not at hand")
    found = published_misplaced(SHARED / table)
    assert {name: (one.trained_on, one.official) for name, one in found.items()} == MISPLACED[table]


def test_the_films_of_a_pair_are_one_woman() -> None:
    assert group_of("MIAS-breast", "mdb025") == group_of("MIAS-breast", "mdb026")
    assert group_of("MIAS-breast", "mdb026") != group_of("MIAS-breast", "mdb027")


def test_a_name_of_no_rule_stands_for_itself() -> None:
    assert group_of("CMMD", "odd") == "odd"
