"""Looks at an exam with all sources of a model and writes its one record of evidence."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from app.chat.evidence.contracts import Card, EvidenceSource, Findings, HeatMap, Region, Verdict
from app.chat.evidence.deciding import Weights, dissenting
from app.chat.evidence.encoder_findings import PictureFindings, Seeing
from app.chat.evidence.exam import Exam, is_digital
from app.chat.evidence.location_text import in_words
from app.chat.evidence.option_likelihoods import LanguageSource
from app.chat.evidence.trials import Calibration, Domain, Trials
from versamammo.data.labels import FINDINGS
from versamammo.errors import InputError
from versamammo.model.finding import LEAST_HEAT
from versamammo.model.peaks import Candidate
from versamammo.vocabulary import BY_HEAD, BY_NAME, FINDING_WORDS, TOPICS, YES, Topic
from versamammo.vqa import Kind
from vlm.option_words import chosen, yes_or_no

# pictures are turned chest wall left before they are looked at: no source can tell the side
UNTELLABLE = ("Laterality",)
JUDGED = tuple(
    topic for topic in TOPICS if topic.kind is not Kind.MULTIPLE and topic.name not in UNTELLABLE
)
MARK_FROM = 0.5  # calibrated probability
# of what an encoder says that learnt from pictures of lesions alone
OF_A_LESION = ("Pathology", "Bi-Rads", "Subtlety")
IF_ANY = "if there is a lesion"
ALL_WITH_LESION = (
    "every picture that the model learnt from shows a lesion, so that it cannot tell a breast "
    "without one"
)
ON_FILM = "the model was tried on scanned films alone, and this is a digital mammogram"
SUSPECTS = 1  # places named in one picture where whether there is a lesion is not judged


@dataclass
class Looked:
    """What the sources said of one picture: weights of each source's topics, and places."""

    weights: dict[tuple[EvidenceSource, str], Weights] = field(default_factory=dict)
    regions: list[Region] = field(default_factory=list)
    peaks: list[Region] = field(default_factory=list)
    heat: HeatMap | None = None


