"""What an answer points to in the pictures, how sure it is, and what a careful reader notes."""

from __future__ import annotations

from collections.abc import Sequence

from app.chat.conversation.verdict_words import title
from app.chat.evidence.contracts import LOOKED_AT, Evidence, EvidenceSource, Findings, Verdict
from versamammo.vocabulary import YES


def evidence_of(found: Sequence[Verdict], images: Sequence[int]) -> tuple[Evidence, ...]:
    """Point to the places of what is there, or to the whole picture where none is known."""
    pointed = []
    for one in found:
        if one.value == YES:
            word, (image, *_) = one.topic.lower(), one.images
            pointed += [
                Evidence(image, word, region.box, region.score, region.where)
                for region in one.regions
            ] or [Evidence(image, word, None, one.probabilities[YES], "place not known")]
    looked = [Evidence(image, LOOKED_AT) for image in images] if found else []
    return (*pointed, *looked)


def suspected(seen: Findings, images: Sequence[int]) -> tuple[Evidence, ...]:
    """Point to where a lesion would most likely lie, without a probability that there is one."""
    return tuple(
        Evidence(one.image, "if any, here", one.box, None, one.where)
        for one in seen.suspects
        if one.image in images
    )


def surety(found: Sequence[Verdict], something_silent: bool) -> float | None:
    """Return how sure: of the surest yes, or of the least sure no if all are no."""
    yes = [one.probabilities[YES] for one in found if one.value == YES]
    if yes:
        return max(yes)
    if not found or something_silent or any(one.value is None for one in found):
        return None
    return 1 - max(one.probabilities[YES] for one in found)


def notes_of(seen: Findings, found: Sequence[Verdict]) -> tuple[str, ...]:
    """Return which source spoke, what another would say, and how a single topic was tried."""
    by: dict[EvidenceSource, list[str]] = {}
    for one in found:
        by.setdefault(one.source, []).append(title(one.topic))
    told = "; ".join(
        f"{source} ({', '.join(dict.fromkeys(names))})" for source, names in by.items()
    )
    notes = [f"told by: {told}"] if told else []
    notes += [f"{title(one.topic)}: {text}" for one in found for text in one.dissent]
    names = {one.topic for one in found}
    if len(names) == 1 and (tried := seen.tried.get(*names)):
        notes.append(tried)
    return tuple(dict.fromkeys(notes))
