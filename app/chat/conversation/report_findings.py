"""The findings of a report: for each breast what is there, where, how large, and what is not."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from app.chat.conversation.asked import KINDS
from app.chat.conversation.report_draft import (
    Presence,
    ReportedFinding,
    ReportedMark,
    ReportedTopic,
    SectionWriter,
    SentenceSource,
    SourceKind,
)
from app.chat.conversation.verdict_words import (
    APART,
    LIKELIEST,
    MARKED_IN,
    MATCHED,
    NOT_MATCHED,
    SIDES,
    in_the_picture,
    pixels_of,
    suspect_lines,
    title,
    verdict_words,
)
from app.chat.evidence.breast_location import Location, Sighting, locate, pairs, sight
from app.chat.evidence.contracts import Findings, Region, Verdict
from app.chat.evidence.exam import Exam, ExamImage
from app.chat.evidence.location_text import in_words
from versamammo.imaging.dicom.spacing import BY_RESOLUTION, UNCALIBRATED
from versamammo.imaging.mammogram import Box, Laterality, View
from versamammo.vocabulary import BY_NAME, NOT_JUDGED, YES
from vlm.option_words import figure

NO_MODEL = "No model looked for findings."
PLACE_FROM = "position from the nipple as found on the pixels, {views}"
SUSPECT = "if there is a lesion, it most likely lies"


@dataclass(frozen=True)
class MarkedPlace:
    """One place in a breast, marked in one view or in two."""

    marks: tuple[Region, ...]
    location: Location


def write_findings(
    writer: SectionWriter, exam: Exam, findings: Findings | None, images: Sequence[int]
) -> tuple[tuple[ReportedFinding, ...], tuple[ReportedTopic, ...]]:
    """Write the section, a breast after the other; returns it as data, and what is not judged."""
    if findings is None:
        writer.add(NO_MODEL, SentenceSource(SourceKind.PROGRAM, "no model is loaded"))
        return (), ()
    told: list[ReportedFinding] = []
    for side, laterality in SIDES:
        own = [one for one in images if exam.images[one].side is laterality]
        known = any(exam.images[one].told.laterality for one in own)
        name = side if known else f"{side} (the tags do not say the side)"
        breast = _Breast(name, laterality, exam, findings, own)
        told += breast.write(writer) if own else ()
    unjudged = _not_judged(writer, findings)
    for what in findings.failed:
        writer.add(
            f"Attempted in vain: {what}.",
            SentenceSource(SourceKind.PROGRAM, "the picture was refused"),
        )
    return tuple(told), unjudged


NO_PIXEL_SIZE = " (pixel size not known)"


def marked_places(
    exam: Exam, findings: Findings, images: Sequence[int]
) -> list[tuple[str, MarkedPlace]]:
    """Return each marked place of some pictures after its breast, such as “Right breast”."""
    told = []
    for name, laterality in SIDES:
        own = [one for one in images if exam.images[one].side is laterality]
        breast = _Breast(name, laterality, exam, findings, own)
        marks = [one for one in (*findings.regions, *findings.suspects) if one.image in own]
        told += [(name, place) for place in places_of(exam, breast.told_side, marks)]
    return told


def likeliest_lines(exam: Exam, findings: Findings, images: Sequence[int]) -> list[str]:
    """Return where a lesion would most likely lie: in the breast, or else in each picture."""
    places = [
        (name.lower(), place)
        for name, place in marked_places(exam, findings, images)
        if place.marks[0] in findings.suspects
    ]
    whole = [(name, place) for name, place in places if len(place.marks) > 1]
    told = [
        f"{name}, {place.location.words}{MARKED_IN}"
        f"{' and '.join(exam.names[one.image] for one in place.marks)}"
        for name, place in whole
    ]
    if not told:
        return suspect_lines(exam, findings, images)
    rest = [one for _, place in places if len(place.marks) == 1 for one in place.marks]
    told += [f"{exam.names[one.image]} {in_the_picture(exam, one)}" for one in rest]
    return [f"{LIKELIEST}: {'; '.join(told)}."]


def match_line(exam: Exam, findings: Findings, images: Sequence[int]) -> str:
    """Return whether the places that two views of a breast show may be one."""
    places = [place for _, place in marked_places(exam, findings, images)]
    if any(len(place.marks) > 1 for place in places):
        return MATCHED
    known = [place for place in places if place.location.words]
    views = {exam.images[one.image].told.view for place in known for one in place.marks}
    return APART if len(views) > 1 else NOT_MATCHED


@dataclass(frozen=True)
class _Breast:
    """One breast and its pictures."""

    name: str
    laterality: Laterality
    exam: Exam
    findings: Findings
    images: Sequence[int]

    def write(self, writer: SectionWriter) -> Iterator[ReportedFinding]:
        """Write what is there, what is not sure and what is not; return it as data."""
        judged = {
            name: own
            for name in KINDS
            if (own := [v for i in self.images if (v := self.findings.verdict(name, i))])
        }
        absent = {}
        for name, own in judged.items():
            if any(one.value == YES for one in own):
                yield from self._present(writer, name, own)
            elif any(one.value is None for one in own):
                yield self._unsure(writer, name, own)
            else:
                absent[name] = own
        if absent:
            yield from self._absent(writer, absent)
        yield from self._suspects(writer)

    def _present(
        self, writer: SectionWriter, name: str, verdicts: Sequence[Verdict]
    ) -> Iterator[ReportedFinding]:
        marks = [mark for one in verdicts if one.value == YES for mark in one.regions]
        chances = {one.images[0]: one for one in verdicts}
        without = [one for one in verdicts if one.value != YES]
        # a source that tells yes without marking leaves one sentence, without a place
        bare = tuple(one for one in verdicts if one.value == YES and not one.regions)
        places = places_of(self.exam, self.told_side, marks)
        for place in places or [MarkedPlace((), Location())]:
            shown = [
                f"{self.exam.names[one.image]} yes ({figure(one.score)}), "
                f"marked {size_words(self.exam.images[one.image], one.box)}"
                for one in place.marks
            ]
            shown += [self._of(one) for one in bare]
            shown += [self._of(one) for one in without]
            used = [chances[one.image] for one in place.marks] + [*bare, *without]
            where = f" {self._where(place)}" if place.marks else ""
            sources = [self._source(name, used), *self._place_sources(place)]
            made = writer.add(
                f"{self.name}: {title(name).lower()}{where}; {'; '.join(shown)}.", *sources
            )
            held = [one for one in used if one.value == YES]
            yield ReportedFinding(
                self.laterality, name, Presence.PRESENT,
                max(one.probabilities[YES] for one in held), self._names(held), made,
                self._marks(place), place.location,
            )  # fmt: skip

    def _unsure(
        self, writer: SectionWriter, name: str, verdicts: Sequence[Verdict]
    ) -> ReportedFinding:
        shown = "; ".join(self._of(one) for one in verdicts)
        made = writer.add(
            f"{self.name}: {title(name).lower()} not sure; {shown}.", self._source(name, verdicts)
        )
        return ReportedFinding(
            self.laterality, name, Presence.UNSURE,
            max(one.probabilities[YES] for one in verdicts), self._names(verdicts), made,
        )  # fmt: skip

    def _absent(
        self, writer: SectionWriter, absent: dict[str, list[Verdict]]
    ) -> Iterator[ReportedFinding]:
        most = {name: max(one.probabilities[YES] for one in own) for name, own in absent.items()}
        listed = ", ".join(f"{name.lower()} ({figure(1 - most[name])})" for name in absent)
        made = writer.add(
            f"{self.name}: in no picture: {listed}.",
            *(self._source(name, own) for name, own in absent.items()),
        )
        for name, own in absent.items():
            yield ReportedFinding(
                self.laterality, name, Presence.ABSENT, most[name], self._names(own), made
            )

    def _suspects(self, writer: SectionWriter) -> Iterator[ReportedFinding]:
        own = [one for one in self.findings.suspects if one.image in self.images]
        for place in places_of(self.exam, self.told_side, own):
            shown = "; ".join(
                f"box {size_words(self.exam.images[one.image], one.box)} in "
                f"{self.exam.names[one.image]}"
                for one in place.marks
            )
            source = SentenceSource(
                SourceKind.MODEL, "encoder's place that is most like a lesion, not calibrated",
                tuple(self.exam.names[one.image] for one in place.marks),
            )  # fmt: skip
            made = writer.add(
                f"{self.name}: {SUSPECT} {self._where(place)}; {shown}.",
                source, *self._place_sources(place),
            )  # fmt: skip
            yield ReportedFinding(
                self.laterality, place.marks[0].topic, Presence.LIKELIEST_PLACE, None,
                tuple(self.exam.names[one.image] for one in place.marks), made,
                self._marks(place), place.location,
            )  # fmt: skip

    @property
    def told_side(self) -> Laterality | None:
        """Return the side if the tags tell it and no picture contradicts it."""
        images = [self.exam.images[one] for one in self.images]
        told = all(one.told.laterality and not one.disagrees for one in images)
        return self.laterality if told else None

    def _where(self, place: MarkedPlace) -> str:
        """Return a place in words: from the nipple, or else in thirds of the picture."""
        if place.location.words:
            return place.location.words
        one = place.marks[0]
        return f"in the picture's {in_words(self.exam.images[one.image], one.box)}"

    def _marks(self, place: MarkedPlace) -> tuple[ReportedMark, ...]:
        return tuple(
            ReportedMark(
                self.exam.names[one.image], one.box, one.score,
                self.exam.images[one.image].millimetres(one.box),
            )
            for one in place.marks
        )  # fmt: skip

    def _of(self, verdict: Verdict) -> str:
        return f"{self.exam.names[verdict.images[0]]} {verdict_words(verdict)}"

    def _names(self, verdicts: Sequence[Verdict]) -> tuple[str, ...]:
        return tuple(dict.fromkeys(self.exam.names[one.images[0]] for one in verdicts))

    def _source(self, name: str, verdicts: Sequence[Verdict]) -> SentenceSource:
        once = {one.images[0]: one for one in verdicts}
        return model_source(self.exam, name, list(once.values()), YES)

    def _place_sources(self, place: MarkedPlace) -> list[SentenceSource]:
        if not place.location.words:
            return []
        names = tuple(self.exam.names[one.image] for one in place.marks)
        return [
            SentenceSource(SourceKind.PIXELS, PLACE_FROM.format(views=" and ".join(names)), names)
        ]


def model_source(exam: Exam, name: str, verdicts: Sequence[Verdict], option: str) -> SentenceSource:
    """Return who says something of a topic, with the probability of an option in each picture."""
    topic = BY_NAME[name]
    said = topic.title if topic.finding else f"{topic.title} {topic.plain(option)}"
    names = tuple(exam.names[one.images[0]] for one in verdicts)
    chances = tuple(one.probabilities[option] for one in verdicts)
    return SentenceSource(SourceKind.MODEL, f"{verdicts[0].source}, {said}", names, name, chances)


def places_of(exam: Exam, side: Laterality | None, marks: Sequence[Region]) -> list[MarkedPlace]:
    """Put the marks of one breast that two views show of one place together."""
    seen = [sight(exam.images[one.image], one.box) for one in marks]
    above = [n for n, one in enumerate(marks) if exam.images[one.image].told.view is View.CC]
    beside = [n for n in range(len(marks)) if n not in above]
    together = [
        (above[a], beside[b]) for a, b in pairs([seen[n] for n in above], [seen[n] for n in beside])
    ]
    matched = {number for pair in together for number in pair}
    groups = [*together, *((n,) for n in range(len(marks)) if n not in matched)]
    groups.sort(key=lambda group: -max(marks[n].score for n in group))
    return [
        MarkedPlace(
            tuple(marks[n] for n in group),
            locate(side, *(one for n in group if isinstance(one := seen[n], Sighting))),
        )
        for group in groups
    ]


def size_words(image: ExamImage, box: Box) -> str:
    """Return how large a marked box is, and what its millimetres rest on where that is weak."""
    size = image.millimetres(box)
    if size is None:
        return f"{pixels_of(box)} pixels{NO_PIXEL_SIZE}"
    extent = f"{size[0]:.0f} x {size[1]:.0f} mm"
    if {UNCALIBRATED, BY_RESOLUTION} & set(image.told.warnings):
        return f"about {extent} (pixel size not calibrated)"
    return extent


def _not_judged(writer: SectionWriter, findings: Findings) -> tuple[ReportedTopic, ...]:
    """Write which findings nobody looked for; why is in the sentence if they share one reason."""
    reasons = {name: findings.why_silent(name) for name in KINDS if name not in findings.topics}
    if not reasons:
        return ()
    shared = f" ({next(iter(reasons.values()))})" if len(set(reasons.values())) == 1 else ""
    made = writer.add(
        f"{NOT_JUDGED}: {', '.join(map(str.lower, reasons))}{shared}.",
        *(not_tried(name, why) for name, why in reasons.items()),
    )
    return tuple(ReportedTopic(name, made, why_not=why) for name, why in reasons.items())


def not_tried(name: str, why: str) -> SentenceSource:
    """Return why a topic is not judged."""
    return SentenceSource(SourceKind.PROGRAM, f"{title(name)} is not judged: {why}", topic=name)
