"""Whether a question speaks of the boxes that are drawn, or of a bright spot in the picture."""

from __future__ import annotations

import re

BOX_MEANING = "box_meaning"  # the fact that tells what a box means
BOXES = re.compile(r"\b(bounding boxes|bounding box|bbox(es)?|boxes|coords?|coordinates?)\b")
# one that is drawn here, whatever people call it
_THE_BOX = re.compile(
    r"\b(the|this|that|your|these|those) (\w+ )?(box|mark|rectangle|frame|square)"
)
_MEANS_THE_BOX = re.compile(
    r"\bwhat (do|does|is|are|'s) (the|this|that|your|these|those) (\w+ )?"
    r"(box|mark|rectangle|frame|square)(e?s|ing)?( on (it|there|the \w+))?"
    r"( means?| meant| for| stands? for| supposed to \w+| tell( me)?)?$"
)
# “would you mark something if nothing is there?”, “you drew a box, so there is something”
_NOTHING = (
    r"(nothing|no (lesions?|cancer|tumou?rs?|findings?|lumps?)|"
    r"(it|she|the breast)('s| is) (normal|healthy|fine|clean))"
)
_MARKED_ANYWAY = re.compile(
    r"\b(mark|box|draw)\w*\b.*\b(even (if|when|though)|although|if|when|where) "
    rf"(there('s| is| was)? )?{_NOTHING}\b|"
    r"\b(put|puts|drew|draws?|made|set|marked|there('s| is)) (a |the |it)?"
    r"(mark|box|square|circle)?\b.*\b(so|then|means?|must)\b.*"
    r"\b(there (is|must)|is something|something)\b"
)
SPOT = re.compile(
    r"\b(is|are|was|be|what's|whats|about) (all )?(that|this|those|these|the) (\w+ ){0,2}"
    r"(white|bright)(ish)? (\w+ )?(spot|dot|blob|point|speck|thing|patch|bit|stain|area)e?s?\b|"
    r"\b(white|bright)(ish)? (spot|dot|blob|point|speck|thing|patch)e?s?\b.*\bwhat('s| is| are) "
    r"(that|this|it|they|those)\b"
)


def asks_what_a_box_means(words: str, intent: str, *, of_pictures: bool) -> bool:
    """Return whether a question asks what a box that is drawn here means.

    Args:
        words: in lower case, without punctuation.
        intent: that the question most likely has.
        of_pictures: whether that asks for what the pictures show.
    """
    anyway = of_pictures and _MARKED_ANYWAY.search(words) is not None
    named = intent == BOX_MEANING and _THE_BOX.search(words) is not None
    return anyway or named or _MEANS_THE_BOX.search(words) is not None
