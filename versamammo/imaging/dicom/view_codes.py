"""The words for views: codes of the standard, and labels such as RMLO, LCCID or L-CC.

Codes are those of DICOM PS3.16 CID 4014 (views) and CID 4015 (view modifiers), in SNOMED CT (SCT)
and in the older SNOMED-RT form that vendors write as SRT, SNM3 or 99SDM.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from versamammo.imaging.mammogram import Laterality, View

VIEW_CODES: dict[str, View] = {
    "399162004": View.CC, "R-10242": View.CC,
    "399368009": View.MLO, "R-10226": View.MLO,
    "399260004": View.ML, "R-10224": View.ML,
    "399352003": View.LM, "R-10228": View.LM,
    "399099002": View.LMO, "R-10230": View.LMO,
    "399188001": View.SIO, "R-102D0": View.SIO,
    "441555000": View.ISO, "R-40AAA": View.ISO,
    "399196006": View.FB, "R-10244": View.FB,
    "399265009": View.XCC, "R-102CF": View.XCC,
    "399192008": View.XCCL, "R-1024A": View.XCCL,
    "399101009": View.XCCM, "R-1024B": View.XCCM,
}  # fmt: skip

# The standard's own words, for items whose code is a vendor's.
VIEW_MEANINGS: dict[str, View] = {
    "craniocaudal": View.CC,
    "mediolateraloblique": View.MLO,
    "mediolateral": View.ML,
    "lateromedial": View.LM,
    "lateromedialoblique": View.LMO,
    "superolateraltoinferomedialoblique": View.SIO,
    "inferomedialtosuperolateraloblique": View.ISO,
    "caudocranial": View.FB,
    "craniocaudalexaggeratedlaterally": View.XCCL,
    "craniocaudalexaggeratedmedially": View.XCCM,
}

SPECIMEN_CODES = frozenset({"127457009", "G-8310"})

# Modifier: SCT code, SRT code, and the letters of the ACR that follow the view in a label.
_MODIFIERS = (
    ("cleavage", "399161006", "R-102D2", "CV"),
    ("axillary tail", "399011000", "R-102D1", "AT"),
    ("rolled lateral", "399197002", "R-102D3", "RL"),
    ("rolled medial", "399226006", "R-102D4", "RM"),
    ("rolled inferior", "414493004", "R-102CA", "RI"),
    ("rolled superior", "415670009", "R-102C9", "RS"),
    ("implant displaced", "399209000", "R-102D5", "ID"),
    ("magnification", "399163009", "R-102D6", "M"),
    ("spot compression", "399055006", "R-102D7", "S"),
    ("tangential", "399110001", "R-102C2", "TAN"),
    ("anterior compression", "441752004", "P2-00161", "AC"),
    ("nipple in profile", "442581004", "R-40AB3", "NP"),
    ("infra-mammary fold", "442593008", "R-40ABE", "IMF"),
    ("axillary tissue", "442580003", "R-40AB2", "AX"),
)
MODIFIER_CODES = {code: name for name, sct, srt, _ in _MODIFIERS for code in (sct, srt)}
_LETTERS = {letters: name for name, _, _, letters in _MODIFIERS}

SIDES = {
    "L": Laterality.LEFT,
    "LEFT": Laterality.LEFT,
    "R": Laterality.RIGHT,
    "RIGHT": Laterality.RIGHT,
}
# Codes of the side (PS3.16 CID 244), and of a breast that names its side.
SIDE_CODES = {
    "7771000": Laterality.LEFT, "G-A101": Laterality.LEFT,
    "24028007": Laterality.RIGHT, "G-A100": Laterality.RIGHT,
    "80248007": Laterality.LEFT, "T-04030": Laterality.LEFT,
    "73056007": Laterality.RIGHT, "T-04020": Laterality.RIGHT,
}  # fmt: skip

_SUFFIX = "|".join(sorted(_LETTERS, key=len, reverse=True))
_VIEW = "|".join(sorted(View, key=len, reverse=True))
# RMCC is a magnified right CC: before the two common views, M and S are modifiers too.
_LABEL = re.compile(
    rf"(?P<side>[RL])?(?:(?P<prefix>[MS])(?=CC|MLO))?(?P<view>{_VIEW})(?P<suffix>(?:{_SUFFIX})*)"
)
# These two are said of nothing else; LM, ML and the rest also abbreviate other things.
_UNMISTAKABLE = frozenset({View.CC, View.MLO})


@dataclass(frozen=True)
class Label:
    """What a text says of an image; None where it says nothing, or two different things."""

    laterality: Laterality | None = None
    view: View | None = None
    modifiers: tuple[str, ...] = ()


def plain_words(text: str) -> str:
    """Keep only the letters of a text, in lower case."""
    return re.sub(r"[^a-z]", "", text.lower())


def parse_label(text: str) -> Label | None:
    """Read one label that is nothing but a label, such as `RCCID` or `MLO ID`, or give None."""
    found = _LABEL.fullmatch(re.sub(r"[\s_-]+", "", text.upper()))
    if found is None:
        return None
    letters = [found["prefix"]] if found["prefix"] else []
    letters += re.findall(_SUFFIX, found["suffix"])
    return Label(
        SIDES.get(found["side"] or ""),
        View(found["view"]),
        tuple(dict.fromkeys(_LETTERS[name] for name in letters)),
    )


def find_label(text: str) -> Label:
    """Find a label among the words of a file name or description; strict words only.

    A single R or L counts only beside a view, and a rarer view only beside a side, since such
    letters also stand for other things.
    """
    sides: set[str] = set()
    views: set[View | None] = set()
    modifiers: list[str] = []
    for word in re.findall(r"[A-Z0-9]+", text.upper()):
        if word in SIDES:
            sides.add(word)
        elif label := parse_label(word):
            views.add(label.view)
            modifiers += label.modifiers
            if label.laterality:
                sides.add(label.laterality.value)
    named = {SIDES[word] for word in sides}
    spelled = bool(sides & {"LEFT", "RIGHT"})
    view = views.pop() if len(views) == 1 else None
    side = named.pop() if len(named) == 1 and (view or spelled) else None
    if view not in _UNMISTAKABLE and side is None:
        view = None
    return Label(side, view, tuple(dict.fromkeys(modifiers)) if view else ())
