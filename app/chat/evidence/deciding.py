"""From what the sources say of a picture to what is said of it: one stated rule for all.

1. A finding whose places an encoder can mark is said to be in a picture if and only if a place
   is marked there. Its probability is that of the warmest place, calibrated.
2. Any other topic is left to the source that was found better at it when the model was tried.
3. What no source was found to know is not judged, and not marked.
4. A source that was found to know a topic too, and is sure of something else, is quoted.
5. Of several pictures, a finding is there if it is in one of them, the density is the mean of
   the pictures, and BI-RADS that of the more suspicious breast.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import replace

from app.chat.evidence.contracts import EvidenceSource, Findings, Verdict
from app.chat.evidence.exam import Exam
from versamammo.vocabulary import BY_NAME, YES, Topic
from versamammo.vqa import Kind
from vlm.option_words import chosen, figure

SURE_OF_ANOTHER = 0.7  # from which another source is quoted

Weights = Mapping[str, float]  # of each option, 0..1


def dissenting(
    topic: Topic, said: str | None, others: Mapping[EvidenceSource, Weights]
) -> tuple[str, ...]:
    """Return in words what other sources that know a topic are sure of, where it differs."""
    quoted = []
    for source, weights in others.items():
        best = max(weights, key=lambda option: weights[option])
        if best != said and weights[best] >= SURE_OF_ANOTHER:
            quoted.append(f"the {source} would say {topic.plain(best)} ({figure(weights[best])})")
    return tuple(quoted)


def of_several(exam: Exam, findings: Findings, name: str, images: Sequence[int]) -> Verdict | None:
    """Return what is said of a topic in several pictures together; None if it is in none."""
    own = [one for image in images if (one := findings.verdict(name, image)) is not None]
    if len(own) < 2:
        return own[0] if own else None
    topic = BY_NAME[name]
    if topic.kind is Kind.YES_NO:
        return max(own, key=lambda one: one.probabilities[YES])
    if name == "Bi-Rads":
        sides: dict[str, list[Verdict]] = {}
        for one in own:
            sides.setdefault(exam.images[one.images[0]].side.name.lower(), []).append(one)
        means = [
            _mean(topic, found, f"{side} breast, mean of {len(found)} pictures")
            for side, found in sides.items()
        ]
        return max(means, key=_suspicion)
    return _mean(topic, own, f"mean of {len(own)} pictures")


def _mean(topic: Topic, found: Sequence[Verdict], how: str) -> Verdict:
    weights = {
        option: math.fsum(one.probabilities[option] for one in found) / len(found)
        for option in found[0].probabilities
    }
    images = tuple(image for one in found for image in one.images)
    quoted = tuple(dict.fromkeys(text for one in found for text in one.dissent))
    return replace(
        found[0], images=images, value=chosen(topic, weights), probabilities=weights,
        dissent=quoted, how=how if len(found) > 1 else "",
    )  # fmt: skip


def _suspicion(verdict: Verdict) -> float:
    topic = BY_NAME[verdict.topic]
    return math.fsum(
        int(topic.plain(option)) * share for option, share in verdict.probabilities.items()
    )
