"""Whether an answer keeps to the record that it was written from: nothing else, nothing left out.

Compared are pictures, sides, findings and whether they are there, places, sizes, categories,
probabilities and the option each belongs to, conditions, and every word that carries a meaning.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from versamammo.vocabulary import NOT_JUDGED
from vlm.grounding.answer_forms import misleading
from vlm.grounding.required_words import ALSO, HAS_TO_BE_SAID, LIKELIEST, ONLY_IF_RECORDED
from vlm.grounding.statements import (
    MEASURED,
    VALUED,
    Polarity,
    Statement,
    findings_in,
    numbers_in,
    sentences,
    sides_in,
    statements,
    views_in,
)
from vlm.grounding.word_stems import plain_words, stem

_WORD = re.compile(r"[a-zé]+(?:-[a-z]+)*")
_PLACES = ("upper", "lower", "middle", "outer", "inner", "central", "nipple", "chest", "quadrant",
           "anterior", "posterior", "axilla", "o'clock")  # fmt: skip
_LESION = re.compile(r"\b(benign|malignant)\b")
# "not", "more likely" and the like stand between the two words, and are left as they are
_SURE = re.compile(r"\b(is|are|looks|seems) (benign|malignant)\b(?! or)", re.IGNORECASE)
_AN = re.compile(r"\b([Aa]) (?=(?:MLO|ML|LM|LMO|XCCL|XCCM|FFDM)\b)")  # letters that need “an”
_JUDGED = re.compile(
    r"density|composition|bi-?rads|patholog|benign|lesion|quality|tissue|cancer|invasive|"
    r"subtlety|masking|view|"
    r"anything|finding|nothing is judged|from (the|these) pictures?|here|picture"
)
_SILENT = re.compile(r"not judged, |[^:]{3,40}: not (judged|assessed)|(right|left) breast: nothing")
_NOT_JUDGED = re.compile(r"not judged|not assessed|nothing is judged|cannot|nothing here tells")
# beside what the tags say of it
_UNTOLD_VIEW = re.compile(r"the views?, by the pixels, (is|are) not judged")
# what is not judged, said in words that claim nothing
_WHETHER = re.compile(
    r"whether a lesion is benign or malignant|whether there is cancer|\bas a rule\b"
)
_BITS = re.compile(r"\bbits?\b")
# "R CC: the tags say side right, view CC; ...", "L MLO: 462 x 800 pixels, ..."
_OF_PICTURE = re.compile(
    r"^([LR] [^:;]{2,60}): (?:.*\bsays? (side|view)\b|breast \d|\d+ (?:x \d+ pixels|bits)|"
    r"[\d.]+ mm per|the tags say|the file does not tell)"
)
# "R MLO: GE Senographe, read as DICOM."
_MACHINE = re.compile(r"^[^:]+: (?P<name>.+), read as \w+")
_TAGS = re.compile(r"\btags?\b")
_SIDES = {"L": "left", "R": "right"}
_OF_SIDE = re.compile(r"(left|right) breast: (?!no picture|nothing)")
_ONE_SIDED = "no picture of it here"
_NO_PICTURE_SAID = re.compile(r"no (?:picture|view|image)s? of the (left|right)")
_PICTURE_SAID = re.compile(r"only (?:of )?the (left|right) (?:one|breast)")
_ONE_SAID = re.compile(r"\b(this|it) is (an? |the )")
_ONE_SIDE_SAID = re.compile(r"no picture|only the (left|right)|nothing to compare")
_DISAGREE = re.compile(r"these disagree|one of them is wrong|its side is wrong")
_IF = re.compile(r"\bif\b")
_SILENT_LINE = re.compile(r"[A-Z][a-z ]+: not judged")
_SIZE_ASKED = re.compile(r"\b(how (large|big|small|wide|long)|sizes?|mm|millimet\w+|diameter)\b")
_FILM_ASKED = re.compile(r"\bfilm\b|\bdigital\b|\bscanned\b")
_SIZE_SAID = re.compile(r"\bsizes?\b|\bmm\b|millimet|\bpixels? x|x \d+ pixels")


def disagreements(
    answer: str, facts: Sequence[str], question: str = "", *, complete: bool = True,
    of_pictures: bool = True,
) -> tuple[str, ...]:  # fmt: skip
    """Return what an answer says that its record does not, or leaves out; empty if it agrees.

    Args:
        answer: as it was written.
        facts: lines of the record.
        question: whose own words may be said again, though not claimed.
        complete: False while more is to come, so that nothing is missed yet.
        of_pictures: False of a text that explains findings and says nothing of their presence.
    """
    record = statements("\n".join(facts), record=True)
    said = statements(answer)
    whole = "\n".join(facts)
    found: list[str] = []
    if not answer.strip():
        return ("is empty",)
    found += _words(answer, whole, question)
    found += _names(answer, whole)
    found += _tellers(answer, whole)
    found += _missing_side(answer.casefold(), whole.casefold())
    found += [
        f"the record says nothing of {what}"
        for said, recorded, what in ONLY_IF_RECORDED
        if said.search(answer.casefold()) and not recorded.search(whole.casefold())
    ]
    for one in said:
        found += _numbers(one, record)
        found += _findings(one, record) if of_pictures else []
        found += _silent(one)
    found += _values(said, record)
    found += misleading(answer, facts, question)
    if complete:
        found += _left_out(answer, said, record, whole)
        found += _asked_for(answer, whole, question)
    return tuple(dict.fromkeys(found))


def _words(answer: str, whole: str, question: str) -> list[str]:
    known = {stem(word) for word in _WORD.findall(f"{whole} {question}".casefold())}
    strange = [
        word
        for word in _WORD.findall(_WHETHER.sub("", answer.casefold()))
        if len(word) > 2 and stem(word) not in known and stem(word) not in plain_words()
    ]
    return [f"the record does not say “{word}”" for word in dict.fromkeys(strange)]


def _names(answer: str, whole: str) -> list[str]:
    views = sorted(views_in(answer) - views_in(whole))
    sides = sorted(sides_in(answer) - sides_in(whole))
    numbers = sorted(numbers_in(answer) - numbers_in(whole))
    letters = set(re.findall(r"(?<![\w-])[B-D](?=[ ,.;(])", answer))
    letters -= set(re.findall(r"(?<![\w-])[A-D](?=[ ,.:;(])", whole))
    places = [p for p in _PLACES if p in answer.casefold() and p not in whole.casefold()]
    return [f"the record has no {word}" for word in (*views, *sides, *numbers, *letters, *places)]


def _tellers(answer: str, whole: str) -> list[str]:
    """Return whether the tags are said to tell what a file name tells."""
    by_name = "file name" in whole and not _TAGS.search(whole.casefold())
    return ["the file name says it, not the tags"] if by_name and _TAGS.search(answer) else []


def _missing_side(answer: str, whole: str) -> list[str]:
    """Return whether a breast is said not to be here that is, or to be here that is not."""
    absent = {line[: line.index(" ")] for line in whole.splitlines() if _ONE_SIDED in line}
    wrong = absent and {*_NO_PICTURE_SAID.findall(answer)} - absent
    return ["says of the wrong breast that it is not here"] * bool(
        wrong or {*_PICTURE_SAID.findall(answer)} & absent
    )


def _numbers(one: Statement, record: Sequence[Statement]) -> list[str]:
    """Compare the figures of a statement with those of the same picture and finding."""
    wrong = []
    for number in one.numbers:
        holding = [own for own in record if number in own.numbers]
        fitting = [
            own
            for own in holding
            if _same_pictures(one, own)
            and (not one.findings or not own.findings or own.findings & one.findings)
        ]
        if holding and not fitting and not (number.isdigit() and int(number) < 10):
            wrong.append(f"{number} belongs to another picture or finding")
    return wrong


def _same_pictures(one: Statement, other: Statement) -> bool:
    """Return whether two statements may be about the same pictures."""
    if one.views and other.views:
        return bool(one.views & other.views)
    return not one.sides or not other.sides or bool(one.sides & other.sides)


def _findings(one: Statement, record: Sequence[Statement]) -> list[str]:
    """Compare whether findings are there with what the record says of them."""
    wrong = []
    for name in one.findings:
        own = [kept for kept in record if name in kept.findings and _same_pictures(one, kept)]
        own = [kept for kept in own if kept.views & one.views] or own  # of the very picture
        polarities = {kept.polarity for kept in own} - {Polarity.IF_ANY}
        if one.polarity is Polarity.IF_ANY or not polarities:
            continue
        agrees = one.polarity in polarities
        if one.polarity is Polarity.ABSENT and Polarity.THERE in polarities:
            agrees = False
        if one.polarity is Polarity.NOT_JUDGED and polarities & {Polarity.THERE, Polarity.ABSENT}:
            agrees = False
        if not agrees:
            where = f" in {', '.join(sorted(one.views))}" if one.views else ""
            wrong.append(f"{name.lower()}{where} is not said to be {one.polarity}")
    return wrong


def _silent(one: Statement) -> list[str]:
    """Return whether a statement that something is not judged names something that can be."""
    text = one.text.casefold()
    # the reason comes behind
    about = text if "nothing is judged" in text else re.split(r"because|: ", text)[0]
    tried = MEASURED.match(text)  # goes on about what was named before
    if one.polarity is not Polarity.NOT_JUDGED or one.findings or _JUDGED.search(about) or tried:
        return []
    return ["does not say what is not judged"]


def _values(said: Sequence[Statement], record: Sequence[Statement]) -> list[str]:
    """Compare each probability with the option that it belongs to."""
    kept = {pair for one in record for pair in one.values}
    options = {number for _, number in kept}
    elsewhere = {n for one in record if one.findings for n in one.numbers}
    wrong = []
    for one in said:
        wrong += [
            f"{number} is not the probability of {value}"
            for value, number in sorted(one.values)
            if number in options and (value, number) not in kept
        ]
        alone = one.numbers & options - elsewhere - {number for _, number in one.values}
        wrong += [f"{number} stands without its option" for number in sorted(alone)]
    return wrong


def _left_out(
    answer: str, said: Sequence[Statement], record: Sequence[Statement], whole: str
) -> list[str]:
    """Return what has to be said and is not: what is there, what is not judged, conditions."""
    folded = answer.casefold()
    missing = []
    there = {name for one in record if one.polarity is Polarity.THERE for name in one.findings}
    told = {name for one in said if one.polarity is Polarity.THERE for name in one.findings}
    if any(one.polarity is Polarity.ABSENT or one.views for one in record):
        missing += [f"leaves out {name.lower()}" for name in sorted(there - told)]
    # a record that begins with a place was asked for places
    silent = any(map(_SILENT.match, whole.casefold().splitlines()))
    told_so = any(one.polarity is Polarity.NOT_JUDGED for one in said)
    if silent and not told_so and not _IF.match(whole.casefold()):
        missing.append("leaves out that something is not judged")
    for line in () if _IF.match(whole.casefold()) else whole.splitlines():
        named = findings_in(line) if line.casefold().startswith(NOT_JUDGED.casefold()) else set()
        alone = findings_in(line.split(":")[0]) if _SILENT_LINE.match(line) else set()
        if len(named & findings_in(answer)) < min(3, len(named)) or alone - findings_in(answer):
            missing.append("leaves out which findings are not judged")
    if told_so and not _NOT_JUDGED.search(_UNTOLD_VIEW.sub("", whole.casefold())):
        missing.append("says that something is not judged")
    missing += _values_left_out(answer, whole)
    missing += _pictures_left_out(answer, whole)
    missing += _machine_left_out(folded, whole.casefold())
    missing += [
        f"leaves out {what}"
        for recorded, answered, what in HAS_TO_BE_SAID
        if recorded.search(whole.casefold()) and not answered.search(folded)
    ]
    sided = {line[0].upper() for line in whole.splitlines() if _OF_SIDE.match(line.casefold())}
    missing += [f"leaves out the {_SIDES[one]} breast" for one in sorted(sided - sides_in(answer))]
    if _ONE_SIDED in whole and not (_ONE_SIDE_SAID.search(folded) and len(sides_in(answer)) > 1):
        missing.append("leaves out that a side is not here")
    if _DISAGREE.search(whole.casefold()) and "disagree" not in folded:
        missing.append("leaves out that tags and pixels disagree")
    if "if there is a lesion" in whole.casefold():
        missing += [
            "leaves out that it holds if there is a lesion"
            for one in map(str.casefold, sentences(answer))
            if _LESION.search(_WHETHER.sub("", one)) and not _IF.search(one) and not ALSO.match(one)
        ]
    return missing


def _values_left_out(answer: str, whole: str) -> list[str]:
    """Return the topics of the record whose value an answer tells neither by word nor figure."""
    folded, numbers = answer.casefold(), numbers_in(answer)
    found = [match for line in whole.splitlines() if (match := VALUED.match(line))]
    return [
        f"leaves out {one['title'].casefold()}"
        for one in found
        if not findings_in(one[0])
        and not sides_in(one["title"])
        and one["number"] not in numbers
        and one["value"].casefold() not in folded
    ]


def _pictures_left_out(answer: str, whole: str) -> list[str]:
    """Return the pictures whose tags are told, and of which an answer says nothing."""
    heads = [match for line in whole.splitlines() if (match := _OF_PICTURE.match(line))]
    told = {view for head in heads for view in views_in(head[1])}
    missing = sorted(told - views_in(answer))
    shared = len(heads) == 1 and not heads[0][2]  # the same of all, and not which they are
    if len(told) < 2 or not missing or shared:  # of one picture it need not be said which
        return []
    if _ONE_SAID.search(answer.casefold()):
        return ["speaks of one picture where there are more"]
    return [f"leaves out {view}" for view in missing]


def _machine_left_out(answer: str, whole: str) -> list[str]:
    """Return whether the machine that the record names is not named; all in lower case."""
    names = [match["name"] for line in whole.splitlines() if (match := _MACHINE.match(line))]
    if "film or digital" in answer:  # said of a machine that is not known
        names = [name for name in names if not name.startswith("machine not said")]
    left_out = any(name.split()[0].strip(",.") not in answer for name in names)
    return ["leaves out the machine"] if left_out else []


def _asked_for(answer: str, whole: str, question: str) -> list[str]:
    """Return what was asked for by name, is told or said to be unknown, and left out."""
    bits = [_BITS.search(text.casefold()) for text in (question, whole, answer)]
    if bits[0] and bits[1] and not bits[2]:
        return ["leaves out the bits"]
    if _FILM_ASKED.search(question.casefold()) and "digital" not in answer.casefold():
        return ["leaves out film or digital"] if "digital" in whole.casefold() else []
    if not _SIZE_ASKED.search(question.casefold()) or _SIZE_SAID.search(answer.casefold()):
        return []
    if "size not known" in whole.casefold():
        return ["leaves out that a size is not known"]
    return ["leaves out the size"] if _SIZE_SAID.search(whole.casefold()) else []


def hedged(answer: str) -> str:
    """Return an answer whose lesion is “most likely” malignant or benign, and “an MLO”."""
    return _SURE.sub(r"\1 most likely \2", _AN.sub(r"\1n ", answer))


def completed(
    answer: str, facts: Sequence[str], question: str = "", *, of_pictures: bool = True
) -> tuple[str, tuple[str, ...]]:
    """Return an answer below the lines that it leaves out, and what disagrees even so."""
    wrong = disagreements(answer, facts, question, of_pictures=of_pictures)
    if not wrong or not all(one.startswith("leaves out") for one in wrong):
        return answer, wrong
    added: list[str] = []
    # what is found wrong with the record itself is none of the lines that are added
    own = {*disagreements("\n".join(facts), facts, question)}
    for line in facts:
        found = disagreements(_below([*added, line], answer), facts, question)
        fewer = tuple(one for one in found if one not in own)
        if len(fewer) < len(wrong):
            added, wrong = [*added, line], fewer
    return _below(added, answer), wrong


def _below(added: Sequence[str], answer: str) -> str:
    """Return an answer below lines, without the sentences that say no more than one of them."""
    lines = [set(_WORD.findall(line.casefold())) for line in added]
    placed = any(LIKELIEST.search(line) for line in added)
    whole = list(sentences(answer))
    kept = [
        one
        for one in whole
        if not any(set(_WORD.findall(one.casefold())) <= words for words in lines)
        and not (placed and LIKELIEST.search(one.casefold()))
    ]
    return "\n".join([*added, " ".join(kept) if len(kept) < len(whole) else answer]).strip()
