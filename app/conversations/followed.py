"""Written answers that go on from another: how sure, why; and what tags and measurements say."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence

from app.chat.conversation.asked import ANY_FINDING, KINDS, Asked
from app.chat.conversation.facts import QUALITY, views_disagree, warnings_of
from app.chat.conversation.record_answers import graded_instead
from app.chat.conversation.subjects import Subject
from app.chat.conversation.tag_sentences import TAG_SENTENCES
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
    said = " ".join(TAGS[fact](writer, asked) for fact in asked.facts)
    if asked.subject in (Subject.CONFIDENCE, Subject.WHY):
        said += " " + writer.pick(
            "This is read from the file's tags and measured on its pixels; no model stands behind "
            "it.",
            "That comes from the tags and from measurements, not from a model.",
        )
    return said


def _quality(writer: Writer, _: Asked) -> str:
    return writer.pick(
        QUALITY.replace(": ", ", since "),
        "The quality of the pictures is not judged, since nothing here measures positioning, "
        "sharpness, exposure or artefacts.",
    )


def _meant(writer: Writer, asked: Asked) -> list[int]:
    """Return which pictures a question of tags means: all, unless it chooses."""
    chosen = asked.chosen and asked.images
    return list(asked.images if chosen else range(len(writer.exam.images)))


def _sides(writer: Writer, asked: Asked) -> str:
    meant = _meant(writer, asked)
    images, names = writer.exam.images, writer.exam.names
    named = any(images[i].told.laterality_source == FILE_NAME for i in meant)
    by = f"by the {FILE_NAME}" if named else "by the tags"
    told = FILE_NAME if named else "tags"
    wrong = [i for i in meant if images[i].disagrees]
    if len(meant) == 1:
        side, view = names[meant[0]].split()
        article = "an" if view[0] in "MLX" else "a"  # as the letters are spoken
        said = writer.pick(
            f"{capital(by)}, this is the {SIDES[side]} breast in the {view} view.",
            f"It is {article} {view} view of the {SIDES[side]} breast, {by}.",
            f"The {SIDES[side]} breast, {view} view, {by}.",
        )
    else:
        said = _grouped(writer, [names[i] for i in meant], by)
    other = [i for i in meant if views_disagree(images[i], writer.seen.verdict("View", i))]
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


def _sizes(writer: Writer, asked: Asked) -> str:
    if asked.values:
        return _sizes_asked(writer, asked)
    told = []
    for i in _meant(writer, asked):
        image = writer.exam.images[i]
        rows, columns = image.size
        spacing = image.told.spacing_mm
        known = f" at {spacing[0]:.3g} mm per pixel" if spacing else ", pixel size not said"
        box = None if image.breast is None else image.breast.box
        size = None if box is None else image.millimetres(box)
        breast = "" if size is None else f"; the breast is {size[0]:.0f} x {size[1]:.0f} mm"
        told.append(
            f"{writer.view(i)} is {columns} x {rows} pixels with {image.told.bits} bits{known}"
            f"{breast}"
        )
    return f"{capital('; '.join(told))}."


def _sizes_asked(writer: Writer, asked: Asked) -> str:
    """Return those sizes that are asked for by name; what all pictures share is said once."""
    told: dict[str, list[str]] = {}
    values = asked.values
    for i in _meant(writer, asked):
        image = writer.exam.images[i]
        rows, columns = image.size
        spacing = image.told.spacing_mm
        parts = []
        if "picture" in values:
            parts.append(f"{columns} x {rows} pixels")
        if "bits" in values:
            parts.append(f"{image.told.bits} bits")
        if "pixel size" in values:
            parts.append(f"{spacing[0]:.3g} mm per pixel" if spacing else "pixel size not said")
        if "breast" in values and image.breast is not None:
            box = image.breast.box
            size = image.millimetres(box)
            parts.append(
                f"a breast of {box.width:.0f} x {box.height:.0f} pixels, with no size in mm"
                if size is None
                else f"a breast of {size[0]:.0f} x {size[1]:.0f} mm"
            )
        told.setdefault(", ".join(parts), []).append(writer.view(i))
    said = "; ".join(f"{listed(views)}: {what}" for what, views in told.items())
    if len(told) == 1:
        (what,) = told
        said = writer.pick(what, said)
    return f"{capital(said)}."


def _warnings(writer: Writer, _: Asked) -> str:
    found = warnings_of(writer.exam, writer.seen)
    if not found:
        return writer.pick(
            "There are no warnings about these pictures.",
            "No, nothing is amiss: there are no warnings about these pictures.",
        )
    return " ".join(found)


def _machine(writer: Writer, _: Asked) -> str:
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


def _pictures(writer: Writer, _: Asked) -> str:
    names = writer.exam.names
    many = "one picture" if len(names) == 1 else f"{len(names)} pictures"
    return writer.pick(
        f"There {'is' if len(names) == 1 else 'are'} {many} here: {listed(names)}.",
        f"I have {many}: {listed(names)}.",
    )


def _told(fact: str) -> Callable[[Writer, Asked], str]:
    """Return who writes what the files say of exposure, implants or the indication."""

    def write(writer: Writer, asked: Asked) -> str:
        said: dict[str, list[str]] = {}
        for i in _meant(writer, asked):
            words = TAG_SENTENCES[fact](writer.exam.images[i].told.provenance, asked.values)
            said.setdefault(words.removesuffix("."), []).append(writer.view(i))
        if len(said) == 1:
            (words,) = said
            return f"{capital(_reworded(words, writer))}."
        parts = [f"for {listed(of)}, {_reworded(words, writer)}" for words, of in said.items()]
        return " ".join(f"{capital(part)}." for part in parts)

    return write


_REWORDED = (  # what a record says of a file, and how else that may be said in the same order
    (r"the tags say compressed to (.*)",
     ("by the tags, the breast was compressed to {}", "the tags say it was compressed to {}")),
    (r"the tags say compressed with (.*)",
     ("by the tags, the breast was compressed with {}", "the tags say it was compressed with {}")),
    (r"the tags say exposed for (.*)",
     ("by the tags, it was exposed for {}", "the tags say it was exposed for {}")),
    (r"the tags say that there is (an|no) implant",
     ("by the tags, there is {} implant", "there is {} implant, as the tags say")),
    (r"the tags say (\d.*)", ("by the tags, it was {}", "the tags say it was {}")),
    (r"the tags say (dose .*)", ("by the tags, the {}", "the tags say that the {}")),
    (r"the tags say (.*)", ("by the tags, the {}", "the tags say it was the {}")),
    (r"the file does not tell (.*)",
     ("this file does not tell {}", "here the file does not tell {}")),
    (r"no tag says whether there is an implant, and (.*)",
     ("no tag says whether there is an implant and {}",
      "no tag says whether an implant is there; {} either")),
    (r"the file says nothing of (.*)",
     ("here the file says nothing of {}", "nothing is said in the file of {}")),
    (r"the file does not say why (.*)",
     ("this file does not say why {}", "here the file does not say why {}")),
    (r"made for: (.*), by the tag (.*)",
     ("it was made for {}, by the tag {}", "the picture was made for {}, as the tag {} says")),
)  # fmt: skip


def _reworded(words: str, writer: Writer) -> str:
    for form, ways in _REWORDED:
        if found := re.fullmatch(form, words):
            return writer.pick(*(way.format(*found.groups()) for way in ways))
    return words


TAGS: dict[str, Callable[[Writer, Asked], str]] = {
    "pictures": _pictures, "side": _sides, "size": _sizes, "quality": _quality,
    "warnings": _warnings, "machine": _machine,
    **{fact: _told(fact) for fact in TAG_SENTENCES},
}  # fmt: skip
