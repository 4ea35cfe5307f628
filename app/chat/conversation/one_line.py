"""The record in one sentence."""

from __future__ import annotations

from collections.abc import Sequence

from app.chat.conversation.report_findings import marked_places
from app.chat.conversation.verdict_words import kinds_judged, topic_words
from app.chat.evidence.contracts import Findings
from app.chat.evidence.deciding import of_several
from app.chat.evidence.exam import Exam
from versamammo.vocabulary import BY_NAME
from vlm.option_words import figure


def one_line(exam: Exam, seen: Findings, images: Sequence[int], most_words: int = 0) -> str:
    """Return what is judged of some pictures in one sentence, and that it is no diagnosis.

    Args:
        exam: whose pictures they are.
        seen: the record of evidence.
        images: numbers of the pictures.
        most_words: the shortest of three sentences stands where the longer ones have more; 0 for
            any number.
    """
    ways = (
        _whole(exam, seen, images), _short(exam, seen, images),
        _short(exam, seen, images, places=False),
    )  # fmt: skip
    fitting = (said for said in ways if not most_words or len(said.split()) <= most_words)
    return next(fitting, ways[-1])


def places_alone(exam: Exam, seen: Findings, images: Sequence[int]) -> str:
    """Return in which quadrant, half or third marks lie, and no more; empty without a mark."""
    told = []
    places = marked_places(exam, seen, images)
    for name, place in places:
        location = place.location
        lies = location.quadrant or location.half or place.marks[0].where
        held = ", if there is a lesion" if place.marks[0] in seen.suspects else ""
        held += ", and the CC hangs as usual" if held and location.assumed else ""
        told.append(f"{f'{name.lower()}: ' if len(places) > 1 else ''}{lies}{held}")
    said = "; ".join(told)
    return f"{said[:1].upper()}{said[1:]}." if said else ""


def _short(exam: Exam, seen: Findings, images: Sequence[int], *, places: bool = True) -> str:
    """Return the likeliest values alone, with the places of marks or without."""
    _, there = kinds_judged(seen, images)
    told = ["phantoms"] if exam.phantom else []
    for name, place in marked_places(exam, seen, images) if places else ():
        lies = place.location.quadrant or place.location.half or place.marks[0].where
        what = "likeliest place" if place.marks[0] in seen.suspects else place.marks[0].word
        told.append(f"{what} {name.lower()}, {lies}")
    told += [", ".join(name.lower() for name in there)] if there and not places else []
    for name, called in (("Pathology", ""), ("ACR", "density ")):
        verdict = of_several(exam, seen, name, images)
        if verdict is None or verdict.value is None:
            continue
        held = " if a lesion" if verdict.condition else ""
        chance = figure(verdict.probabilities[verdict.value])
        value = BY_NAME[name].plain(verdict.value)
        value = value if called else value.lower()  # a density is a letter
        told.append(f"{called}{value} {chance}{held}")
    said = "; ".join([*told, "no diagnosis"])
    return f"{said[:1].upper()}{said[1:]}."


def _whole(exam: Exam, seen: Findings, images: Sequence[int]) -> str:
    judged, there = kinds_judged(seen, images)
    told = ["phantoms, nobody's breast"] if exam.phantom else []
    for name, place in marked_places(exam, seen, images):
        lies = place.location.words or place.marks[0].where
        what = (
            "if there is a lesion, it most likely lies" if place.marks[0] in seen.suspects
            else f"{place.marks[0].word} marked"
        )  # fmt: skip
        told.append(f"{name.lower()}: {what} {lies}")
    if judged and not there:
        told.append(f"no {', '.join(name.lower() for name in judged)} marked")
    if not judged:
        told.append("whether there is one is not judged")
    for name in ("Pathology", "Bi-Rads", "ACR"):
        verdict = of_several(exam, seen, name, images)
        told += [f"{BY_NAME[name].title} {topic_words(verdict)}"] if verdict is not None else []
    said = "; ".join(told)
    return f"{said[:1].upper()}{said[1:]}; research software, no diagnosis."
