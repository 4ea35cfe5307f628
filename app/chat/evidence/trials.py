"""How each source went when a model was tried at the door, and which one speaks for a topic.

`trial.json` in a model's folder is written by `versamammo doortest --calibrate` and read here. A
topic is answered only where one of its sources was tried on enough questions and found better
than guessing; phantoms and real mammograms are tried, and answered, apart.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path
from typing import Any

from app.chat.evidence.contracts import EvidenceSource
from versamammo.errors import InputError
from versamammo.files import write_atomically
from versamammo.scoring.topic_scores import LEAST_ASKED, LEAST_OF_A_CLASS, TopicScore
from versamammo.vocabulary import BY_NAME, Topic
from versamammo.vqa import read_object

FILE = "trial.json"
VERSION = 1
NEVER = "this model was never tried at it"


class Domain(StrEnum):
    """What kind of pictures a trial was made on."""

    PHANTOM = "phantom"
    REAL = "real"


@dataclass(frozen=True)
class Calibration:
    """From a source's log odds of yes to a probability, as if every second picture had it."""

    slope: float = 1.0
    shift: float = 0.0

    def probability(self, score: float) -> float:
        """Return the calibrated probability for a score 0..1."""
        return 1 / (1 + math.exp(-(self.slope * _log_odds(score) + self.shift)))

    def score(self, probability: float) -> float:
        """Return the score 0..1 from which a probability is reached."""
        return 1 / (1 + math.exp(-(_log_odds(probability) - self.shift) / self.slope))


@dataclass(frozen=True)
class SourceTrial:
    """How one source went at one topic on one set of pictures."""

    domain: Domain
    source: EvidenceSource
    data: str
    score: TopicScore


@dataclass(frozen=True)
class Trials:
    """All trials of a model, and the calibration of its sources."""

    trials: tuple[SourceTrial, ...] = ()
    calibrations: Mapping[tuple[EvidenceSource, str], Calibration] = field(default_factory=dict)

    def of(self, domain: Domain, source: EvidenceSource, topic: str) -> list[SourceTrial]:
        """Return how a source went at a topic on pictures of a domain.

        A model that was never tried on real mammograms at all is judged by its phantoms.
        """
        domains = {trial.domain for trial in self.trials}
        counted = domain if domain in domains else next(iter(domains), domain)
        return [
            trial
            for trial in self.trials
            if (trial.domain, trial.source, trial.score.topic) == (counted, source, topic)
        ]

    def verdict(
        self, domain: Domain, source: EvidenceSource, topic: Topic
    ) -> tuple[float, str, str]:
        """Return how well a source knows a topic, how that was found, and why it is not heard.

        It has to be better than guessing on some set of pictures and worse on none: a set of one
        right answer alone cannot show the first, but the second.
        """
        own = self.of(domain, source, topic.name)
        best = max(own, key=lambda one: (_enough(one.score), one.score.asked), default=None)
        if best is None:
            return 0.0, "", NEVER
        for trial in own:
            score = trial.score
            guessing = 1 / len(topic.options)
            if _enough(score) and not score.above_chance:
                return score.skill, "", f"on {trial.data} {score.why_not()}"
            if score.asked >= LEAST_ASKED and not _enough(score) and score.high < guessing:
                right = f"{100 * score.balanced_accuracy:.0f} % [{100 * score.low:.0f}, "
                right += f"{100 * score.high:.0f}]"
                return (
                    0.0,
                    "",
                    (
                        f"on {trial.data} it was right in {right} of {score.asked} questions, "
                        f"where guessing gets {100 * guessing:.0f} %"
                    ),
                )
        return best.score.skill, str(best.score), best.score.why_not()

    def speaker(self, domain: Domain, topic: Topic) -> tuple[EvidenceSource | None, str]:
        """Return who speaks for a topic and how that went; or nobody, and why.

        Where places of a finding can be marked, the marks alone decide: what is marked is said,
        and what is said is marked. Else the source that was found better speaks.
        """
        found = [
            (source, self.verdict(domain, source, topic))
            for source in EvidenceSource
            if self.of(domain, source, topic.name)
        ]
        found = [one for one in found if one[0] is EvidenceSource.MARKS] or found
        for source, (_, told, doubt) in sorted(found, key=lambda one: -one[1][0]):
            if not doubt:
                return source, told
        return None, found[0][1][2] if found else NEVER

    def with_trials(self, made: Sequence[SourceTrial]) -> Trials:
        """Return these and new trials; a new one replaces that of the same source and data."""
        keys = {_key(trial) for trial in made}
        kept = tuple(trial for trial in self.trials if _key(trial) not in keys)
        return Trials((*kept, *made), self.calibrations)


