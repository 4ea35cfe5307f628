"""Answers from a model: what is recognised is asked in the words it was trained with, or refused.

A closed question is answered by how likely each option is, for each picture or for the exam; what
the tags say or can be measured comes from there and not from a model; what no model was trained
for is not answered.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from app.chat.contracts import LOOKED_AT, Answer, Card, Evidence, Findings, Turn
from app.chat.exam import Exam
from app.chat.facts import NO_MODEL, PHANTOMS_ONLY, Facts
from app.chat.figures import figure
from app.chat.judging import Judge, seen_weights
from app.chat.regions import in_words
from app.chat.understanding import KINDS, Asked, Subject, understand
from versamammo.errors import InputError
from vlm.instructions.topics import BY_NAME
from vlm.prompts import MOST_VIEWS
from vlm.prompts import Turn as Said

SURE_ENOUGH = 0.6  # of yes or no; below that neither is said
LIKELY = 0.5  # of one among more options
SHOWN = 0.1  # other options are named from here on
AT_ODDS = 0.7  # from which an encoder's head speaks against a language model
NAMES = {"ACR": "ACR density", "Bi-Rads": "BI-RADS", "Abnormality": "findings"}


@dataclass
class Tally:
    """What has been found so far, finding after finding.

    Attributes:
        short: whether findings that are in no picture share one line.
        missing: findings that are meant and nobody can tell.
        marked: places that an encoder marked in pictures that were not said to show the finding.
    """

    short: bool
    missing: tuple[str, ...] = ()
    lines: list[str] = field(default_factory=list)
    absent: list[str] = field(default_factory=list)
    marked: list[str] = field(default_factory=list)
    evidence: list[Evidence] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    chances: list[float] = field(default_factory=list)

    def add(self, kind: str, said: Mapping[str, float | None]) -> None:
        """Count one finding, the probability of yes given for each picture."""
        known = [yes for yes in said.values() if yes is not None]
        self.chances += known
        if self.short and len(known) == len(said) and max(known) <= 1 - SURE_ENOUGH:
            self.absent.append(f"{kind.lower()} ({figure(1 - max(known))})")
        else:
            self.lines.append(_line(kind, said))

    def point(self, exam: Exam, image: int, kind: str, seen: Findings | None) -> None:
        """Tell where the encoder marks a finding that the answers do not say is there."""
        for one in seen.regions if seen is not None else ():
            if (one.image, one.word) == (image, kind.lower()) and one.score >= SURE_ENOUGH:
                where = in_words(exam.images[image], one.box)
                self.marked.append(
                    f"{one.word}, {exam.names[image]}, {where} ({figure(one.score)})"
                )
                self.evidence.append(Evidence(image, one.word, one.box, one.score, where))

    def text(self, unfinished: str = "") -> str:
        """Write it down; `unfinished` is about the finding that is being looked for."""
        absent = f"In no picture: {', '.join(self.absent)}." if self.absent else ""
        marked = f"Marked on the heat map all the same: {'; '.join(self.marked)}."
        told = [*self.lines, absent, marked if self.marked else "", unfinished]
        if self.missing:
            told.append(f"Not judged, which does not mean not there: {', '.join(self.missing)}.")
        return "\n".join(filter(None, told))

    @property
    def confidence(self) -> float | None:
        """How sure the answer is: of the surest yes, or of the least sure no if all are no.

        None if nothing is found and something could not be told.
        """
        surest = max(self.chances, default=0.5)
        if surest >= SURE_ENOUGH:
            return surest
        return 1 - surest if 1 - surest >= SURE_ENOUGH and not self.missing else None


class Answering:
    """Answers about an exam by a judge, and by tags and measurements where those suffice."""

    def __init__(self, judge: Judge) -> None:
        self.judge = judge
        self._facts = Facts()

    @property
    def card(self) -> Card:
        """Say who speaks."""
        return self.judge.card

    @property
    def suggested(self) -> tuple[str, ...]:
        """Give questions that were trained for."""
        asked = [
            ("Abnormality", "Is anything suspicious, and where?"),
            ("ACR", "How dense is the breast?"),
            ("Bi-Rads", "Which BI-RADS category fits?"),
            ("Report", "Describe the pictures."),
            ("Mass", "Is there a mass?"),
            ("Calcification", "Are there suspicious calcifications?"),
        ]
        known = tuple(words for topic, words in asked if self._knows(topic))
        return (*known[:4], "Which side and view is each picture?", "Do the tags and pixels agree?")

    def answer(
        self, exam: Exam, question: str, history: Sequence[Turn], findings: Findings | None = None
    ) -> Iterator[Answer]:
        """Give the answer piece by piece; what cannot be answered is said to be so."""
        asked = understand(question, exam, history)
        ways: dict[Subject, Callable[[], Iterator[Answer]]] = {
            Subject.FINDINGS: lambda: self._findings(exam, asked, findings, self._kinds(asked)),
            Subject.PLACES: lambda: self._findings(exam, asked, findings, self._kinds(asked)),
            Subject.SIZES: lambda: self._findings(exam, asked, findings, self._kinds(asked)),
            Subject.REPORT: lambda: self._report(exam, asked, findings),
            Subject.OTHER: lambda: self._topic(exam, asked, findings),
            Subject.GENERAL: lambda: self._talk(exam, question, history),
            Subject.UNKNOWN: lambda: self._talk(exam, question, history),
        }
        if asked.subject is Subject.TAGS:
            yield from self._facts.answer(exam, question, history, findings)
            return
        if not asked.images:
            names = ", ".join(exam.names)
            yield Answer(f"There is no such picture here. These are: {names}.", speaker=NO_MODEL)
            return
        try:
            for piece in ways[asked.subject]():
                yield self._noted(piece, exam)
        except InputError as error:
            yield Answer(f"This could not be answered: {error.message}.")

    def _noted(self, answer: Answer, exam: Exam) -> Answer:
        warned = self.card.phantoms_only and not exam.phantom and answer.speaker is None
        notes = (*answer.notes, *([PHANTOMS_ONLY] if warned else []))
        return Answer(answer.text, answer.evidence, answer.confidence, notes, answer.speaker)

    def _knows(self, topic: str) -> bool:
        if topic == "Abnormality":
            return any(self.judge.knows(kind) for kind in KINDS)
        return self.judge.knows(topic)

    def _kinds(self, asked: Asked) -> tuple[str, ...]:
        return asked.kinds or tuple(kind for kind in KINDS if self.judge.knows(kind))

    def _findings(
        self, exam: Exam, asked: Asked, seen: Findings | None, kinds: Sequence[str]
    ) -> Iterator[Answer]:
        """Say of each kind in which pictures it is, where and how large."""
        # a question about anything at all must not be answered as if all had been looked for
        missing = [] if asked.kinds else [kind for kind in KINDS if not self.judge.knows(kind)]
        tally = Tally(len(kinds) > 2, tuple(kind.lower() for kind in missing))
        for kind in kinds:
            if not self.judge.knows(kind):
                tally.lines.append(f"{kind}: not answered; {self.judge.doubt(kind)}.")
                yield Answer(tally.text())
                continue
            said: dict[str, float | None] = {}
            for image in asked.images:
                yes = self.judge.weigh(exam, [image], kind, seen).get("Yes")
                said[exam.names[image]] = yes
                yield Answer(tally.text(_line(kind, said)))
                if yes is None:
                    continue
                if yes >= SURE_ENOUGH:
                    tally.evidence += self._marks(exam, image, kind, yes, seen)
                else:
                    tally.point(exam, image, kind, seen)
                tally.notes += self._at_odds(exam, image, kind, yes, seen)
            tally.add(kind, said)
        if len(kinds) == 1 and (told := self.judge.tried(kinds[0])):
            tally.notes.append(told)
        if left := [kind.lower() for kind in kinds if self.judge.by_heads(kind)]:
            tally.notes.append(_by_heads(left))
        if tally.chances:
            tally.evidence += [Evidence(image, LOOKED_AT) for image in asked.images]
        yield Answer(tally.text(), tuple(tally.evidence), tally.confidence, tuple(tally.notes))

    def _marks(
        self, exam: Exam, image: int, kind: str, yes: float, seen: Findings | None
    ) -> list[Evidence]:
        """Point to the places of a finding, or to the whole picture if none is known."""
        boxes = self.judge.places(exam, image, kind, seen)
        where = [
            Evidence(image, kind.lower(), box, yes, in_words(exam.images[image], box))
            for box in boxes
        ]
        return where or [Evidence(image, kind.lower(), None, yes, "place not known")]

    def _at_odds(
        self, exam: Exam, image: int, topic: str, yes: float, seen: Findings | None
    ) -> list[str]:
        """Tell where the encoder's own head contradicts."""
        other = seen_weights(seen, [image], topic).get("Yes")
        if other is None or (yes >= 0.5) == (other >= 0.5) or max(other, 1 - other) < AT_ODDS:
            return []
        word, sure = ("yes", other) if other >= 0.5 else ("no", 1 - other)
        return [f"{exam.names[image]}, {topic.lower()}: the encoder says {word} ({figure(sure)})"]

    def _topic(self, exam: Exam, asked: Asked, seen: Findings | None) -> Iterator[Answer]:
        """Answer a question with one answer, for the exam if that was trained, else a picture."""
        topic = asked.topic or ""
        if topic == "Cancer" and not self.judge.knows(topic) and self.judge.knows("Pathology"):
            topic = "Pathology"
        if not self.judge.knows(topic):
            yield self._not_trained(topic)
            return
        together = BY_NAME[topic].exam and 1 < len(asked.images) <= MOST_VIEWS
        groups = [asked.images] if together else [(image,) for image in asked.images]
        lines: list[str] = []
        evidence: list[Evidence] = []
        surest: list[float] = []
        notes = [_by_heads([NAMES.get(topic, topic)])] if self.judge.by_heads(topic) else []
        notes += filter(None, [self.judge.tried(topic)])
        for group in groups:
            weights = self.judge.weigh(exam, group, topic, seen)
            if weights:
                surest.append(max(weights.values()))
                notes += self._other_choice(exam, group, topic, weights, seen)
                evidence += [Evidence(i, LOOKED_AT) for i in group]
            who = f"{', '.join(exam.names[i] for i in group)}: " if len(groups) > 1 else ""
            lines.append(f"{who}{NAMES.get(topic, topic)}: {_chosen(weights)}")
            yield Answer("\n".join(lines))
        least = min(surest, default=0.0)
        sure = least if least >= LIKELY else None
        yield Answer("\n".join(lines), tuple(evidence), sure, tuple(notes))

    def _other_choice(
        self, exam: Exam, group: Sequence[int], topic: str, weights: Mapping[str, float],
        seen: Findings | None,
    ) -> list[str]:  # fmt: skip
        """Tell where the encoder's own head would choose otherwise, or choose at all."""
        others = seen_weights(seen, group, topic)
        if not others:
            return []
        mine, other = (max(found, key=lambda one: found[one]) for found in (weights, others))
        agreed = mine == other and weights[mine] >= LIKELY
        if agreed or others[other] < LIKELY:
            return []
        who = ", ".join(exam.names[image] for image in group)
        return [f"{who}: the encoder says {_plain(other)} ({figure(others[other])})"]

    def _report(self, exam: Exam, asked: Asked, seen: Findings | None) -> Iterator[Answer]:
        """Describe each picture in the model's words, or list its findings if it has none."""
        if not self.judge.knows("Report"):
            yield from self._findings(exam, asked, seen, self._kinds(asked))
            return
        lines: list[str] = []
        for image in asked.images:
            written = ""
            for written in self.judge.describe(exam, image):
                yield Answer("\n".join([*lines, f"{exam.names[image]}: {written}"]))
            lines.append(f"{exam.names[image]}: {written or '(no words)'}")
        evidence = tuple(Evidence(image, LOOKED_AT) for image in asked.images)
        free = "free text: how sure the model is of it was not estimated"
        yield Answer("\n".join(lines), evidence, None, (free,))

    def _talk(self, exam: Exam, question: str, history: Sequence[Turn]) -> Iterator[Answer]:
        """Let the model speak freely if its language reaches that far, else abstain."""
        before = [Said(turn.question, turn.answer.text) for turn in history]
        words = self.judge.talk(exam, question, before)
        if words is None:
            yield self._not_trained(None)
            return
        note = "the model was not trained for such questions; do not rely on the answer"
        text = ""
        for text in words:
            yield Answer(text)
        yield Answer(text, (), None, (note,))

    def _not_trained(self, topic: str | None) -> Answer:
        what = f"{NAMES.get(topic, topic)}: {self.judge.doubt(topic)}" if topic else ""
        why = what or "this model was not trained for such questions"
        known = [NAMES.get(name, name.lower()) for name in BY_NAME if self._knows(name)]
        about = ", ".join(known) or "nothing"
        return Answer(
            f"I do not answer that. {why[0].upper()}{why[1:]}, and a guess would look like an "
            f"answer. What can be asked about: {about}; side, view, sizes and warnings come from "
            "tags and measurements."
        )


