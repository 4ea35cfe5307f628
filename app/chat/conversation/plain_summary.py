"""What the record says, in words for somebody who does not read mammograms."""

from __future__ import annotations

import re
from collections.abc import Sequence

from app.chat.conversation.asked import KINDS, Asked
from app.chat.conversation.report import composed
from app.chat.conversation.report_findings import marked_places
from app.chat.conversation.sayings import TAKEN_AWAY
from app.chat.conversation.subjects import FILE_FORMATS
from app.chat.conversation.verdict_words import SIDES, kinds_judged, title
from app.chat.evidence.contracts import Findings, Region, Verdict
from app.chat.evidence.deciding import of_several
from app.chat.evidence.exam import Exam
from versamammo.vocabulary import BY_NAME, YES
from vlm.option_words import figure

_NOT_IN_IT = re.compile(
    r"\b(indication|clinical history|technique|impression|recommendations?|management|follow-up|"
    r"differential( diagnosis)?)\b"
)
_TWO = re.compile(r"\b(two|2) sentences\b")
_SIDES = {side: words.lower() for words, side in SIDES}
PHANTOMS = "These pictures are phantoms, made by a program: nobody's breast."
CAUTION = (
    "This is research software that makes mistakes, and no diagnosis: a radiologist has to look at "
    "the pictures."
)


def reported(exam: Exam, asked: Asked, seen: Findings, question: str) -> str:
    """Return a report, or a summary in plain words where these are asked for."""
    if asked.plain:
        two = asked.brief and _TWO.search(question.casefold()) is not None
        told = plain_summary(exam, seen, asked.images, asked.topics, brief=two)
    else:
        told = composed(exam, seen, asked.images, brief=asked.brief)
    lines = [told]
    if missing := dict.fromkeys(found[0] for found in _NOT_IN_IT.finditer(question.casefold())):
        listed = ", ".join(missing)
        lines.append(f"Not in it, since nothing here tells it or gives advice: {listed}.")
    if FILE_FORMATS.search(question.casefold()):
        lines.append(TAKEN_AWAY)
    return "\n".join(lines)


def plain_summary(
    exam: Exam,
    seen: Findings,
    images: Sequence[int],
    topics: Sequence[str] = (),
    *,
    brief: bool = False,
) -> str:
    """Return what is judged of some pictures, and what is not, without terms of the trade.

    Args:
        exam: what is spoken of.
        seen: its record of evidence.
        images: that are spoken of.
        topics: that are asked for; all if there are none.
        brief: as two sentences.
    """
    phantoms = [PHANTOMS] if exam.phantom else []
    if tuple(topics) == ("ACR",):
        return "\n".join([*phantoms, _tissue(exam, seen, images), CAUTION])
    told = [*phantoms, *_found(exam, seen, images), *_lesion(exam, seen, images)]
    told += [] if brief and len(told) > len(phantoms) + 1 else [_tissue(exam, seen, images)]
    if brief:
        first, *rest = [one.rstrip(".") for one in told]
        joined = "; ".join([first, *(f"{one[0].lower()}{one[1:]}" for one in rest)])
        return f"{joined}. {CAUTION}"
    return "\n".join([*told, CAUTION])


def _found(exam: Exam, seen: Findings, images: Sequence[int]) -> list[str]:
    """Return which changes are marked or not, and which nobody looked for."""
    judged, there = kinds_judged(seen, images)
    lines = [_there(exam, name, judged[name]) for name in there]
    absent = [
        _lay(name) for name, own in judged.items()
        if own and all(one.value not in (YES, None) for one in own)
    ]  # fmt: skip
    lines += [f"The program did not find {_listed(absent)}."] if absent else []
    unsure = [
        _lay(name) for name, own in judged.items()
        if name not in there and any(one.value is None for one in own)
    ]  # fmt: skip
    lines += [f"It is not sure whether the pictures show {_listed(unsure)}."] if unsure else []
    silent = [_lay(name) for name in KINDS if name not in judged]
    if judged and silent:
        lines.append(f"It cannot judge whether the pictures show {_listed(silent)}.")
    if not judged:
        lines.append(
            "The program cannot tell whether the pictures show a lump or any other change: "
            f"{seen.why_silent('Mass')}."
        )
    places = [one for one in seen.suspects if one.image in images]
    whole = [
        f"the {part.replace('quadrant', 'quarter')} of the {name.lower()}"
        for name, place in marked_places(exam, seen, images)
        if len(place.marks) > 1 and (part := place.location.quadrant or place.location.half)
    ]
    if places:
        told = "; ".join(whole) or _places(exam, places)
        lines.append(f"If there is one, it is most likely here: {told}.")
    return lines


def _there(exam: Exam, name: str, verdicts: Sequence[Verdict]) -> str:
    regions = [region for one in verdicts if one.value == YES for region in one.regions]
    sure = figure(max(one.probabilities[YES] for one in verdicts if one.value == YES))
    where = f": {_places(exam, regions)}" if regions else ""
    return f"The program thinks that the pictures show {_lay(name)} (probability {sure}){where}."


def _places(exam: Exam, regions: Sequence[Region]) -> str:
    told = []
    for one in regions:
        side = exam.images[one.image].side
        whose = _SIDES.get(side, "breast")
        told.append(f"{one.where} of the {whose} in the picture {exam.names[one.image]}")
    return "; ".join(dict.fromkeys(told))


def _lesion(exam: Exam, seen: Findings, images: Sequence[int]) -> list[str]:
    """Return for each breast whether a change would rather be harmless."""
    lines = []
    for side, whose in _SIDES.items():
        own = [image for image in images if exam.images[image].side is side]
        verdict = of_several(exam, seen, "Pathology", own) if own else None
        likelier = _lay("Pathology", verdict.value or "") if verdict else ""
        if verdict is None or not verdict.value or not likelier:
            continue
        sure = figure(verdict.probabilities[verdict.value])
        held = "If there is a change in the" if verdict.condition else "A change in the"
        lines.append(
            f"{held} {whose}, the program thinks it more likely {likelier} (probability {sure})."
        )
    return lines


def _tissue(exam: Exam, seen: Findings, images: Sequence[int]) -> str:
    verdict = of_several(exam, seen, "ACR", images)
    if verdict is None:
        return f"How dense the tissue is was not judged: {seen.why_silent('ACR')}."
    if verdict.value is None:
        return "The program is not sure how dense the tissue is."
    letter = BY_NAME["ACR"].plain(verdict.value)
    sure = figure(verdict.probabilities[verdict.value])
    return (
        f"Most likely, the tissue is {_lay('ACR', verdict.value)} "
        f"({title('ACR')} {letter}, probability {sure})."
    )


def _listed(names: Sequence[str]) -> str:
    return names[0] if len(names) == 1 else f"{', '.join(names[:-1])} or {names[-1]}"


def _lay(name: str, option: str = YES) -> str:
    return dict(BY_NAME[name].lay).get(option, "")
