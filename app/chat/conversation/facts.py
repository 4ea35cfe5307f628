"""What can be said of an exam without any model: what the tags say, what the pixels say."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from app.chat.conversation.asked import Asked
from app.chat.conversation.general import GENERAL, answer_general
from app.chat.conversation.intent import understand
from app.chat.conversation.sayings import REST_OF_NAMES, REST_OF_TAGS
from app.chat.conversation.subjects import Subject
from app.chat.conversation.tag_sentences import TAG_SENTENCES
from app.chat.conversation.verdict_words import NO_MILLIMETRES
from app.chat.evidence.contracts import (
    LOOKED_AT,
    Card,
    ChatTurn,
    Evidence,
    Findings,
    StreamedAnswer,
    Verdict,
)
from app.chat.evidence.exam import Exam, ExamImage, is_digital
from versamammo import __version__
from versamammo.imaging.dicom.positioning import FILE_NAME
from versamammo.imaging.mammogram import Laterality
from vlm.option_words import figure

NO_MODEL = Card(
    name="No model: tags and measurements only",
    version=__version__,
    data="none; nothing was learned",
    is_model=False,
)
SURE_OF_VIEW = 0.9  # from which a model's word on the view counts against the tags'
PHANTOMS_ONLY = (
    "The model learnt from phantoms only, and these pictures are none: what it says of them has "
    "never been shown to be true."
)
NO_NORMALS = (
    "Every film that the model learnt from shows a lesion: it cannot tell a breast without one, "
    "and what it says of a lesion holds if there is one."
)
NOT_LOADED = (
    "No model is loaded, so nothing here looks for findings, density or BI-RADS, and "
    "this question cannot be answered. That is not the same as “no finding”."
)
WITHOUT_MODEL = "Without a model I can tell side and view, sizes, the machine, and warnings."
NO_WARNINGS = "There are no warnings about these pictures."
NAMED_ONLY = "known from the file name only"  # of a side or a view
QUALITY = (
    "Whether a picture is technically good is not judged: nothing here measures positioning, "
    "sharpness, exposure or artefacts."
)
SIDES = {Laterality.RIGHT: "right", Laterality.LEFT: "left"}
SUGGESTED = (
    "Which side and view is each picture?",
    "Do the tags and the pixels agree?",
    "How large is the breast in each picture?",
    "Is there anything I should know about the images?",
)


@dataclass(frozen=True)
class Fact:
    """One row of the table: what the tags say of something and what the pixels say."""

    what: str
    tags: str
    pixels: str
    disagree: bool = False


def teller(source: str | None) -> str:
    """Return who tells a side or a view, and that it says so."""
    return f"the {FILE_NAME} says" if source == FILE_NAME else "the tags say"


def facts_of(image: ExamImage, view: Verdict | None = None) -> tuple[Fact, ...]:
    """List what is known of one picture: without a model, but for the view, if a finder told."""
    told, seen = image.told, image.pixels_say_side
    rows, columns = image.size
    return (
        Fact(
            "Side",
            _by(SIDES[told.laterality] if told.laterality else None, told.laterality_source),
            f"as a {SIDES[seen]} breast (chest wall {image.chest_wall})" if seen else "unclear",
            image.disagrees,
        ),
        Fact("View", _by(told.view, told.view_source), _view(view), views_disagree(image, view)),
        Fact("Picture", _spacing(image), f"{columns} x {rows} pixels, {told.bits} bits"),
        Fact("Drawn", "-", "turned round" if image.turned else "as stored"),
        Fact("Breast", "-", _breast_size(image)),
        Fact("Burned-in marks", "-", _marks(image)),
    )


def _by(told: str | None, source: str | None) -> str:
    return f"{told or 'not said'}{' (by the file name)' if source == FILE_NAME else ''}"


def _view(view: Verdict | None) -> str:
    if view is None:
        return "not judged"
    return f"{view.likeliest} (model, {figure(view.probabilities[view.likeliest])})"


def views_disagree(image: ExamImage, view: Verdict | None) -> bool:
    """Return whether a model is sure of another view than the tags; it knows CC and MLO only."""
    if view is None or str(image.told.view) not in view.probabilities:
        return False
    sure = view.probabilities[view.likeliest] >= SURE_OF_VIEW
    return sure and view.likeliest != str(image.told.view)


def _spacing(image: ExamImage) -> str:
    spacing = image.told.spacing_mm
    return f"{spacing[0]:.3g} mm per pixel" if spacing else "pixel size not said"


def _breast_size(image: ExamImage) -> str:
    if image.breast is None:
        return "none found"
    box = image.breast.box
    size = image.millimetres(box)
    if size is None:
        return f"{box.width:.0f} x {box.height:.0f} pixels (no size in mm: pixel size unknown)"
    return f"{size[0]:.0f} x {size[1]:.0f} mm (width x height of the outline)"


def _marks(image: ExamImage) -> str:
    count = len(image.breast.marks) if image.breast is not None else 0
    return f"{count} found, covered in case they name a person" if count else "none found"


def together(names: Sequence[str], warnings: Sequence[str]) -> list[str]:
    """Return warnings, each once, with the names of the pictures that share it before it."""
    shared: dict[str, list[str]] = {}
    for warning in warnings:
        name, colon, rest = warning.partition(": ")
        of_picture = bool(colon) and name in names
        shared.setdefault(rest if of_picture else warning, []).extend([name] * of_picture)
    return [
        f"{', '.join(dict.fromkeys(of))}: {text}" if of else text for text, of in shared.items()
    ]


def warnings_of(
    exam: Exam, findings: Findings | None = None, cards: Sequence[Card] = ()
) -> tuple[str, ...]:
    """Gather what a careful reader should know before trusting the pictures, or the model."""
    said = list(exam.warnings)
    strange = not exam.phantom and any(card.phantoms_only for card in cards)
    if strange:
        said.insert(0, PHANTOMS_ONLY)
    if not exam.phantom and any(card.no_normals for card in cards):
        said.insert(0, NO_NORMALS)
    for number, (name, image) in enumerate(zip(exam.names, exam.images, strict=True)):
        if image.disagrees and image.told.laterality and image.pixels_say_side:
            said.append(
                f"{name}: {teller(image.told.laterality_source)} "
                f"{SIDES[image.told.laterality]}, but the picture is stored as a "
                f"{SIDES[image.pixels_say_side]} breast would be. It is mirrored, or its side is "
                "wrong. It is drawn turned round, because the file has the chest wall on "
                f"the {image.chest_wall}."
            )
        view = findings.verdict("View", number) if findings is not None else None
        if view is not None and views_disagree(image, view):
            said.append(
                f"{name}: {teller(image.told.view_source)} {image.told.view}, but the model takes "
                f"the picture for {view.likeliest} ({figure(view.probabilities[view.likeliest])}). "
                f"One of them is wrong{', and rather the model' if strange else ''}."
            )
        notes = [note for note in image.notes if not (image.disagrees and "drawn turned" in note)]
        said += [f"{name}: {note}" for note in (*image.told.warnings, *notes)]
    return tuple(said)


class FactAnswerer:
    """Answers from tags and measurements; says so, and refuses what would need a model."""

    card = NO_MODEL
    suggested = SUGGESTED

    def answer(
        self,
        exam: Exam,
        question: str,
        history: Sequence[ChatTurn],
        findings: Findings | None = None,
    ) -> Iterator[StreamedAnswer]:
        """Return what is known without a model, a line at a time."""
        asked = understand(question, exam, history)
        if asked.subject in GENERAL:
            made = answer_general(asked, question, Findings(), NO_MODEL)
            pieces = iter([replace(made, speaker=made.speaker or NO_MODEL)])
        elif asked.facts and not asked.topics:
            pieces = self.told(exam, asked, findings)
        else:
            text = f"{NOT_LOADED}\n{WITHOUT_MODEL}"
            pieces = iter([StreamedAnswer(text, speaker=NO_MODEL)])
        understood = asked.in_words(exam.names)
        yield from (replace(piece, understood=understood) for piece in pieces)

    def told(self, exam: Exam, asked: Asked, findings: Findings | None) -> Iterator[StreamedAnswer]:
        """Return what tags and pixels say of what is asked, a line at a time."""
        meant = asked.images if asked.chosen and asked.images else range(len(exam.images))
        lines = [
            line
            for topic in asked.facts
            for line in self._lines(exam, topic, findings, meant, asked.values)
        ]
        without = [exam.names[i] for i in meant if not exam.images[i].told.spacing_mm]
        measured = not asked.values or {"pixel size", "breast"} & {*asked.values}
        if "size" in asked.facts and without and measured:
            lines.append(
                f"{NO_MILLIMETRES}how large a pixel is is not said of {', '.join(without)}."
            )
        if asked.subject in (Subject.CONFIDENCE, Subject.WHY):
            plain = all(image.told.provenance.format != "DICOM" for image in exam.images)
            lines.append(REST_OF_NAMES if plain else REST_OF_TAGS)
        text = ""
        for line in lines:
            text = f"{text}\n{line}" if text else line
            yield StreamedAnswer(text, speaker=NO_MODEL)
        evidence = self._evidence(exam, "size" in asked.facts, meant)
        yield StreamedAnswer(text, evidence, speaker=NO_MODEL)

    def _lines(
        self,
        exam: Exam,
        topic: str,
        findings: Findings | None,
        meant: Sequence[int],
        values: Sequence[str],
    ) -> list[str]:
        if topic == "pictures":
            plural = "s" if len(exam.images) > 1 else ""
            return [f"{len(exam.images)} picture{plural}: {', '.join(exam.names)}."]
        if topic == "quality":
            said = [one for one in warnings_of(exam, findings) if NAMED_ONLY not in one]
            return [QUALITY, *together(exam.names, said)]
        if topic == "warnings":
            formats = dict.fromkeys(image.told.provenance.format for image in exam.images)
            warned = warnings_of(exam, findings) or (NO_WARNINGS,)
            return [*warned, f"All files could be read, as {' and '.join(formats)}."]
        views = [findings.verdict("View", n) if findings is not None else None for n in meant]
        if topic == "side":
            pictures = [(exam.names[n], exam.images[n]) for n in meant]
            return _sides(pictures, views)
        lines = []
        for number, view in zip(meant, views, strict=True):
            name, image = exam.names[number], exam.images[number]
            facts = {fact.what: fact for fact in facts_of(image, view)}
            lines.append(f"{name}: {_sentence(image, facts, topic, values)}")
        return together(exam.names, lines)

    def _evidence(self, exam: Exam, measured: bool, meant: Sequence[int]) -> tuple[Evidence, ...]:
        """Point to the pictures, and to the breasts' outer bounds if those were measured."""
        return tuple(
            Evidence(number, "breast", breast.box)
            if measured and (breast := exam.images[number].breast) is not None
            else Evidence(number, LOOKED_AT)
            for number in meant
        )


