"""The lexicon of the phantoms: every lesion that can be drawn and the category a reader gives it.

Words follow BI-RADS 5th edition (2013), in our own tables; "lobulated", which that edition counts
as oval, is kept apart because older archives (CBIS-DDSM) do. One appearance has one category, so
whoever sees the lesion perfectly knows the category: what remains uncertain is stated in `rule`.
"""

from __future__ import annotations

from dataclasses import dataclass

CATEGORIES = ("2", "3", "4A", "4B", "4C", "5")  # of a breast with a lesion; without one it is 1


@dataclass(frozen=True)
class Appearance:
    """What a reader would call a lesion.

    Attributes:
        category: BI-RADS assessment that follows.
        weight: how often it is drawn among the appearances of its category, relative.
    """

    kind: str
    category: str
    weight: float
    shape: str | None = None
    margin: str | None = None
    morphology: str | None = None
    distribution: str | None = None


def _mass(category: str, weight: float, shape: str, margin: str) -> Appearance:
    return Appearance("mass", category, weight, shape=shape, margin=margin)


def _calcification(category: str, weight: float, form: str, spread: str) -> Appearance:
    return Appearance("calcification", category, weight, morphology=form, distribution=spread)


APPEARANCES: tuple[Appearance, ...] = (
    _mass("2", 3.0, "oval", "circumscribed"),
    _calcification("2", 2.0, "coarse or popcorn-like", "grouped"),
    _calcification("2", 1.5, "vascular", "linear"),
    _calcification("2", 1.5, "round", "diffuse"),
    Appearance("asymmetry", "2", 1.0, morphology="global asymmetry"),
    Appearance("nipple_retraction", "2", 0.5),
    _mass("3", 2.0, "round", "circumscribed"),
    _mass("3", 2.0, "lobulated", "circumscribed"),
    _mass("3", 1.0, "oval", "obscured"),
    _calcification("3", 2.5, "round", "grouped"),
    Appearance("asymmetry", "3", 1.5, morphology="asymmetry"),  # one view only
    Appearance("skin_thickening", "3", 0.5),
    _mass("4A", 1.5, "round", "obscured"),
    _mass("4A", 1.5, "lobulated", "obscured"),
    _calcification("4A", 1.5, "amorphous", "regional"),
    Appearance("asymmetry", "4A", 2.0, morphology="focal asymmetry"),
    _mass("4B", 1.5, "oval", "microlobulated"),
    _mass("4B", 1.5, "round", "indistinct"),
    _mass("4B", 1.0, "oval", "indistinct"),
    _mass("4B", 1.0, "lobulated", "microlobulated"),
    _calcification("4B", 2.0, "amorphous", "grouped"),
    _calcification("4B", 1.0, "coarse heterogeneous", "grouped"),
    Appearance("distortion", "4B", 2.0),
    _mass("4C", 2.0, "irregular", "indistinct"),
    _mass("4C", 1.5, "irregular", "microlobulated"),
    _mass("4C", 1.0, "round", "spiculated"),
    _calcification("4C", 2.0, "fine pleomorphic", "grouped"),
    _calcification("4C", 1.0, "fine linear or fine-linear branching", "grouped"),
    _mass("5", 4.0, "irregular", "spiculated"),
    _calcification("5", 1.5, "fine linear or fine-linear branching", "segmental"),
    _calcification("5", 1.0, "fine linear or fine-linear branching", "linear"),
    _calcification("5", 1.0, "fine pleomorphic", "segmental"),
)


def of_category(category: str) -> tuple[Appearance, ...]:
    """List the appearances of one category."""
    return tuple(a for a in APPEARANCES if a.category == category)
