"""Which prepared folders a run learns from, and how often each is drawn from.

`PREPARED` or `PREPARED:0.5`, on the command line as in YAML. The number says how often an image of
that folder is drawn while an image of a folder without a number is drawn once.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

from versamammo.errors import InputError


class Stretch(NamedTuple):
    """Images of one folder, which lie side by side in an archive and are drawn equally often."""

    images: int
    weight: float = 1.0

    @property
    def draws(self) -> int:
        """How many draws of an epoch go to these images; the same in every epoch."""
        return max(1, round(self.images * self.weight)) if self.images else 0


@dataclass(frozen=True)
class WeightedFolder:
    """A prepared folder, and how often each of its images is drawn."""

    folder: Path
    weight: float = 1.0

    def __str__(self) -> str:
        return str(self.folder) if self.weight == 1 else f"{self.folder}:{self.weight:g}"

    @classmethod
    def parse(cls, text: str | Path) -> WeightedFolder:
        """Read `FOLDER` or `FOLDER:WEIGHT`; what follows the last colon is a weight if a number.

        Raises:
            InputError: the weight is not above 0, or no folder is named.
        """
        name, colon, number = str(text).rpartition(":")
        try:
            weight = float(number) if colon else 1.0
        except ValueError:
            name, weight = str(text), 1.0
        name = name if colon else str(text)
        if not name or not math.isfinite(weight) or weight <= 0:
            message = f"found {str(text)!r}; expected FOLDER or FOLDER:WEIGHT with a weight above 0"
            raise InputError(message, field="data", reason="bad-weight")
        return cls(Path(name), weight)


def weighted_folders(data: Sequence[str] | str | Path) -> tuple[WeightedFolder, ...]:
    """Return the folders that a setting names.

    Raises:
        InputError: it names none, or one twice, or a weight makes no sense.
    """
    named = [data] if isinstance(data, str | Path) else list(data)
    found = tuple(map(WeightedFolder.parse, named))
    if not found:
        message = "names no folder; expected one or more that `versamammo prepare` wrote"
        raise InputError(message, field="data", reason="no-folder")
    places = [one.folder.resolve() for one in found]
    for number, one in enumerate(found):
        if places[number] in places[:number]:
            raise InputError(
                "is named twice; a weight, as in FOLDER:2, draws its images more often",
                file=one.folder, field="data", reason="folder-twice",
            )  # fmt: skip
    return found
