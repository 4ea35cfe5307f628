"""How verdicts are worded, the same in answers, report, panels and on the command line."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from app.chat.conversation.asked import KINDS
from app.chat.evidence.contracts import LOOKED_AT, Findings, Region, StreamedAnswer, Verdict
from app.chat.evidence.deciding import of_several
from app.chat.evidence.exam import Exam
from versamammo.imaging.mammogram import Box, Laterality, View
from versamammo.vocabulary import BY_NAME, YES
from vlm.option_words import figure, option_words

SIDES = (("Right breast", Laterality.RIGHT), ("Left breast", Laterality.LEFT))
OF_BREASTS = tuple(f"{side}: " for side, _ in SIDES)  # what a line about a breast begins with
# what stands in answers as it is, whoever words the rest
OF_THE_PLACE = (
    "The place is where the model's map of lesions is highest, if there is one; no probability "
    "belongs to it."
)
MISTAKEN = "It can be mistaken; a radiologist has to look."
ONLY_A_BIOPSY = (
    "That is what one research model finds likely, and no diagnosis: whether it is cancer, only "
    "tissue under the microscope tells."
)
IN_PIXELS = "Width x height in pixels, whose size is not known: "
WIDTH_HEIGHT = "Width x height: "
UNCOUNTED = "How many lesions there are cannot be told."
MARKED = "The place is marked on the light box."
MATCHED = (
    "The places marked in the two views lie about equally deep behind the nipple, as one lesion "
    "would; that they are one is not judged."
)
APART = (
    "The places marked in the two views lie at different depths behind the nipple, so that they "
    "are hardly one lesion."
)
NOT_MATCHED = "Whether what is marked in the views is one and the same place is not judged."
WHY_NOT = "Why these are not judged: "
NO_MILLIMETRES = "No millimetres are known: "
NO_SIGNS = (
    "No signs such as margin or shape are named: it rests on the pixels of each picture alone, and "
    "key H shows where its map of lesions is high."
)
NEITHER = "Neither yes nor no can be said: "
UNGRADED = "That there is a lesion at all has no probability: "
ELSEWHERE = "A place without a mark is not called free of a lesion."
OF_A_PLACE = "“"  # which a question names, with what is marked there
ONE_VIEW = "Quadrant and hour take two views of a breast; one alone tells which half at most."
ONE_PICTURE = "Only one picture is here: "
DENSE = "Density C and D count as dense, A and B do not."
AS_SAID = "As said before: "  # what a text is told in short with
AS_BEFORE = "As before: whether a finding is there is not judged."
# lines that no language model words
AS_THEY_ARE = (
    MARKED, UNCOUNTED, OF_THE_PLACE, MISTAKEN, IN_PIXELS, WIDTH_HEIGHT, NOT_MATCHED, WHY_NOT,
    NO_MILLIMETRES, ONLY_A_BIOPSY, NO_SIGNS, NEITHER, ELSEWHERE, OF_A_PLACE, UNGRADED,
    AS_BEFORE, AS_SAID, ONE_VIEW, ONE_PICTURE, DENSE,
)  # fmt: skip
FIGURES = (
    "The figures in brackets are probabilities 0 to 1, calibrated as if every second picture "
    "showed the finding."
)
NOTHING_CLAIMED = "Nothing was claimed of it, so there is no probability to go by either."
MARKED_IN = ", marked in "  # of a likeliest place that two views tell together
LIKELIEST = "If there is a lesion, it most likely lies here"


def title(name: str) -> str:
    """Return a topic as readers of mammograms call it."""
    return BY_NAME[name].title


def verdict_words(verdict: Verdict) -> str:
    """Return the value that is said, its probability and the other likely ones."""
    return option_words(BY_NAME[verdict.topic], verdict.probabilities, verdict.value)


def region_words(exam: Exam, region: Region) -> str:
    """Return where a marked place lies and how large it is."""
    size = exam.images[region.image].millimetres(region.box)
    extent = "size not known" if size is None else f"{size[0]:.0f} x {size[1]:.0f} mm"
    return f"{region.where}, {extent}"


def kinds_judged(
    findings: Findings, images: Sequence[int]
) -> tuple[dict[str, list[Verdict]], list[str]]:
    """Return what is said of each kind of finding that is judged, and the kinds that are there."""
    judged = {
        name: [one for image in images if (one := findings.verdict(name, image)) is not None]
        for name in KINDS
        if name in findings.topics
    }
    return judged, [n for n, own in judged.items() if any(one.value == YES for one in own)]


def finding_line(exam: Exam, name: str, verdicts: Sequence[Verdict]) -> str:
    """Return one line about a finding: each picture, the places where it is."""
    told = []
    for one in sorted(verdicts, key=lambda one: one.value != YES):
        places = " and ".join(region_words(exam, region) for region in one.regions)
        marked = f", marked in the {places}" if places and one.value == YES else ""
        told.append(f"{exam.names[one.images[0]]} {verdict_words(one)}{marked}")
    return f"{title(name)}: {'; '.join(told) or 'not judged in these pictures'}."


def suspect_lines(exam: Exam, findings: Findings, images: Sequence[int]) -> list[str]:
    """Return where a lesion would most likely lie, of pictures in which none is judged."""
    told = [
        f"{exam.names[one.image]} {in_the_picture(exam, one)}"
        for one in findings.suspects
        if one.image in images
    ]
    return [f"{LIKELIEST}: {'; '.join(told)}."] if told else []


def in_the_picture(exam: Exam, region: Region) -> str:
    """Return a place, as a third of the picture where that is no height in the breast."""
    return f"{in_thirds(exam, region)}{region_words(exam, region).removeprefix(region.where)}"


def in_thirds(exam: Exam, region: Region) -> str:
    """Return the same without its size."""
    of_cc = exam.images[region.image].told.view is View.CC
    return region.where.replace(" third", " third of the picture") if of_cc else region.where


def not_judged(seen: Findings, name: str) -> str:
    """Return that a topic is not judged, and why."""
    return f"{title(name)}: not judged, because {seen.why_silent(name)}."


def pixels_of(box: Box) -> str:
    """Return width and height of a box whose edges are told to the pixel."""
    return f"{round(box.x2) - round(box.x1)} x {round(box.y2) - round(box.y1)}"


def pixel_lines(exam: Exam, findings: Findings, images: Sequence[int]) -> list[str]:
    """Return how many pixels marked places measure in pictures whose pixels have no known size."""
    places = [one for one in (*findings.regions, *findings.suspects) if one.image in images]
    told = [
        f"{exam.names[one.image]} {pixels_of(one.box)}"
        for one in places
        if exam.images[one.image].millimetres(one.box) is None
    ]
    return [f"{IN_PIXELS}{'; '.join(dict.fromkeys(told))}."] if told else []


def size_lines(exam: Exam, findings: Findings, images: Sequence[int]) -> list[str]:
    """Return how large likeliest places are, in millimetres, where that is known."""
    sizes = {
        exam.names[one.image]: size
        for one in findings.suspects
        if one.image in images and (size := exam.images[one.image].millimetres(one.box))
    }
    told = [f"{name} {size[0]:.0f} x {size[1]:.0f} mm" for name, size in sizes.items()]
    return [f"{WIDTH_HEIGHT}{'; '.join(told)}."] if told else []


def absent_line(exam: Exam, said: Mapping[str, Sequence[Verdict]]) -> str:
    """Return one line about findings that are in no picture, and of those that are not sure."""
    absent, unsure = [], []
    for name, verdicts in said.items():
        if not verdicts:
            continue
        if any(one.value is None for one in verdicts):
            unsure.append(finding_line(exam, name, verdicts))
        else:
            least = max(one.probabilities[YES] for one in verdicts)
            absent.append(f"{name.lower()} ({figure(1 - least)})")
    lines = [f"In no picture: {', '.join(absent)}."] if absent else []
    return "\n".join([*lines, *unsure])


def count_line(exam: Exam, names: Sequence[str], regions: Sequence[Region]) -> str:
    """Return how many places are marked, and in which pictures."""
    what = ", ".join(name.lower() for name in names) if len(names) < 3 else "finding"
    each = [
        f"{exam.names[image]} {count}"
        for image in range(len(exam.images))
        if (count := sum(region.image == image for region in regions))
    ]
    listed = f": {', '.join(each)}" if each else ""
    return f"Marked places ({what}): {len(regions)}{listed}."


def topic_words(verdict: Verdict) -> str:
    """Return the same with the condition under which it holds."""
    held = f", {verdict.condition}" if verdict.condition else ""
    return f"{verdict_words(verdict)}{held}"


def bare_line(verdict: Verdict) -> str:
    """Return the likeliest value of a topic and its probability alone, with its condition."""
    value = BY_NAME[verdict.topic].plain(verdict.likeliest)
    held = f", {verdict.condition}" if verdict.condition else ""
    return f"{value} ({figure(verdict.probabilities[verdict.likeliest])}){held}."


def topic_line(exam: Exam, verdict: Verdict) -> str:
    """Return one line about a topic of several pictures."""
    how = f" ({verdict.how})" if verdict.how else ""
    return f"{title(verdict.topic)}: {topic_words(verdict)}{how}."


def side_lines(
    exam: Exam, findings: Findings, names: Sequence[str], *, views: bool = False
) -> list[str]:
    """Return one line for each breast about some topics; of one breast also one for each view.

    `views` leaves out what both breasts together are compared for.
    """
    lines = []
    for side, laterality in () if views else SIDES:
        images = [i for i in exam.current if exam.images[i].side is laterality]
        if not images:
            lines.append(f"{side}: no picture of it here.")
            continue
        told = _told_of(exam, findings, names, images) or "nothing of that is judged"
        lines.append(f"{side}: {told}.")
    of_one = len({exam.images[i].side for i in exam.current}) == 1 < len(exam.current)
    for i in exam.current if of_one else ():
        if told := _told_of(exam, findings, names, [i]):
            lines.append(f"{exam.names[i]}: {told}.")
    return lines


def _told_of(exam: Exam, findings: Findings, names: Sequence[str], images: Sequence[int]) -> str:
    return "; ".join(
        f"{title(name)} {topic_words(verdict)}"
        for name in names
        if (verdict := of_several(exam, findings, name, images)) is not None
    )


def pointing(exam: Exam, answer: StreamedAnswer) -> str:
    """Return the lines below an answer: what was looked at, how sure it is, and its notes.

    Places are told in the answer itself.
    """
    looked_at = [exam.names[one.image] for one in answer.evidence if one.word == LOOKED_AT]
    lines = [f"→ {LOOKED_AT}: {', '.join(looked_at)}"] if looked_at else []
    if answer.confidence is not None:
        lines.append(f"Confidence of the answer: {figure(answer.confidence)}")
    lines += [f"Note: {note}" for note in answer.notes]
    return "".join(f"\n{line}" for line in lines)
