"""What can be said of an exam without any model: what the tags say, what the pixels say."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from app.chat.contracts import Answer, Card, Evidence, Turn
from app.chat.exam import Exam, ExamImage
from versamammo import __version__
from versamammo.mammogram import Laterality

NO_MODEL = Card(
    name="No model: tags and measurements only",
    version=__version__,
    data="none; nothing was learned",
    is_model=False,
)
SIDES = {Laterality.RIGHT: "right", Laterality.LEFT: "left"}
SUGGESTED = (
    "Which side and view is each picture?",
    "Do the tags and the pixels agree?",
    "How large is the breast in each picture?",
    "Is there anything I should know about the images?",
)
TOPICS = {  # a topic, and the words of a question that ask for it
    "side": ("side", "lateral", "left", "right", "view", "project", "mlo", "cc", "agree", "tags"),
    "size": ("large", "size", "big", "spacing", "pixel", "millimet", "mm", "dimension", "resol"),
    "warnings": ("warn", "know about", "problem", "quality", "trust", "wrong", "attention"),
    "machine": ("machine", "vendor", "manufact", "device", "equipment", "scanner", "made with"),
}


@dataclass(frozen=True)
class Fact:
    """One row of the table: what the tags say of something and what the pixels say."""

    what: str
    tags: str
    pixels: str
    disagree: bool = False


def facts_of(image: ExamImage) -> tuple[Fact, ...]:
    """List what is known of one picture without a model."""
    told, seen = image.told, image.pixels_say_side
    rows, columns = image.size
    return (
        Fact(
            "Side",
            SIDES[told.laterality] if told.laterality else "not said",
            f"as a {SIDES[seen]} breast (chest wall {image.chest_wall})" if seen else "unclear",
            image.disagrees,
        ),
        Fact("View", str(told.view or "not said"), "not judged without a model"),
        Fact("Picture", _spacing(image), f"{columns} x {rows} pixels, {told.bits} bits"),
        Fact("Breast", "-", _breast_size(image)),
        Fact("Burned-in marks", "-", _marks(image)),
    )


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


def warnings_of(exam: Exam) -> tuple[str, ...]:
    """Gather what a careful reader should know before trusting the pictures."""
    said = list(exam.warnings)
    for name, image in zip(exam.names, exam.images, strict=True):
        if image.disagrees and image.told.laterality and image.pixels_say_side:
            said.append(
                f"{name}: the tags say {SIDES[image.told.laterality]}, but the picture is stored "
                f"as a {SIDES[image.pixels_say_side]} breast would be. It is mirrored, or its "
                "side is wrong."
            )
        said += [f"{name}: {note}" for note in (*image.told.warnings, *image.notes)]
    return tuple(said)


class Facts:
    """Answers from tags and measurements; says so, and refuses what would need a model."""

    card = NO_MODEL

    def answer(self, exam: Exam, question: str, history: Sequence[Turn]) -> Iterator[Answer]:
        """Give what is known without a model, a line at a time."""
        words = question.lower()
        topics = [t for t, keys in TOPICS.items() if any(key in words for key in keys)]
        lines = [line for topic in topics for line in self._lines(exam, topic)]
        if not lines or _asks_for_a_finding(words):
            lines = [
                "No model is loaded, so nothing here looks for findings, density or BI-RADS, and "
                "this question cannot be answered. That is not the same as “no finding”.",
                "Without a model I can tell side and view, sizes, the machine, and warnings.",
            ]
            topics = []
        evidence = self._evidence(exam) if topics else ()
        text = ""
        for line in lines:
            text = f"{text}\n{line}" if text else line
            yield Answer(text)
        yield Answer(text, evidence)

    def _lines(self, exam: Exam, topic: str) -> list[str]:
        if topic == "warnings":
            return list(warnings_of(exam)) or ["There are no warnings about these pictures."]
        lines = []
        for name, image in zip(exam.names, exam.images, strict=True):
            facts = {fact.what: fact for fact in facts_of(image)}
            lines.append(f"{name}: {_sentence(image, facts, topic)}")
        return lines

    def _evidence(self, exam: Exam) -> tuple[Evidence, ...]:
        return tuple(
            Evidence(number, "breast", image.breast.box)
            for number, image in enumerate(exam.images)
            if image.breast is not None
        )


def _asks_for_a_finding(words: str) -> bool:
    asked = ("mass", "calcif", "lesion", "cancer", "malign", "benign", "dens", "bi-rads", "birads",
             "tumo", "finding", "suspicious", "distort", "asymmetr", "diagnos")  # fmt: skip
    return any(word in words for word in asked)


def _sentence(image: ExamImage, facts: dict[str, Fact], topic: str) -> str:
    if topic == "side":
        side, view = facts["Side"], facts["View"]
        verdict = "These disagree." if side.disagree else ""
        return (
            f"the tags say side {side.tags}, view {view.tags}; the pixels look stored "
            f"{side.pixels}; the view is {view.pixels}. {verdict}"
        ).strip()
    if topic == "size":
        return (
            f"{facts['Picture'].pixels}, {facts['Picture'].tags}; breast {facts['Breast'].pixels}."
        )
    made = image.told.provenance
    machine = " ".join(part for part in (made.vendor, made.model) if part)
    return f"{machine or 'machine not said'}, read as {made.format}."
