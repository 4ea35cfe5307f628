"""What the record of evidence says to a question about findings and topics, line by line."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

from app.chat.conversation.answer_evidence import evidence_of, notes_of, surety, suspected
from app.chat.conversation.asked import ANY_FINDING, KINDS, Asked
from app.chat.conversation.exact_places import OF_THE_BOX, exact_places
from app.chat.conversation.report_findings import SUSPECT, likeliest_lines, match_line
from app.chat.conversation.sayings import NO_NATURE
from app.chat.conversation.subjects import Subject
from app.chat.conversation.verdict_words import (
    FIGURES,
    LIKELIEST,
    MARKED,
    MARKED_IN,
    MISTAKEN,
    NEITHER,
    NO_SIGNS,
    NOTHING_CLAIMED,
    OF_BREASTS,
    OF_THE_PLACE,
    ONE_VIEW,
    ONLY_A_BIOPSY,
    UNCOUNTED,
    UNGRADED,
    WHY_NOT,
    absent_line,
    bare_line,
    count_line,
    finding_line,
    not_judged,
    pixel_lines,
    side_lines,
    size_lines,
    title,
    topic_line,
)
from app.chat.evidence.contracts import LOOKED_AT, Evidence, Findings, StreamedAnswer, Verdict
from app.chat.evidence.deciding import of_several
from app.chat.evidence.exam import Exam
from versamammo.vocabulary import NOT_JUDGED, YES

# what has a likeliest place; a node, the skin and the nipple are no such lesion
LESIONS = frozenset({"Mass", "Calcification", "Asymmetry", "Architectural distortion"})
OF_A_LESION = ("Pathology", "Cancer", "Invasive cancer")
GRADED = ("Pathology", "ACR")  # what has a probability where no finding is judged
NO_MARK = "Nothing is marked in these pictures."
NO_MARK_OF_IT = "No place is marked for it."


def findings_told(exam: Exam, asked: Asked, seen: Findings) -> StreamedAnswer:
    """Return the text that names, for each kind, its pictures, place and size."""
    every = not asked.kinds
    kinds = [name for name in asked.kinds or KINDS if name in seen.topics]
    silent = [name for name in asked.kinds or KINDS if name not in seen.topics]
    said = {name: verdicts_of(seen, name, asked.images) for name in kinds}
    there = [name for name in kinds if any(one.value == YES for one in said[name])]
    placed = bool(there) and asked.subject in (Subject.PLACES, Subject.SIZES)
    if placed:  # where it is not was not asked
        said = {name: [one for one in said[name] if one.value == YES] for name in there}
    lines = [finding_line(exam, name, said[name]) for name in there]
    rest = [] if placed else [name for name in kinds if name not in there]
    if len(kinds) > 2:
        lines += filter(None, [absent_line(exam, {name: said[name] for name in rest})])
    else:
        lines += [finding_line(exam, name, said[name]) for name in rest]
    if silent and every:
        listed = ", ".join(name.lower() for name in silent)
        lines.append(f"{NOT_JUDGED}: {listed}.")
    lines += [] if every else [not_judged(seen, name) for name in silent]
    if every and not kinds:
        lines.append(f"{WHY_NOT}{seen.why_silent('Mass')}.")
    found = [one for some in said.values() for one in some]
    lesions = not asked.kinds or bool(LESIONS & {*asked.kinds})
    suspects = likeliest_lines(exam, seen, asked.images) if lesions else []
    if asked.subject in (Subject.PLACES, Subject.SIZES) and not there and not suspects:
        lines.insert(0, NO_MARK_OF_IT if asked.kinds else NO_MARK)
    first = every or asked.subject is Subject.PLACES
    graded = of_several(exam, seen, "Pathology", asked.images)
    if every and suspects and graded is not None and asked.subject is Subject.FINDINGS:
        suspects.append(topic_line(exam, graded))
    lines = [*suspects, *lines] if first else [*lines, *suspects]
    of_places = bool(there or suspects)
    if asked.subject is Subject.SIZES and of_places:  # what was asked comes first
        together = any(MARKED_IN in one for one in suspects)  # which tells no size
        sizes = size_lines(exam, seen, asked.images) if together else []
        lines = [*sizes, *pixel_lines(exam, seen, asked.images), *lines]
    if asked.yes_or_no and every and not kinds:
        why = f"{WHY_NOT}{seen.why_silent('Mass')}."
        lines = [f"{NEITHER}{seen.why_silent('Mass')}.", *(one for one in lines if one != why)]
    marked = suspected(seen, asked.images) if suspects else ()
    return StreamedAnswer(
        "\n".join(lines), (*marked, *evidence_of(found, asked.images)),
        surety(found, bool(silent)), notes_of(seen, found),
    )  # fmt: skip


def and_topics(
    exam: Exam, asked: Asked, seen: Findings,
    first: Callable[[Exam, Asked, Findings], StreamedAnswer],
) -> StreamedAnswer:  # fmt: skip
    """Answer a question about findings, and what else it asks for, such as the density."""
    made = first(exam, asked, seen)
    others = [name for name in asked.topics if name not in (*KINDS, ANY_FINDING)]
    if asked.kinds and not LESIONS & {*asked.kinds}:  # of a node nothing is said of a lesion
        others = [name for name in others if name not in OF_A_LESION]
    if not others:
        return made
    more = topics_told(exam, others, asked.images, seen)
    return StreamedAnswer(
        f"{made.text}\n{more.text}", tuple(dict.fromkeys((*made.evidence, *more.evidence))),
        None, tuple(dict.fromkeys((*made.notes, *more.notes))),
    )  # fmt: skip


def places_told(exam: Exam, asked: Asked, seen: Findings) -> StreamedAnswer:
    """Return where findings lie; by quadrant, hour and pixels where that is asked for."""
    made = and_topics(exam, asked, seen, findings_told)
    told = [one for one in made.evidence if one.box is not None]
    made = replace(made, text=f"{made.text}\n{MARKED}") if told else made
    if not asked.exact:
        return made
    # where in the breast tell both of its views, whichever of them is asked about
    sides = {exam.images[i].side for i in asked.images}
    whole = [i for i in exam.current if exam.images[i].side in sides]
    others = tuple(f"{exam.names[i]}: " for i in whole if i not in asked.images)
    exact = [
        one for one in exact_places(exam, seen, whole, boxes=asked.pixels)
        if not one.startswith(others)
    ]  # fmt: skip
    if not exact:
        return made
    named = [f": {title(name).lower()} " for name in asked.kinds]
    if named:  # of what was asked for, and the likeliest place
        exact = [
            one for one in exact
            if not one.startswith(OF_BREASTS) or SUSPECT in one or any(n in one for n in named)
        ]  # fmt: skip
    told_exactly = (LIKELIEST, *(f"{title(name)}: " for name in KINDS if name in seen.topics))
    unasked = (*told_exactly, f"{NOT_JUDGED}: ", WHY_NOT)  # where it lies, and not whether it is
    rest = [line for line in made.text.splitlines() if not line.startswith(unasked)]
    alone = [ONE_VIEW] if len(whole) == 1 else []
    boxes = [one for one in exact if one.endswith(OF_THE_BOX)]  # come first where asked for
    exact = [*boxes, *(one for one in exact if one not in boxes)]
    return replace(made, text="\n".join([*exact, *alone, *rest]))


def count_told(exam: Exam, asked: Asked, seen: Findings) -> StreamedAnswer:
    """Return how many places are marked."""
    made = findings_told(exam, asked, seen)
    names = [name for name in asked.kinds or KINDS if name in seen.topics]
    regions = [
        region for region in seen.regions
        if region.image in asked.images and region.topic in names
    ]  # fmt: skip
    if not names:
        return replace(made, text=f"{UNCOUNTED}\n{made.text}")
    return replace(made, text=f"{count_line(exam, names, regions)}\n{made.text}")


def topics_told(
    exam: Exam, names: Sequence[str], images: Sequence[int], seen: Findings, *,
    each: bool = False, bare: bool = False,
) -> StreamedAnswer:  # fmt: skip
    """Return one value of each topic for the pictures together, or also `each` picture's own.

    `bare` values stand without their names and what else is possible.
    """
    lines: list[str] = []
    found: list[Verdict] = []
    for name in names:
        verdict = of_several(exam, seen, name, images)
        if verdict is None and name == "Cancer":
            verdict = of_several(exam, seen, "Pathology", images)
        if verdict is None:
            lines.append(not_judged(seen, name))
            continue
        found.append(verdict)
        if bare and verdict.value:
            lines.append(bare_line(verdict))
            continue
        lines.append(topic_line(exam, verdict))
        apart = verdicts_of(seen, verdict.topic, images) if each and len(images) > 1 else []
        lines += [f"{exam.names[one.images[0]]}: {topic_line(exam, one)}" for one in apart]
        lines += [ONLY_A_BIOPSY] if name == "Cancer" else []
    sure = min((one.probabilities[one.likeliest] for one in found if one.value), default=None)
    looked = tuple(dict.fromkeys(image for one in found for image in one.images))
    return StreamedAnswer(
        "\n".join(lines), tuple(Evidence(image, LOOKED_AT) for image in looked),
        sure if found and all(one.value for one in found) else None, notes_of(seen, found),
    )  # fmt: skip


def scores_told(exam: Exam, asked: Asked, seen: Findings) -> StreamedAnswer:
    """Return the probabilities of what is judged, together and of each picture."""
    names = [name for name in asked.named if name != ANY_FINDING] or list(seen.topics)
    made = topics_told(exam, names, asked.images, seen, each=True)
    placed = any(one.image in asked.images for one in seen.suspects)
    text = "\n".join([made.text, *([OF_THE_PLACE] if placed else [])])
    return replace(made, text=text, confidence=None)  # each has its own


def nature_told(exam: Exam, asked: Asked, seen: Findings) -> StreamedAnswer:
    """Return that no kind or cause is told, however surely, and whether it looks malignant."""
    made = topics_told(exam, ("Pathology",), asked.images, seen)
    return replace(made, text=f"{NO_NATURE}\n{made.text}", confidence=None)


def comparison_told(exam: Exam, asked: Asked, seen: Findings) -> StreamedAnswer:
    """Return, for each breast or each view, what is judged of it."""
    names = [name for name in asked.topics if name in seen.topics]
    views = asked.views and len({exam.images[i].side for i in exam.current}) == 1
    if not asked.topics or asked.topics == (ANY_FINDING,):
        usual = ("ACR", "Bi-Rads", *(["Pathology"] if views else []), *KINDS)
        names = [name for name in usual if name in seen.topics]
    lines = side_lines(exam, seen, names, views=views)
    if views:
        places = likeliest_lines(exam, seen, asked.images)
        places += [match_line(exam, seen, asked.images)] if len(exam.current) > 1 else []
        lines = [*places, *lines]
    lines += [not_judged(seen, name) for name in asked.topics if name in seen.silent]
    if not names and not asked.topics:
        lines.append(not_judged(seen, "ACR"))
    found = [one for name in names for one in verdicts_of(seen, name, asked.images)]
    return StreamedAnswer(
        "\n".join(lines), evidence_of(found, asked.images), None, notes_of(seen, found)
    )


def confidence_told(exam: Exam, asked: Asked, seen: Findings) -> StreamedAnswer:
    """Return how sure the answer to a topic is, and how the model went when it was tried."""
    graded = graded_instead(asked, seen)[:1]  # of benign or malignant, not of the density, is doubt
    if graded:
        made, names = topics_told(exam, graded, asked.images, seen), graded
    else:
        made, names = _again(exam, asked, seen)
    told = [f"{title(name)}: {seen.tried[name]}." for name in names if name in seen.tried]
    judged = any(verdicts_of(seen, name, asked.images) for name in names)
    placed = LIKELIEST in made.text
    how = [FIGURES] if judged else [] if placed else [NOTHING_CLAIMED]
    ungraded = bool(seen.suspects) and asked.subject is Subject.CONFIDENCE and bool(graded)
    how += [OF_THE_PLACE] if placed or ungraded else []
    how += [f"{UNGRADED}{seen.why_silent('Mass')}."] if ungraded else []
    return replace(made, text="\n".join([made.text, *told, *how, MISTAKEN]))


def reasons_told(exam: Exam, asked: Asked, seen: Findings) -> StreamedAnswer:
    """Return which source an answer rests on."""
    graded = graded_instead(asked, seen)
    made, names = _again(exam, asked, seen)
    if graded:
        lines = likeliest_lines(exam, seen, asked.images)
        graded_lines = topics_told(exam, graded, asked.images, seen).text
        made, names = replace(made, text="\n".join([*lines, graded_lines])), graded
    rest = []
    for name in names:
        verdicts = verdicts_of(seen, name, asked.images)
        if verdicts:
            rest.append(
                f"{title(name)} is based on the {verdicts[0].source} in the pixels; "
                f"{seen.tried.get(name, 'how well that works was not measured')}."
            )
    placed = [OF_THE_PLACE] if LIKELIEST in made.text else []
    signs = [NO_SIGNS] if rest or placed else []
    return replace(made, text="\n".join([made.text, *placed, *rest, *signs]))


def graded_instead(asked: Asked, seen: Findings) -> list[str]:
    """Return what has a probability, where one asks about findings and none of them has one."""
    others = [name for name in asked.topics if name not in (*KINDS, ANY_FINDING)]
    if others or asked.kinds or any(name in seen.topics for name in KINDS):
        return []
    return [name for name in GRADED if name in seen.topics]


def _again(exam: Exam, asked: Asked, seen: Findings) -> tuple[StreamedAnswer, list[str]]:
    """Answer the topics that a follow-up is about."""
    others = [name for name in asked.topics if name not in (*KINDS, ANY_FINDING)]
    judged = {one.topic for one in seen.verdicts}
    if "Cancer" in others and "Cancer" not in judged:  # benign or malignant tells it
        others[others.index("Cancer")] = "Pathology"
    if others:
        return topics_told(exam, others, asked.images, seen), others
    named = asked.kinds or tuple(name for name in KINDS if name in seen.topics)
    return findings_told(exam, asked, seen), list(named)


def verdicts_of(seen: Findings, name: str, images: Sequence[int]) -> list[Verdict]:
    """Return what is said of a topic in each of some pictures."""
    return [one for image in images if (one := seen.verdict(name, image)) is not None]