class Examiner:
    """A finder: looks at every picture of an exam and decides what is said of it.

    Attributes:
        card: who looks.
        trials: how its sources went; decides who speaks.
    """

    def __init__(
        self, card: Card, trials: Trials, seeing: Seeing | None, language: LanguageSource | None
    ) -> None:
        self.card = card
        self.trials = trials
        self._seeing = seeing
        self._language = language

    def find(self, exam: Exam) -> Findings:
        """Return the record of evidence of an exam."""
        domain = Domain.PHANTOM if exam.phantom else Domain.REAL
        speakers: dict[str, EvidenceSource] = {}
        silent: dict[str, str] = {}
        tried: dict[str, str] = {}
        for topic in JUDGED:
            source, told = self.trials.speaker(domain, topic)
            if self.card.no_normals and topic.name in FINDING_WORDS.values():
                source, told = None, ALL_WITH_LESION
            elif self.card.films_only and any(map(is_digital, exam.images)):
                source, told = None, ON_FILM
            if source is None:
                silent[topic.name] = told
            else:
                speakers[topic.name], tried[topic.name] = source, told
        known = self._known(domain)
        verdicts: list[Verdict] = []
        regions: list[Region] = []
        suspects: list[Region] = []
        heat: list[HeatMap] = []
        failed: list[str] = []
        for number in range(len(exam.images)):
            try:
                looked = self.look(exam, number, known)
            except InputError as error:
                failed.append(f"{exam.names[number]}: {error.message}")
                continue
            spoken = [
                self._conditional(_verdict(BY_NAME[name], number, source, looked, known))
                for name, source in speakers.items()
                if (source, name) in looked.weights
            ]
            verdicts += spoken
            regions += [region for one in spoken for region in one.regions]
            if self.card.no_normals:
                suspects += [one for one in looked.peaks if one.topic not in speakers][:SUSPECTS]
            heat += [looked.heat] if looked.heat is not None else []
        for name in set(speakers) - {one.topic for one in verdicts}:
            silent[name] = "no picture could be used" if failed else "the model has no such head"
            del tried[name]
        if EvidenceSource.MARKS not in speakers.values() and not suspects:
            heat.clear()  # what is not judged is not shown as if it were
        return Findings(
            tuple(verdicts), silent, tried, tuple(regions), tuple(heat), tuple(failed),
            tuple(suspects),
        )  # fmt: skip

    def _conditional(self, verdict: Verdict) -> Verdict:
        """Return the verdict with its condition, if it is about a lesion and no normal was seen."""
        holds = not self.card.no_normals or verdict.topic not in OF_A_LESION
        return verdict if holds else replace(verdict, condition=IF_ANY)

    def look(
        self, exam: Exam, number: int, known: Mapping[EvidenceSource, frozenset[str]] | None = None
    ) -> Looked:
        """Return what all sources say of one picture, or only of topics that they know.

        Raises:
            InputError: the picture cannot be used.
        """
        looked = Looked()
        if self._seeing is not None:
            seen = self._seeing.look(exam, number, self._least())
            self._take_marks(exam, number, seen, looked)
            for name, shares in seen.probabilities.items():
                topic = BY_HEAD.get(name)
                if topic is not None and topic.name not in UNTELLABLE:
                    own = {topic.option_of(value): share for value, share in shares.items()}
                    looked.weights[EvidenceSource.HEADS, topic.name] = self._even(
                        EvidenceSource.HEADS, topic, own
                    )
            looked.heat = seen.heat
        if self._language is not None:
            for topic in JUDGED:
                asked = known is None or topic.name in known[EvidenceSource.LANGUAGE]
                if asked and topic.name in self._language.topics:
                    weights = self._language.weigh(exam, number, topic)
                    looked.weights[EvidenceSource.LANGUAGE, topic.name] = self._even(
                        EvidenceSource.LANGUAGE, topic, weights
                    )
        return looked

    def _take_marks(self, exam: Exam, number: int, seen: PictureFindings, looked: Looked) -> None:
        for kind, heat in seen.warmest.items():
            name = FINDING_WORDS[kind]
            calibration = self._calibration(name)
            looked.weights[EvidenceSource.MARKS, name] = yes_or_no(calibration.probability(heat))
            looked.regions += [
                _region(exam, number, one, calibration.probability(one.score))
                for one in seen.candidates
                if one.kind == kind
            ]
        looked.peaks += [_region(exam, number, one, one.score) for one in seen.peaks]

    def _even(self, source: EvidenceSource, topic: Topic, weights: Weights) -> Weights:
        """Calibrate yes and no; other topics keep the source's own probabilities."""
        found = self.trials.calibrations.get((source, topic.name))
        if found is None or topic.kind is not Kind.YES_NO:
            return weights
        return yes_or_no(found.probability(weights[YES]))

    def _calibration(self, name: str) -> Calibration:
        return self.trials.calibrations.get((EvidenceSource.MARKS, name), Calibration())

    def _least(self) -> dict[str, float]:
        """Return the heat from which a place of each kind is marked."""
        calibrated = {
            kind: self.trials.calibrations.get((EvidenceSource.MARKS, FINDING_WORDS[kind]))
            for kind in FINDINGS
        }
        return {
            kind: LEAST_HEAT if one is None else one.score(MARK_FROM)
            for kind, one in calibrated.items()
        }

    def _known(self, domain: Domain) -> dict[EvidenceSource, frozenset[str]]:
        """Return the topics that each source was found to know."""
        return {
            source: frozenset(
                topic.name for topic in JUDGED if not self.trials.verdict(domain, source, topic)[2]
            )
            for source in EvidenceSource
        }


def _region(exam: Exam, number: int, place: Candidate, score: float) -> Region:
    where = in_words(exam.images[number], place.box)
    return Region(number, place.box, FINDING_WORDS[place.kind], score, where)


def _verdict(
    topic: Topic, number: int, source: EvidenceSource, looked: Looked,
    known: Mapping[EvidenceSource, frozenset[str]],
) -> Verdict:  # fmt: skip
    """Decide what is said of a topic in one picture."""
    weights = looked.weights[source, topic.name]
    said = chosen(topic, weights)
    regions: tuple[Region, ...] = ()
    if source is EvidenceSource.MARKS:
        regions = tuple(one for one in looked.regions if one.topic == topic.name)
        if (said == YES) is not bool(regions):
            said = None  # a place at the very edge is neither drawn nor denied
            regions = ()
    others = {
        other: looked.weights[other, topic.name]
        for other in EvidenceSource
        if other is not source
        and topic.name in known[other]
        and (other, topic.name) in looked.weights
    }
    return Verdict(
        topic.name, (number,), said, weights, source, regions, dissenting(topic, said, others)
    )
