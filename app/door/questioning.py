"""Puts the questions a user puts, to the service that the page asks, and keeps what was said."""

from __future__ import annotations

from dataclasses import dataclass, field

from app.chat.evidence.contracts import Findings
from app.chat.evidence.encoder_findings import overlap
from app.chat.evidence.exam import Exam
from app.chat.session_service import SessionService
from app.door.answer_words import Said, said_of
from app.door.cases import Case
from versamammo.imaging.mammogram import Box
from versamammo.vocabulary import BY_NAME, TOPICS, YES, Topic

HIT = 0.3  # overlap from which a mark lies on a true box; its centre in the box is enough


@dataclass
class Heard:
    """What was said to one topic's questions.

    Attributes:
        truths: the right options.
        said: what the words said.
        patients: whom each question is about.
    """

    truths: list[str] = field(default_factory=list)
    said: list[Said] = field(default_factory=list)
    patients: list[str] = field(default_factory=list)

    def add(self, truth: str, said: Said, patient: str) -> None:
        """Keep one answer."""
        self.truths.append(truth)
        self.said.append(said)
        self.patients.append(patient)


@dataclass
class Marks:
    """How marked places compare with true boxes and with the words."""

    boxes: int = 0
    hit: int = 0
    false: int = 0
    pictures: int = 0
    contradictions: list[str] = field(default_factory=list)


@dataclass
class Hearing:
    """All that was said of some cases: per picture and per exam, by topic."""

    pictures: dict[str, Heard] = field(default_factory=dict)
    exams: dict[str, Heard] = field(default_factory=dict)
    marks: dict[str, Marks] = field(default_factory=dict)


def hear(desk: SessionService, case: Case, shown: Exam, hearing: Hearing) -> None:
    """Ask everything that is known of a case, of the pictures that are shown."""
    token, visit = desk.open(shown)
    try:
        for topic in TOPICS:
            name, question = topic.name, topic.asked
            known = [n for n in range(len(shown.images)) if (name, n) in case.truths]
            if not question or not (known or name in (case.unanswered or {})):
                continue
            kept = hearing.pictures.setdefault(name, Heard())
            whole = _last(desk, visit, question)
            for number in known:
                kept.add(
                    case.truths[name, number],
                    _of_picture(desk, visit, topic, question, shown, number, whole),
                    case.patient,
                )
            for truth in (case.unanswered or {}).get(name, ()):
                kept.add(truth, Said(None), case.patient)
            if len(shown.images) > 1 and name in case.together:
                said = _of_exam(topic, whole, shown)
                hearing.exams.setdefault(name, Heard()).add(case.together[name], said, case.patient)
            if topic.finding and visit.findings is not None:
                marks = hearing.marks.setdefault(name, Marks())
                _compare(marks, case, shown, visit.findings, topic, whole)
    finally:
        desk.shelf.drop(token)


def _last(desk: SessionService, visit: object, question: str) -> str:
    *_, answer = desk.ask(visit, question)  # type: ignore[arg-type]
    return answer.text


def _of_picture(
    desk: SessionService,
    visit: object,
    topic: Topic,
    question: str,
    exam: Exam,
    number: int,
    whole: str,
) -> Said:
    """Return what is said of one picture."""
    if topic.name == "View":
        return _view(whole, exam, number)
    if topic.finding:
        return said_of(whole, topic, exam.names[number])
    if len(exam.images) == 1:
        return said_of(whole, topic)
    asked = f"{question.rstrip('?')} in picture {number + 1}?"
    return said_of(_last(desk, visit, asked), topic)


def _view(text: str, exam: Exam, number: int) -> Said:
    """Return the view that the answer by tags and pixels settles on: the tags', if they tell."""
    line = next((one for one in text.splitlines() if one.startswith(exam.names[number])), "")
    for option in BY_NAME["View"].options:
        if f"view {option};" in line:
            return Said(option)
    return Said(None)


def _of_exam(topic: Topic, text: str, exam: Exam) -> Said:
    if topic.name == "View":
        return Said(None)
    if not topic.finding:
        return said_of(text, topic)
    own = [said_of(text, topic, name) for name in exam.names]
    chances = [one.yes for one in own if one.yes is not None]
    yes = max(chances, default=None)
    if any(one.value == YES for one in own):
        return Said(YES, yes)
    sure = own and all(one.value is not None for one in own)
    return Said("No" if sure else None, yes)


def _compare(
    marks: Marks, case: Case, exam: Exam, findings: Findings, topic: Topic, text: str
) -> None:
    """Count marks on and off true boxes, and words that contradict a mark or miss it."""
    for number, name in enumerate(exam.names):
        regions = [r for r in findings.regions if (r.image, r.topic) == (number, topic.name)]
        said = said_of(text, topic, name).value
        if (said == YES) is not bool(regions) and topic.name in findings.topics:
            marks.contradictions.append(f"{case.patient}, {name}, {topic.name}: {said}")
        if (topic.name, number) not in case.truths:
            continue
        true = case.boxes.get((topic.name, number), ())
        marks.pictures += 1
        marks.boxes += len(true)
        marks.hit += sum(any(on_box(r.box, box) for r in regions) for box in true)
        marks.false += sum(not any(on_box(r.box, box) for box in true) for r in regions)


def on_box(mark: Box, true: Box) -> bool:
    """Return whether a mark lies on a true box: its centre in it, or enough overlap."""
    x, y = (mark.x1 + mark.x2) / 2, (mark.y1 + mark.y2) / 2
    inside = true.x1 <= x <= true.x2 and true.y1 <= y <= true.y2
    return inside or overlap(mark, true) >= HIT
