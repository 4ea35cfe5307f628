"""How well an encoder did on test patients: figures that lie beside it, as a user is told them.

`test_figures.json` is what `scripts/cbis_figures.py` writes. The figures stand there alone; here
stands which of them are told, of which topic, and in which words.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from versamammo.errors import InputError
from versamammo.files import parse_json

FILE = "test_figures.json"
_AREA = "area under the ROC curve"
_FOUND = "share found at one false mark a film"
# its name in the file -> topics that it is about, words before the figure, and what it counts
TOLD = {
    "malignancy AUC, mass films": (
        ("Pathology", "Cancer"), f"Benign or malignant, films with a mass: {_AREA}", "films",
    ),
    "malignancy AUC, breasts with two mass films, both views": (
        ("Pathology", "Cancer"), f"The same of both views together: {_AREA}", "breasts",
    ),
    "malignancy ECE, mass films": (
        ("Pathology", "Cancer"), "How far its probabilities lie from what came (ECE)", "films",
    ),
    "density: balanced accuracy": (
        ("ACR",), "ACR density, of four: balanced accuracy (guessing 0.25)", "films",
    ),
    "birads: balanced accuracy": (
        ("Bi-Rads",), "BI-RADS, of five: balanced accuracy (guessing 0.20)", "films",
    ),
    "malignancy AUC, density A": (
        ("Pathology", "ACR"), f"Benign or malignant, density A: {_AREA}", "films",
    ),
    "malignancy AUC, density B": (("Pathology", "ACR"), "The same, density B", "films"),
    "malignancy AUC, density C": (("Pathology", "ACR"), "The same, density C", "films"),
    "malignancy AUC, density D": (("Pathology", "ACR"), "The same, density D", "films"),
    "mass boxes: sensitivity_at_1_fp": (("Mass",), f"Masses: {_FOUND}", "films"),
    "calcification boxes: sensitivity_at_1_fp": (
        ("Calcification",), f"Calcifications: {_FOUND}", "films",
    ),
}  # fmt: skip


@dataclass(frozen=True)
class MeasuredFigure:
    """One figure with its interval of 95 %.

    Attributes:
        topics: of the vocabulary, that it is about.
        line: that tells it.
        by_density: whether it is of films of one density alone.
    """

    topics: tuple[str, ...]
    line: str
    by_density: bool = False


@dataclass(frozen=True)
class Measured:
    """What was measured of an encoder.

    Attributes:
        on: how many films of how many patients.
        figures: in the order of `TOLD`.
    """

    on: str = ""
    figures: tuple[MeasuredFigure, ...] = ()


def read_measured(folder: Path) -> Measured:
    """Read the figures beside an encoder; none if there is no such file.

    Raises:
        InputError: the file is not what `scripts/cbis_figures.py` writes.
    """
    file = folder / FILE
    if not file.is_file():
        return Measured()
    try:
        read = parse_json(file.read_text(encoding="utf-8"))
        about, first = read["about"], next(iter(read["figures"])).partition(":")[0]
        # of the encoder itself, not of the networks that it is compared with
        rows = {
            row["name"]: row
            for name, rows in read["figures"].items()
            if name.startswith(f"{first}: ")
            for row in rows
        }
        figures = tuple(
            MeasuredFigure(
                topics,
                f"{words} {rows[name]['value']:.2f} [{rows[name]['low']:.2f}, "
                f"{rows[name]['high']:.2f}], {rows[name]['n']:d} {unit} of "
                f"{rows[name]['patients']:d} patients.",
                ", density " in name,
            )
            for name, (topics, words, unit) in TOLD.items()
            if name in rows
        )
        return Measured(f"{about['films']:d} films of {about['patients']:d} patients", figures)
    except (OSError, ValueError, TypeError, KeyError, StopIteration) as error:
        message = f"is not what scripts/cbis_figures.py writes: {error}"
        raise InputError(message, file=file, field="figures", reason="bad-figures") from error