def _sides(pictures: Sequence[tuple[str, ExamImage]], views: Sequence[Verdict | None]) -> list[str]:
    """Return which side and view pictures are; those of which the same is said in one line."""
    alike: dict[tuple[str, str, str, str], list[tuple[str, str, str]]] = {}
    for (name, image), view in zip(pictures, views, strict=True):
        facts = {fact.what: fact for fact in facts_of(image, view)}
        told = image.told
        sided, viewed = teller(told.laterality_source), teller(told.view_source)
        side = SIDES[told.laterality] if told.laterality else "not said"
        verdict = "These disagree." if facts["Side"].disagree or facts["View"].disagree else ""
        said = f"{sided} side {side}, {'' if viewed == sided else f'{viewed} '}view"
        key = (said, facts["Side"].pixels, verdict, "" if view is None else name)
        of = (name, str(told.view or "not said"), facts["View"].pixels)
        alike.setdefault(key, []).append(of)
    lines = []
    for (said, stored, verdict, _), group in alike.items():
        names, told_views, by_pixels = zip(*group, strict=True)
        shown = [*dict.fromkeys(told_views)]
        plural, are = ("s", "are") if len(shown) > 1 else ("", "is")
        line = (
            f"{', '.join(names)}: {said}{plural} {' and '.join(shown)}; the pixels look "
            f"stored {stored}; the view{plural}, by the pixels, {are} {by_pixels[0]}. {verdict}"
        )
        lines.append(line.strip())
    return lines


def _sentence(
    image: ExamImage, facts: dict[str, Fact], topic: str, values: Sequence[str] = ()
) -> str:
    """Return what is known of one picture: of the values asked for, or of all that there are."""
    if topic == "size":
        said = {
            "picture": f"{image.size[1]} x {image.size[0]} pixels",
            "bits": f"{image.told.bits} bits",
            "pixel size": facts["Picture"].tags,
            "breast": f"breast {facts['Breast'].pixels}",
        }
        if values:
            return f"{', '.join(said[name] for name in said if name in values)}."
        *most, breast = said.values()
        return f"{', '.join(most)}; {breast}."
    made = image.told.provenance
    if topic in TAG_SENTENCES:
        return TAG_SENTENCES[topic](made, values)
    machine = " ".join(part for part in (made.vendor, made.model) if part)
    kind = "a digital mammogram" if is_digital(image) else "film or digital is not said"
    return f"{machine or 'machine not said'}, read as {made.format}; {kind}."
