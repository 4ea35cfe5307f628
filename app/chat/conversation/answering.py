"""Answers, put together from the record of evidence alone: what it does not hold is not said.

Marked places come first and words follow them. What the tags say or can be measured comes from
there; what no source was found to know is not judged, and the answer says why.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace

from app.chat.conversation.answer_evidence import evidence_of, notes_of, surety, suspected
from app.chat.conversation.asked import ANY_FINDING, KINDS, Asked
from app.chat.conversation.changes import changed
from app.chat.conversation.facts import NO_MODEL, PHANTOMS_ONLY, FactAnswerer
from app.chat.conversation.general import GENERAL, answer_general
from app.chat.conversation.intent import understand
from app.chat.conversation.plain_summary import reported
from app.chat.conversation.program_facts import program_facts
from app.chat.conversation.question_parts import joined, parts_asked
from app.chat.conversation.report_findings import exact_places
from app.chat.conversation.sayings import NO_NATURE
from app.chat.conversation.subjects import Subject
from app.chat.conversation.verdict_words import (
    FIGURES,
    LIKELIEST,
    MARKED,
    MISTAKEN,
    NOTHING_CLAIMED,
    OF_THE_PLACE,
    UNCOUNTED,
    WHY_NOT,
    absent_line,
    count_line,
    finding_line,
    not_judged,
    pixel_lines,
    side_lines,
    suspect_lines,
    title,
    topic_line,
)
from app.chat.conversation.writing import UNDERSTOOD, RecordWriter, is_worded, told_as_it_is
from app.chat.evidence.contracts import (
    LOOKED_AT,
    Card,
    ChatTurn,
    Evidence,
    Findings,
    StreamedAnswer,
    Verdict,
)
from app.chat.evidence.deciding import of_several
from app.chat.evidence.exam import Exam
from app.chat.evidence.trials import Domain, Trials
from versamammo.vocabulary import BY_NAME, NOT_JUDGED, YES

SUGGESTED = (
    (ANY_FINDING, "Is anything suspicious, and where?"),
    ("ACR", "How dense is the breast?"),
    ("Bi-Rads", "Which BI-RADS category fits?"),
    ("Mass", "Is there a mass?"),
    ("Calcification", "Are there suspicious calcifications?"),
    ("Background tissue", "What is the background tissue?"),
)
# what has a likeliest place; a node, the skin and the nipple are no such lesion
LESIONS = frozenset({"Mass", "Calcification", "Asymmetry", "Architectural distortion"})
_FOLLOWED = (Subject.CONFIDENCE, Subject.WHY)  # an answer by tags is asked about its tags
BY_TAGS = ("Which side and view is each picture?", "Do the tags and pixels agree?")


class Answering:
    """Answers about an exam from its record of evidence."""

    def __init__(self, card: Card, trials: Trials, writer: RecordWriter | None = None) -> None:
        self._card = card
        self._trials = trials
        self._writer = writer
        self._facts = FactAnswerer()

    @property
    def card(self) -> Card:
        """Return who speaks."""
        return self._card

    @property
    def suggested(self) -> tuple[str, ...]:
        """Return a few questions that it can answer."""
        known = [words for topic, words in SUGGESTED if self._knows(topic)]
        return (*known[:4], *BY_TAGS)

    def _knows(self, name: str) -> bool:
        if name == ANY_FINDING:
            return any(map(self._knows, KINDS))
        domains = [self._trials.speaker(domain, BY_NAME[name])[0] for domain in Domain]
        return any(source is not None for source in domains)

    def answer(
        self,
        exam: Exam,
        question: str,
        history: Sequence[ChatTurn],
        findings: Findings | None = None,
    ) -> Iterator[StreamedAnswer]:
        """Yield the answer piece by piece; what cannot be answered is said to be so.

        With a language model its own words come, as far as they agree with the record.
        """
        asked = understand(question, exam, history)
        parts = parts_asked(question, exam, history, asked) or ((question, asked),)
        understood = "; ".join(one.in_words(exam.names) for _, one in parts)
        before: StreamedAnswer | None = None
        for part, one in parts:
            for piece in self._answered(exam, part, history, one, findings):
                yield replace(joined(before, piece), understood=understood)
            before, history = joined(before, piece), (*history, ChatTurn(part, piece))

    def _answered(
        self,
        exam: Exam,
        question: str,
        history: Sequence[ChatTurn],
        asked: Asked,
        findings: Findings | None,
    ) -> Iterator[StreamedAnswer]:
        pieces = self._from_record(exam, question, asked, findings, first=not history)
        if asked.unsure:
            topic = asked.subject is Subject.TOPIC
            said = f"{UNDERSTOOD}{title(asked.topics[0]) if topic else asked.subject}."
            pieces = (replace(one, text=f"{said}\n{one.text}") for one in pieces)
        if self._writer is None or not is_worded(asked, exam):
            yield from pieces
            return
        *_, made = pieces
        below = told_as_it_is(asked, made)
        yield from self._writer.write(exam, question, history, made, below)

    def _from_record(
        self, exam: Exam, question: str, asked: Asked, findings: Findings | None, *, first: bool
    ) -> Iterator[StreamedAnswer]:
        """Yield what the record says to a question, and what it does not."""
        seen = findings or Findings()
        if asked.subject is Subject.TAGS or (asked.subject in _FOLLOWED and asked.facts):
            yield from self._facts.told(exam, asked, findings)
            return
        if asked.subject is Subject.CHANGE and exam.prior:
            yield self._noted(changed(exam, seen), exam, asked, first=first)
            return
        if asked.subject in GENERAL:
            made = answer_general(asked, question, seen, self.card)
            fact = program_facts().get(asked.program_fact)
            if fact is not None and fact.boxes:
                boxes = exact_places(exam, seen, asked.images)
                made = replace(made, text="\n".join([made.text, *boxes]))
            yield self._and_topics(exam, asked, seen, lambda *_: made) if fact else made
            return
        if not asked.images:
            these = f"There is no such picture here. These are: {', '.join(exam.names)}."
            yield StreamedAnswer(these, speaker=NO_MODEL)
            return
        ways: dict[Subject, Callable[[], StreamedAnswer]] = {
            Subject.FINDINGS: lambda: self._and_topics(exam, asked, seen, self._findings),
            Subject.PLACES: lambda: self._places(exam, asked, seen),
            Subject.SIZES: lambda: self._and_topics(exam, asked, seen, self._findings),
            Subject.COUNT: lambda: self._and_topics(exam, asked, seen, self._count),
            Subject.TOPIC: lambda: self._topics(exam, asked.named, asked.images, seen),
            Subject.COMPARE: lambda: self._compare(exam, asked, seen),
            Subject.REPORT: lambda: StreamedAnswer(reported(exam, asked, seen, question)),
            Subject.NATURE: lambda: self._nature(exam, asked, seen),
            Subject.CONFIDENCE: lambda: self._confidence(exam, asked, seen),
            Subject.WHY: lambda: self._why(exam, asked, seen),
        }
        if asked.subject in ways:
            made = ways[asked.subject]()
            yield self._noted(made, exam, asked, first=first)
            return
        yield answer_general(asked, question, seen, self.card)

    def _noted(
        self, made: StreamedAnswer, exam: Exam, asked: Asked, *, first: bool
    ) -> StreamedAnswer:
        """Add what was left out of the question, and what a careful reader notes.

        What holds for the whole conversation is said with its first answer alone.
        """
        notes = [*made.notes, *(f"“{word}” was read as “{read}”" for word, read in asked.misspelt)]
        if first and self.card.phantoms_only and not exam.phantom:
            notes.append(PHANTOMS_ONLY)
        text = made.text
        if asked.unread:
            unread = ", ".join(f"“{word}”" for word in asked.unread[:6])
            text = f"Not taken into account: {unread}.\n{text}"
        return replace(made, text=text, notes=tuple(dict.fromkeys(notes)))

    def _findings(self, exam: Exam, asked: Asked, seen: Findings) -> StreamedAnswer:
        """Return the text that names, for each kind, its pictures, place and size."""
        every = not asked.kinds
        kinds = [name for name in asked.kinds or KINDS if name in seen.topics]
        silent = [name for name in asked.kinds or KINDS if name not in seen.topics]
        said = {name: _verdicts(seen, name, asked.images) for name in kinds}
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
        suspects = suspect_lines(exam, seen, asked.images) if lesions else []
        if asked.subject in (Subject.PLACES, Subject.SIZES) and not there and not suspects:
            lines.insert(0, "Nothing is marked in these pictures.")
        first = every or asked.subject is Subject.PLACES
        graded = of_several(exam, seen, "Pathology", asked.images)
        if every and suspects and graded is not None and asked.subject is Subject.FINDINGS:
            suspects.append(topic_line(exam, graded))
        lines = [*suspects, *lines] if first else [*lines, *suspects]
        lines += pixel_lines(exam, seen, asked.images) if asked.subject is Subject.SIZES else []
        return StreamedAnswer(
            "\n".join(lines), (*suspected(seen, asked.images), *evidence_of(found, asked.images)),
            surety(found, bool(silent)), notes_of(seen, found),
        )  # fmt: skip

    def _and_topics(
        self, exam: Exam, asked: Asked, seen: Findings,
        first: Callable[[Exam, Asked, Findings], StreamedAnswer],
    ) -> StreamedAnswer:  # fmt: skip
        """Answer a question about findings, and what else it asks for, such as the density."""
        made = first(exam, asked, seen)
        others = [name for name in asked.topics if name not in (*KINDS, ANY_FINDING)]
        if not others:
            return made
        more = self._topics(exam, others, asked.images, seen)
        return StreamedAnswer(
            f"{made.text}\n{more.text}", tuple(dict.fromkeys((*made.evidence, *more.evidence))),
            None, tuple(dict.fromkeys((*made.notes, *more.notes))),
        )  # fmt: skip

    def _places(self, exam: Exam, asked: Asked, seen: Findings) -> StreamedAnswer:
        """Return where findings lie; by quadrant, hour and pixels where that is asked for."""
        made = self._and_topics(exam, asked, seen, self._findings)
        places = [one for one in (*seen.regions, *seen.suspects) if one.image in asked.images]
        made = replace(made, text=f"{made.text}\n{MARKED}") if places else made
        exact = exact_places(exam, seen, asked.images) if asked.exact else ()
        if not exact:
            return made
        rest = [line for line in made.text.splitlines() if not line.startswith(LIKELIEST)]
        return replace(made, text="\n".join([*exact, *rest]))

    def _count(self, exam: Exam, asked: Asked, seen: Findings) -> StreamedAnswer:
        made = self._findings(exam, asked, seen)
        names = [name for name in asked.kinds or KINDS if name in seen.topics]
        regions = [
            region
            for region in seen.regions
            if region.image in asked.images and region.topic in names
        ]
        if not names:
            return replace(made, text=f"{made.text}\n{UNCOUNTED}")
        return replace(made, text=f"{count_line(exam, names, regions)}\n{made.text}")

    def _topics(
        self, exam: Exam, names: Sequence[str], images: Sequence[int], seen: Findings
    ) -> StreamedAnswer:
        """Return one value of each topic for the pictures together."""
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
            lines.append(topic_line(exam, verdict))
        sure = min((one.probabilities[one.likeliest] for one in found if one.value), default=None)
        looked = tuple(dict.fromkeys(image for one in found for image in one.images))
        return StreamedAnswer(
            "\n".join(lines), tuple(Evidence(image, LOOKED_AT) for image in looked),
            sure if found and all(one.value for one in found) else None, notes_of(seen, found),
        )  # fmt: skip

    def _nature(self, exam: Exam, asked: Asked, seen: Findings) -> StreamedAnswer:
        """Return that no kind or cause is told, however surely, and whether it looks malignant."""
        made = self._topics(exam, ("Pathology",), asked.images, seen)
        return replace(made, text=f"{NO_NATURE}\n{made.text}", confidence=None)

    def _compare(self, exam: Exam, asked: Asked, seen: Findings) -> StreamedAnswer:
        """Return, for each breast, what is judged of it."""
        names = [name for name in asked.topics if name in seen.topics]
        if not asked.topics or asked.topics == (ANY_FINDING,):
            names = [name for name in ("ACR", "Bi-Rads", *KINDS) if name in seen.topics]
        views = asked.views and len({exam.images[i].side for i in exam.current}) == 1
        lines = side_lines(exam, seen, names, views=views)
        lines += suspect_lines(exam, seen, asked.images) if views else []
        lines += [not_judged(seen, name) for name in asked.topics if name in seen.silent]
        if not names and not asked.topics:
            lines.append(not_judged(seen, "ACR"))
        found = [one for name in names for one in _verdicts(seen, name, asked.images)]
        return StreamedAnswer(
            "\n".join(lines), evidence_of(found, asked.images), None, notes_of(seen, found)
        )

    def _confidence(self, exam: Exam, asked: Asked, seen: Findings) -> StreamedAnswer:
        """Return how sure the answer to a topic is, and how the model went when it was tried."""
        made, names = self._again(exam, asked, seen)
        told = [f"{title(name)}: {seen.tried[name]}." for name in names if name in seen.tried]
        judged = any(_verdicts(seen, name, asked.images) for name in names)
        how = FIGURES if judged else OF_THE_PLACE if LIKELIEST in made.text else NOTHING_CLAIMED
        return replace(made, text="\n".join([made.text, how, *told, MISTAKEN]))

    def _why(self, exam: Exam, asked: Asked, seen: Findings) -> StreamedAnswer:
        """Return which source an answer rests on."""
        made, names = self._again(exam, asked, seen)
        rest = []
        for name in names:
            verdicts = _verdicts(seen, name, asked.images)
            if verdicts:
                rest.append(
                    f"{title(name)} is based on the {verdicts[0].source} in the pixels; "
                    f"{seen.tried.get(name, 'how well that works was not measured')}."
                )
        placed = [OF_THE_PLACE] if LIKELIEST in made.text else []
        return replace(made, text="\n".join([made.text, *placed, *rest]))

    def _again(self, exam: Exam, asked: Asked, seen: Findings) -> tuple[StreamedAnswer, list[str]]:
        """Answer the topics that a follow-up is about."""
        others = [name for name in asked.topics if name not in (*KINDS, ANY_FINDING)]
        judged = {one.topic for one in seen.verdicts}
        if "Cancer" in others and "Cancer" not in judged:  # benign or malignant tells it
            others[others.index("Cancer")] = "Pathology"
        if others:
            return self._topics(exam, others, asked.images, seen), others
        named = asked.kinds or tuple(name for name in KINDS if name in seen.topics)
        return self._findings(exam, asked, seen), list(named)


def _verdicts(seen: Findings, name: str, images: Sequence[int]) -> list[Verdict]:
    return [one for image in images if (one := seen.verdict(name, image)) is not None]