def _enough(score: TopicScore) -> bool:
    asked = [count for _, count in score.classes if count]
    return score.asked >= LEAST_ASKED and len(asked) > 1 and min(asked) >= LEAST_OF_A_CLASS


def _key(trial: SourceTrial) -> tuple[str, str, str, str]:
    return trial.domain, trial.source, trial.data, trial.score.topic


def _log_odds(share: float) -> float:
    safe = min(max(share, 1e-6), 1 - 1e-6)
    return math.log(safe / (1 - safe))


def write_trials(folder: Path, trials: Trials) -> None:
    """Write `trial.json` into a model's folder."""
    record = {
        "version": VERSION,
        "calibrations": [
            {"source": source, "topic": topic, "slope": one.slope, "shift": one.shift}
            for (source, topic), one in trials.calibrations.items()
        ],
        "trials": [
            {
                "domain": trial.domain,
                "source": trial.source,
                "data": trial.data,
                "score": trial.score.to_dict(),
            }
            for trial in trials.trials
        ],
    }
    write_atomically(folder / FILE, (json.dumps(record, indent=1) + "\n").encode())


def read_trials(folder: Path) -> Trials:
    """Return the trials of a model; none if it was never tried.

    Raises:
        InputError: the file is damaged or of another version.
    """
    file = folder / FILE
    if not file.is_file():
        return Trials()
    record = read_object(file)
    if set(record) != {"version", "calibrations", "trials"} or record["version"] != VERSION:
        message = f"expected version {VERSION}, calibrations and trials; found {sorted(record)}"
        raise InputError(message, file=file, field="version", reason="bad-trial")
    try:
        return Trials(
            tuple(_trial(one, file) for one in _list(record["trials"])),
            dict(map(_calibration, _list(record["calibrations"]))),
        )
    except (KeyError, TypeError, ValueError) as error:
        if isinstance(error, InputError):
            raise
        message = f"cannot be used: {type(error).__name__}: {error}"
        raise InputError(message, file=file, field="trials", reason="bad-trial") from error


def _list(value: object) -> list[dict[str, Any]]:
    if not isinstance(value, list) or not all(isinstance(one, dict) for one in value):
        raise ValueError("expected a list of objects")
    return value


def _trial(record: dict[str, Any], file: Path) -> SourceTrial:
    score = TopicScore.from_dict(record["score"], file)
    _known(score.topic)
    return SourceTrial(
        Domain(record["domain"]), EvidenceSource(record["source"]), str(record["data"]), score
    )


def _calibration(record: dict[str, Any]) -> tuple[tuple[EvidenceSource, str], Calibration]:
    slope, shift = float(record["slope"]), float(record["shift"])
    if not (math.isfinite(slope) and math.isfinite(shift) and slope > 0):
        raise ValueError(f"slope {slope} and shift {shift}; expected a slope above 0")
    return (EvidenceSource(record["source"]), _known(record["topic"])), Calibration(slope, shift)


def _known(topic: str) -> str:
    if topic not in BY_NAME:
        raise ValueError(f"topic {topic!r} is not in the vocabulary")
    return topic
