"""Counts how many patients and exams the published split tables part, by names alone.

The tables name images as `<patient>...`; how, differs by data set. INbreast, CSAW-M and MM name
neither patient nor exam, so theirs cannot be counted. Where a group is larger than the figure's own
(a patient of KAU-BCMD in two years), the group here is the one the published figures were made by.
"""

from __future__ import annotations

import re
from collections import defaultdict
from dataclasses import dataclass
from pathlib import Path

from versamammo.data.sources.sheet import read_sheet
from versamammo.data.splits.draw import Leakage, leakage
from versamammo.data.splits.split_tables import WORDS

GROUPS: dict[str, tuple[str, str]] = {  # data set -> (what a group is, how its name is found)
    "NLBS": ("group and study", r"(.*)-[lru]-"),
    "KAU-BCMD": ("year and number", r"(\d{4}_BC\d+)"),
    "LAMIS": ("patients", r"([^_]+)_"),
    "BMCD": ("patients", r"((?:Normal|Suspicious)_\d+)_"),
    "CDD-CESM": ("patients", r"(P\d+)_"),
    "CBIS-DDSM-finding": ("patients", r".*(P_\d+)_"),
    "CBIS-DDSM-breast": ("patients", r".*(P_\d+)_"),
    "CBIS-DDSM": ("patients", r".*(P_\d+)_"),
    "MIAS-breast": ("pairs", r"mdb(\d+)"),
    "MIAS-finding": ("images", r"(mdb\d+)_"),
    "DMID-finding": ("images", r"(IMG\d+)_"),
    "CMMD": ("patients", r"(D\d-\d+)-"),
    "DBT": ("class and study", r"((?:cancer|benign)_\d+)_"),
    "VinDr-Mammo-finding": ("images", r"([0-9a-f]+)_"),
}

_OF_CBIS = r"(Mass|Calc)-Test_"
# data set -> how the name of an officially tested image begins
TESTED = dict.fromkeys(("CBIS-DDSM-finding", "CBIS-DDSM-breast", "CBIS-DDSM"), _OF_CBIS) | {
    "CSAW-M": "test_"
}


def published_leakage(path: Path) -> dict[str, Leakage]:
    """Count the parted groups of every data set of a published table.

    Args:
        path: a CSV with the columns dataset, data_name, data_split.

    Returns:
        data set -> what is parted, for the data sets whose names tell.
    """
    named: dict[str, list[tuple[str, str]]] = defaultdict(list)
    for dataset, name, word in read_sheet(path).columns("dataset", "data_name", "data_split"):
        if dataset in GROUPS:
            named[dataset].append((group_of(dataset, name), WORDS[word.strip().lower()]))
    return {dataset: leakage(GROUPS[dataset][0], pairs) for dataset, pairs in named.items()}


@dataclass(frozen=True)
class Misplaced:
    """Images that an archive holds back for testing, and how many a table trains on."""

    official: int
    trained_on: int

    def __str__(self) -> str:
        return f"{self.trained_on} of {self.official} officially tested images are trained on"


def published_misplaced(path: Path) -> dict[str, Misplaced]:
    """Count the officially tested images of a published table, for archives whose names tell.

    Args:
        path: a CSV with the columns dataset, data_name, data_split.
    """
    splits: dict[str, list[str]] = defaultdict(list)
    for dataset, name, word in read_sheet(path).columns("dataset", "data_name", "data_split"):
        if dataset in TESTED and re.match(TESTED[dataset], name):
            splits[dataset].append(WORDS[word.strip().lower()])
    return {name: Misplaced(len(own), own.count("train")) for name, own in splits.items()}


def group_of(dataset: str, name: str) -> str:
    """Name the group of an image; a film of MIAS belongs to a pair."""
    match = re.match(GROUPS[dataset][1], name)
    group = name if match is None else match[1]
    return str((int(group) + 1) // 2) if dataset == "MIAS-breast" else group
