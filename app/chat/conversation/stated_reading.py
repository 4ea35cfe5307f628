"""What a user says of the pictures, and whether the record of evidence agrees."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from app.chat.conversation.asked import KINDS
from app.chat.conversation.report_findings import MarkedPlace, marked_places
from app.chat.conversation.verdict_words import (
    ELSEWHERE,
    MISTAKEN,
    NO_MILLIMETRES,
    finding_line,
    not_judged,
    topic_line,
)
from app.chat.evidence.contracts import Findings, Verdict
from app.chat.evidence.deciding import of_several
from app.chat.evidence.exam import Exam
from versamammo.vocabulary import BY_NAME, YES, topics_named
from vlm.knowledge.general_questions import named_in

# a direction in the breast, and how it is typed
_WAYS = {"upper": r"upper|superior", "lower": r"lower|inferior",
         "outer": r"outer|lateral", "inner": r"inner|medial"}  # fmt: skip
_AGAINST = {"upper": "lower", "lower": "upper", "outer": "inner", "inner": "outer"}
_WAY = "|".join(_WAYS.values())
_PART = r"quadrants?|half|part|side|area|region|third|breast|portion|aspect|corner|pole"
_PLACE = re.compile(
    rf"\b(?:(?:{_WAY})(?:[ /-]+(?:and )?(?:{_WAY}))?[ -]+(?:{_PART})|"
    rf"(?:{_WAY})[ /-]+(?:{_WAY})|[ul][oi]q|(?:at|near|towards|in|of) the (?:top|bottom))\b"
)
_HOUR = re.compile(r"\b(1[0-2]|[1-9]) ?o'? ?clock\b")
_DEPTHS = {
    "anterior third": re.compile(r"\b(behind the nipple|retro-?areolar|sub-?areolar)\b"),
    "posterior third": re.compile(r"\b(chest wall|pectoral\w*|pec muscle|posterior\w*)\b"),
}
_ARMPIT = re.compile(
    r"\b((near|towards|close to|by|in|under) )?(my |her |the )?(arm ?pit|axilla)\b"
)
# of what is asked for, not said
_ASKS_WHERE = re.compile(
    r"\b(how (far|deep|close|near)|distance)\b|"
    r"\b(which|what) (quadrant|half|part|side|third|hour|o'?clock|region|area)\b|"
    rf"\b(?:{_WAY})(?: \w+)? (?:or|vs\.?|versus) (?:the |more )?(?:{_WAY})\b"
)
_NORMAL = re.compile(
    r"\b(normal|negative|clear|clean|unremarkable|nothing (there|wrong|to see|suspicious|in it)|"
    r"no (finding|lesion|abnormalit)\w*|all (right|fine|good))\b"
)
_BENIGN = re.compile(r"\b(benign|harmless|innocent|not (cancer|malignant)|no cancer)\b")
_MALIGNANT = re.compile(r"\b(malignan\w*|cancer\w*|carcinoma)\b")
_DENSITY = re.compile(
    r"\b(?:density|dens|acr|category|type|class|bi-?rads|a|an|called?|it) ([a-d])\b"
)
_OF_DENSITY = (
    ("A", r"almost entirely fat\w*|fatty"), ("B", r"scattered"), ("C", r"heterogeneous\w*"),
    ("D", r"extremely dense"),
)  # fmt: skip
_BIRADS = re.compile(r"\bbi-?rads ?(\d[abc]?)\b|\b[rb](\d)\b")
_SIZE = re.compile(r"\b(\d+(?:[.,]\d+)?) ?(cm|mm|centimet\w+|millimet\w+)\b")
# what asks whether a reading that was stated is shared
_SHARED = re.compile(
    r"\b(do|don't|would|wouldn't|can|could)( not)? (you|it|we) (\w+ )?(agree|concur|confirm)\b|"
    r"\b(agree|concur|right|correct)\?*$(?<!is it right)(?<!the right)(?<!to the right)|"
    r"\bwho('s| is) (right|closer|wrong)\b|"
    r"\b(is|are|was) (he|she|they|that|this|i) (right|wrong)\b|"
    r"\bam i (right|wrong)\b|\bdoes (that|this) (match|fit|agree)\b"
)
NO_SIDE_TAKEN = (
    "It cannot tell who is right: what it says comes from the record alone, and typing a reading "
    "changes nothing of it."
)
UNTOLD = "whether the marked place lies there cannot be told from these views"


@dataclass(frozen=True)
class StatedPlace:
    """A place that was named, in words as typed, by directions, hour and depth.

    `about` it may lie, so that a mark in the same quadrant need not be there.
    """

    words: str
    ways: tuple[str, ...] = ()
    hour: int | None = None
    third: str = ""
    about: bool = False


def stated_place(words: str) -> StatedPlace | None:
    """Return the place that a question names; None if it names none, or asks for one.

    Args:
        words: in lower case, without punctuation.
    """
    if _ASKS_WHERE.search(words):
        return None
    if found := _HOUR.search(words):
        return StatedPlace(found[0], hour=int(found[1]))
    if found := _PLACE.search(words):
        said = found[0]
        typed = re.sub(r"^(at|near|towards|in|of) the ", "", said)
        short = {"u": "upper", "l": "lower", "o": "outer", "i": "inner"}
        if re.fullmatch(r"[ul][oi]q", said):
            return StatedPlace(said.upper(), (short[said[0]], short[said[1]]))
        ways = tuple(way for way, typed_as in _WAYS.items() if re.search(typed_as, said))
        ways = ways or (("upper",) if "top" in said else ("lower",))
        return StatedPlace(typed, ways)
    for third, way in _DEPTHS.items():
        if found := way.search(words):
            return StatedPlace(found[0], third=third)
    if found := _ARMPIT.search(words):
        return StatedPlace(found[0], ("upper", "outer"), about=True)
    return None


def asks_to_agree(words: str) -> bool:
    """Return whether a question says something of the pictures and asks whether that is shared."""
    if not _SHARED.search(words):
        return False
    ways = (_NORMAL, _BENIGN, _MALIGNANT, _BIRADS, _SIZE)
    kinds = any(name in KINDS for name in topics_named(words))
    told = any(way.search(words) for way in ways) or bool(_density_said(words))
    return kinds or told or stated_place(words) is not None


def place_lines(
    exam: Exam, seen: Findings, images: Sequence[int], words: str, kinds: Sequence[str] = ()
) -> list[str]:
    """Return whether what is marked lies where a question says; nothing if it names no place.

    Args:
        exam: what is spoken of.
        seen: its record of evidence.
        images: that are spoken of.
        words: of the question, in lower case, without punctuation.
        kinds: of findings that are asked for; marks of others do not count.
    """
    said = stated_place(words)
    if said is None:
        return []
    marked = [
        (name, place)
        for name, place in marked_places(exam, seen, images)
        if not kinds or place.marks[0].topic in kinds or place.marks[0] in seen.suspects
    ]
    if not marked:
        return [f"“{said.words}”: no place is marked there or elsewhere.", ELSEWHERE]
    by: dict[bool | None, list[str]] = {}
    for name, place in marked:
        there = _is_there(said, place, left=name.startswith("Left"))
        lies = f"{name.lower()}, {place.location.words or place.marks[0].where}"
        by.setdefault(there, []).append(lies)
    what = "the likeliest place" if marked[0][1].marks[0] in seen.suspects else "a marked place"
    if True in by:
        return [f"“{said.words}”: {what} lies there ({'; '.join(by[True])})."]
    if None in by:
        return [f"“{said.words}”: {UNTOLD} ({'; '.join(by[None])}).", ELSEWHERE]
    return [f"“{said.words}”: {what} lies elsewhere ({'; '.join(by[False])}).", ELSEWHERE]


def _is_there(said: StatedPlace, place: MarkedPlace, *, left: bool) -> bool | None:
    """Return whether a mark lies in a named place; None if its views do not tell."""
    location = place.location
    if said.third:
        return location.third == said.third if location.third else None
    told = f"{location.quadrant} {location.half}"
    if said.hour is not None and location.clock is not None:
        apart = abs(said.hour - location.clock) % 12
        return min(apart, 12 - apart) <= 1
    ways = said.ways if said.hour is None else _of_hour(said.hour, left=left)
    if any(_AGAINST[way] in told for way in ways):
        return False
    whole = bool(ways) and all(way in told for way in ways)
    return True if whole and not said.about else None


def _of_hour(hour: int, *, left: bool) -> tuple[str, ...]:
    """Return the directions of an hour, as seen from the front."""
    ways = []
    if hour not in (3, 9):
        ways.append("lower" if 3 < hour < 9 else "upper")
    if hour not in (6, 12):
        ways.append("outer" if (hour < 6) == left else "inner")
    return tuple(ways)


def agreement(exam: Exam, seen: Findings, images: Sequence[int], words: str) -> str:
    """Return for each thing that is said of the pictures whether the record agrees.

    Args:
        exam: what is spoken of.
        seen: its record of evidence.
        images: that are spoken of.
        words: of the user, in lower case, without punctuation.
    """
    lines = place_lines(exam, seen, images, words)
    pathology = of_several(exam, seen, "Pathology", images)
    said = "benign" if _BENIGN.search(words) else "malignant" if _MALIGNANT.search(words) else ""
    if _NORMAL.search(words) and not said:
        normal = _NORMAL.search(words)
        assert normal is not None
        lines.append(_of_normal(exam, seen, images, normal[0]))
        lines += [topic_line(exam, pathology)] if pathology is not None else []
    elif said and pathology is not None:
        lines.append(_compared(exam, said, said, pathology))
    elif said:
        lines.append(not_judged(seen, "Pathology"))
    density = of_several(exam, seen, "ACR", images)
    letter = _density_said(words)
    if letter and density is not None:
        lines.append(_compared(exam, f"density {letter}", letter, density))
    elif letter:
        lines.append(not_judged(seen, "ACR"))
    if found := _BIRADS.search(words):
        lines.append(_of_birads(exam, seen, images, found[1] or found[2]))
        lines += [topic_line(exam, pathology)] if pathology is not None and not said else []
    for name in (one for one in topics_named(words) if one in KINDS):
        own = [one for i in images if (one := seen.verdict(name, i)) is not None]
        lines.append(finding_line(exam, name, own) if own else not_judged(seen, name))
    if size := _SIZE.search(words):
        lines.append(f"“{size[0]}”: {_sizes(exam, seen, images)}")
    signs = [one.term for one in named_in(words) if one.part in ("masses", "calcifications")]
    signs = [one for one in signs if not topics_named(one)]
    if signs:
        lines.append(f"“{signs[0]}”: shape, margin and kind of a lesion are not judged.")
    return "\n".join(dict.fromkeys([*(lines or [NO_SIDE_TAKEN]), MISTAKEN]))


def _compared(exam: Exam, words: str, said: str, verdict: Verdict) -> str:
    topic = BY_NAME[verdict.topic]
    if verdict.value is None:
        return f"“{words}”: the record is not sure. {topic_line(exam, verdict)}"
    same = topic.plain(verdict.value).casefold().startswith(said.casefold())
    return f"“{words}”: the record {'agrees' if same else 'disagrees'}. {topic_line(exam, verdict)}"


def _of_normal(exam: Exam, seen: Findings, images: Sequence[int], words: str) -> str:
    there = [
        name for name in KINDS
        if any(one.value == YES for i in images if (one := seen.verdict(name, i)) is not None)
    ]  # fmt: skip
    if there:
        return f"“{words}”: the record disagrees; it holds {', '.join(there).lower()}."
    if any(name in seen.topics for name in KINDS):
        return f"“{words}”: nothing is marked, which does not mean that nothing is there."
    return f"“{words}”: that cannot be told, because {seen.why_silent('Mass')}."


def _of_birads(exam: Exam, seen: Findings, images: Sequence[int], category: str) -> str:
    verdict = of_several(exam, seen, "Bi-Rads", images)
    if verdict is None:
        return f"“BI-RADS {category}”: {not_judged(seen, 'Bi-Rads').partition(': ')[2]}"
    return _compared(exam, f"BI-RADS {category}", category[0], verdict)


def _density_said(words: str) -> str:
    for letter, way in _OF_DENSITY:
        if re.search(rf"\b({way})\b", words):
            return letter
    if "dens" not in words and "acr" not in words and "tissue" not in words:
        return ""
    found = _DENSITY.search(words)
    return found[1].upper() if found else ""


def _sizes(exam: Exam, seen: Findings, images: Sequence[int]) -> str:
    told = []
    for one in (*seen.regions, *seen.suspects):
        size = exam.images[one.image].millimetres(one.box) if one.image in images else None
        told += [f"{exam.names[one.image]} {size[0]:.0f} x {size[1]:.0f} mm"] if size else []
    if told:
        return f"the boxes of the marked places measure {'; '.join(told)}."
    return f"{NO_MILLIMETRES[0].lower()}{NO_MILLIMETRES[1:-2]} here, so no size can be compared."