def _verdict(yes: float | None) -> str:
    if yes is None:
        return "not judged"
    if yes >= SURE_ENOUGH:
        return f"yes ({figure(yes)})"
    return f"no ({figure(1 - yes)})" if 1 - yes >= SURE_ENOUGH else f"not sure (yes {figure(yes)})"


def _line(kind: str, said: Mapping[str, float | None]) -> str:
    return f"{kind}: {'; '.join(f'{name} {_verdict(yes)}' for name, yes in said.items())}."


def _by_heads(what: Sequence[str]) -> str:
    named = ", ".join(what)
    return f"{named}: by the encoder's heads, since the language model does not tell"


def _chosen(weights: Mapping[str, float]) -> str:
    """Name the likeliest option and those beside it; none is chosen if none is likely."""
    if not weights:
        return "not judged."
    ranked = sorted(weights.items(), key=lambda one: -one[1])
    listed = [f"{_plain(option)} {figure(chance)}" for option, chance in ranked if chance >= SHOWN]
    best, chance = ranked[0]
    if chance < LIKELY:
        return f"not sure; {', '.join(listed)}."
    also = f"; also possible: {', '.join(listed[1:])}" if listed[1:] else ""
    return f"{_plain(best)} ({figure(chance)}){also}."


def _plain(option: str) -> str:
    return option.removeprefix("Level ").removeprefix("Bi-Rads ")
