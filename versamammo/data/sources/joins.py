"""How a table and the pictures met, and ids that a spreadsheet has changed."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass


@dataclass(frozen=True)
class Joined:
    """How many rows of a table found their picture, and how many pictures their row.

    Attributes:
        rows: what the table speaks of: its rows, or the pictures that its rows name.
        pictures: that are there.
        remarks: what else a careful user should know.
    """

    table: str
    rows: int
    rows_matched: int
    pictures: int
    pictures_matched: int
    remarks: tuple[str, ...] = ()
    rows_are: str = "rows"

    def as_text(self) -> str:
        """Return the counts as a line for a terminal."""
        said = (
            f"{self.table}: {self.rows_matched} of {self.rows} {self.rows_are} matched, "
            f"{self.pictures_matched} of {self.pictures} pictures have some"
        )
        return "; ".join((said, *self.remarks))


def bare(word: str) -> str:
    """Return an id without what spreadsheets change: leading zeros, ".0", blanks and capitals."""
    found = re.fullmatch(r"0*(\d+)(?:\.0+)?", word.strip())
    return found[1] if found else re.sub(r"\s+", "", word).casefold()


def respelled(wanted: Iterable[str], there: Iterable[str]) -> Mapping[str, str]:
    """Return for every wanted id that is there in another spelling that spelling.

    Only where it is certain: one id on either side, and neither of them has a partner as it stands.
    """
    asked, found = set(wanted), set(there)
    groups: dict[str, tuple[set[str], set[str]]] = {}
    for place, words in enumerate((asked - found, found)):
        for word in filter(None, words):
            groups.setdefault(bare(word), (set(), set()))[place].add(word)
    return {
        min(ours): min(theirs)
        for ours, theirs in groups.values()
        if len(ours) == len(theirs) == 1 and not theirs & asked
    }
