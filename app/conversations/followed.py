"""Written answers that go on from another: how sure, why; and what tags and measurements say."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence

from app.chat.conversation.asked import ANY_FINDING, KINDS, Asked
from app.chat.conversation.facts import QUALITY, TAG_SENTENCES, views_disagree, warnings_of
from app.chat.conversation.record_answers import graded_instead
from app.chat.conversation.subjects import Subject
from app.chat.evidence.exam import ExamImage, is_digital
from app.conversations.words import SIDES, capital, listed
from app.conversations.written import Writer
from versamammo.imaging.dicom.positioning import FILE_NAME


def again(writer: Writer, asked: Asked) -> tuple[str, list[str]]:
    """Answer the topics that a follow-up is about; returns their names, too."""
    graded = graded_instead(asked, writer.seen)
    graded = graded[:1] if asked.subject is Subject.CONFIDENCE else graded
    if graded:
        where = writer.suspects(asked.images)
        return " ".join(filter(None, [where, writer.topics(graded, asked.images)])), graded
    others = [name for name in asked.topics if name not in (*KINDS, ANY_FINDING)]
    if others:
        return writer.topics(others, asked.images), others
    named = list(asked.kinds or [n for n in KINDS if n in writer.seen.topics][:1] or ["Mass"])
    return writer.findings(asked), named[:1]


def confidence(writer: Writer, asked: Asked) -> str:
    """Return how sure an answer is: its probability and how the model went when it was tried."""
    said, names = again(writer, asked)
    if not any(writer.verdicts(name, asked.images) for name in names):
        return " ".join([said, writer.pick(
            "Nothing was claimed, so there is no probability to go by.",
            "There is no probability here, since nothing was claimed of it.",
        )])  # fmt: skip
    tried = [writer.seen.tried[name] for name in names if name in writer.seen.tried]
    measured = [writer.pick(
        f"The model was {tried[0]}.", f"How far that can be trusted: it was {tried[0]}.",
    )] if tried else []  # fmt: skip
    figures = writer.pick(
        "The figures in brackets are calibrated probabilities from 0 to 1.",
        "These figures are probabilities from 0 to 1, calibrated.",
    )
    return " ".join([said, figures, *measured])


def why(writer: Writer, asked: Asked) -> str:
    """Return which source an answer rests on."""
    said, names = again(writer, asked)
    rests = []
    for name in names:
        verdicts = writer.verdicts(name, asked.images)
        if verdicts:
            how = writer.seen.tried.get(name, "how well that works was not measured")
            rests.append(writer.pick(
                f"That is based on the {verdicts[0].source} in the pixels; {how}.",
                f"It rests on the {verdicts[0].source}, that is on the pixels alone; {how}.",
            ))  # fmt: skip
    return " ".join([said, *rests])


def tags(writer: Writer, asked: Asked) -> str:
    """Return what tags and measurements say of what is asked."""
    said = " ".join(TAGS[fact](writer) for fact in asked.facts)
    if asked.subject in (Subject.CONFIDENCE, Subject.WHY):
        said += " " + writer.pick(
            "This is read from the file's tags and measured on its pixels; no model stands behind "
            "it.",
            "That comes from the tags and from measurements, not from a model.",
        )
    return said


def _quality(writer: Writer) -> str:
    said = writer.pick(
        QUALITY,
        "The quality of the pictures is not judged, since nothing here measures positioning, "
        "sharpness, exposure or artefacts.",
    )
    return f"{said} {_warnings(writer)}" if warnings_of(writer.exam, writer.seen) else said


def _sides(writer: Writer) -> str:
    images, names = writer.exam.images, writer.exam.names
    named = any(image.told.laterality_source == FILE_NAME for image in images)
    by = f"by the {FILE_NAME}" if named else "by the tags"
    told = FILE_NAME if named else "tags"
    wrong = [i for i, image in enumerate(images) if image.disagrees]
    if len(images) == 1:
        side, view = names[0].split()
        said = writer.pick(
            f"{capital(by)}, this is the {SIDES[side]} breast in the {view} view.",
            f"It is a {view} view of the {SIDES[side]} breast, {by}.",
            f"The {SIDES[side]} breast, {view} view, {by}.",
        )
    else:
        said = _grouped(writer, names, by)
    other = [
        i for i, image in enumerate(images) if views_disagree(image, writer.seen.verdict("View", i))
    ]
    if other:
        which = listed([writer.view(i) for i in other])
        said += " " + writer.pick(
            f"For {which} the model takes the picture for another view: {told} and pixels "
            "disagree.",
            f"On the view, {told} and pixels disagree for {which}.",
        )
    if not wrong:
        return said + writer.pick(
            " The pixels agree with that side.", "", " The pixels look the same side."
        )
    which = listed([writer.view(i) for i in wrong])
    seen = listed(sorted({_stored(images[i]) for i in wrong}))
    return f"{said} " + writer.pick(
        f"The pixels disagree: {which} {'is' if len(wrong) == 1 else 'are'} stored as a {seen} "
        "breast would be.",
        f"{capital(told)} and pixels disagree for {which}, stored like a {seen} breast.",
    )


def _stored(image: ExamImage) -> str:
    return "left" if image.chest_wall == "left" else "right"


def _grouped(writer: Writer, names: Sequence[str], by: str) -> str:
    by_side = {word: [n for n in names if n[0] == letter] for letter, word in SIDES.items()}
    by_view = {view: [n for n in names if n.endswith(view)] for view in ("CC", "MLO")}
    sides = [f"{listed(own)} of the {word} breast" for word, own in by_side.items() if own]
    views = [
        f"{listed(own)} {'is' if len(own) == 1 else 'are'} {view}"
        for view, own in by_view.items()
        if own
    ]
    if "view" in writer.question.casefold() or "projection" in writer.question.casefold():
        return writer.pick(
            f"{capital(by)}, {' and '.join(views)}.",
            f"The pictures are {listed(names)}, {by}.",
        )
    return writer.pick(
        f"{capital(by)}, there are {' and '.join(sides)}.",
        f"{capital(by)}: {', '.join(sides)}.",
    )


def _sizes(writer: Writer) -> str:
    told = []
    for i, image in enumerate(writer.exam.images):
        rows, columns = image.size
        spacing = image.told.spacing_mm
        known = f" at {spacing[0]:.3g} mm per pixel" if spacing else ", pixel size not said"
        box = None if image.breast is None else image.breast.box
        size = None if box is None else image.millimetres(box)
        breast = "" if size is None else f"; the breast is {size[0]:.0f} x {size[1]:.0f} mm"
        bits = f" with {image.told.bits} bits" if "bit" in writer.question.casefold() else ""
        told.append(f"{writer.view(i)} is {columns} x {rows} pixels{bits}{known}{breast}")
    said = "; ".join(told)
    return f"{said[0].upper()}{said[1:]}."


def _warnings(writer: Writer) -> str:
    found = warnings_of(writer.exam, writer.seen)
    if not found:
        return writer.pick(
            "There are no warnings about these pictures.",
            "No, nothing is amiss: there are no warnings about these pictures.",
        )
    return " ".join(found)


def _machine(writer: Writer) -> str:
    made = writer.exam.images[0].told.provenance
    name = " ".join(part for part in (made.vendor, made.model) if part)
    kind = writer.pick("It is a digital mammogram.", "The mammogram is digital.")
    if not is_digital(writer.exam.images[0]):
        kind = writer.pick(
            "Whether it is film or digital is not said.", "Film or digital is not said."
        )
    if re.search("film|digital", writer.question.casefold()):
        machine = f"The machine: {name}." if name else "The machine is not said."
        return f"{kind} {writer.pick(machine, f'{machine} Read as {made.format}.')}"
    if not name:
        return writer.pick(
            f"The machine is not recorded; the file was read as {made.format}. {kind}",
            f"The machine is not said in the file, which was read as {made.format}. {kind}",
        )
    return writer.pick(
        f"It was taken with a {name}, and read as {made.format}. {kind}",
        f"The tags name the machine: {name}; the file was read as {made.format}. {kind}",
        f"{name}, by the tags; read as {made.format}. {kind}",
    )


def _pictures(writer: Writer) -> str:
    names = writer.exam.names
    many = "one picture" if len(names) == 1 else f"{len(names)} pictures"
    return writer.pick(
        f"There {'is' if len(names) == 1 else 'are'} {many} here: {listed(names)}.",
        f"I have {many}: {listed(names)}.",
    )


def _told(fact: str) -> Callable[[Writer], str]:
    """Return who writes what the files say of exposure, implants or the indication."""

    def write(writer: Writer) -> str:
        images = writer.exam.images
        said = (TAG_SENTENCES[fact](image.told.provenance) for image in images)
        return " ".join(f"For {writer.view(i)}, {words}" for i, words in enumerate(said))

    return write


TAGS: dict[str, Callable[[Writer], str]] = {
    "pictures": _pictures, "side": _sides, "size": _sizes, "quality": _quality,
    "warnings": _warnings, "machine": _machine,
    **{fact: _told(fact) for fact in TAG_SENTENCES},
}  # fmt: skip
