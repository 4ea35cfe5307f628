"""Slips of the pen in a question, put right only where no other word can be meant."""

from __future__ import annotations

import re

from rapidfuzz.distance import OSA

SHORT = {"mas": "mass", "massses": "masses", "thier": "their", "ther": "there",
         "wich": "which", "veiw": "view", "veiws": "views", "viw": "view", "vieuw": "view",
         "wher": "where", "were's": "where is", "calcs": "calcifications"}  # fmt: skip
# words that questions about mammograms turn on
KNOWN = frozenset(
    """abnormal abnormalities abnormality architectural assessment asymmetric asymmetry axillary
    benign biggest biopsy breast breasts calcification calcifications calcified cancer carcinoma
    category certain compare compared composition confident dense denser density describe diameter
    distortion finding findings image images impression invasive laterality lesion lesions location
    located lumps machine malignant mammogram manufacturer masses measure microcalcification
    microcalcifications millimetres nipple nodule normal oblique patient picture pictures projection
    quadrant report resolution retraction screening shape spiculated spiculation subtle
    summarise suspicious thickening tissue tumor tumour unusual visible where which""".split()  # noqa: SIM905 - a paragraph reads better than a list
)
# beside these “mAs” is the charge of the tube
_EXPOSURE = re.compile(r"\b(kvp?|exposure|dose|tube|anode|settings?)\b")
# words that are near to one of them and mean something else
OTHER = frozenset(("breath", "lesson", "funding", "masks", "missed", "patience", "compares"))


def corrected(words: str) -> str:
    """Return lower-case words with slips put right."""
    own = _EXPOSURE.search(words) is not None
    return re.sub(r"[^\W\d_]+", lambda found: _corrected(found[0], own), words)


def misspelt(words: str) -> tuple[tuple[str, str], ...]:
    """Return the words that are read as others, and as which."""
    own = _EXPOSURE.search(words) is not None
    found = ((word, _corrected(word, own)) for word in re.findall(r"[^\W\d_]+", words))
    return tuple(dict.fromkeys((word, read) for word, read in found if word != read))


def _corrected(word: str, exposure: bool) -> str:
    if word in SHORT:
        return word if exposure and word == "mas" else SHORT[word]
    if len(word) < 5 or word in KNOWN or word in OTHER or word.removesuffix("s") in KNOWN:
        return word
    most = 1 if len(word) < 8 else 2
    near = [
        (OSA.distance(word, known, score_cutoff=most), known)
        for known in sorted(KNOWN)
        if known[0] == word[0] and len(known) > 4
    ]
    slips, known = min(near, default=(most + 1, word))
    return known if slips <= most else word
