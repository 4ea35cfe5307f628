"""What could be scored without looking: rows that belong beside every score.

Two come from the bench alone: the most common answer of a topic, and the most common answer to
the same words asked about other patients. The others need the model: its answers to blank images,
to shuffled images and to options in another order are handed in as files.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence

from benchmark.vqa.parsing import ParsedAnswer, ParseOutcome
from benchmark.vqa.scoring import Graded
from versamammo.vqa import Item

NEEDED = ("blank", "shuffled", "reordered")  # handed in with --control NAME=FILE


def majority(items: Sequence[Item]) -> Graded:
    """Answer every question with its topic's most common answer in this bench."""
    seen: dict[str, Counter[tuple[str, ...]]] = {}
    for item in items:
        seen.setdefault(item.group, Counter())[_klass(item)] += 1
    return _graded(items, (_most_common(seen[item.group]) for item in items))


def text_prior(items: Sequence[Item]) -> Graded:
    """Answer from the words alone: the most common answer to them among other patients.

    The patient's own items are left out, or a question asked once would give itself away.
    """
    everyone: dict[tuple[str, str], Counter[tuple[str, ...]]] = {}
    own: dict[tuple[str, str, str], Counter[tuple[str, ...]]] = {}
    for item in items:
        words = (item.group, item.question)
        everyone.setdefault(words, Counter())[_klass(item)] += 1
        own.setdefault((*words, item.cluster), Counter())[_klass(item)] += 1
    guesses = []
    for item in items:
        words = (item.group, item.question)
        guesses.append(_most_common(everyone[words] - own[*words, item.cluster]))
    return _graded(items, guesses)


def _graded(items: Sequence[Item], guesses: Iterable[tuple[str, ...]]) -> Graded:
    readings = tuple(
        ParsedAnswer(ParseOutcome.CHOSEN if guess else ParseOutcome.FAILED, guess)
        for guess in guesses
    )
    return Graded(tuple(items), readings)


def _klass(item: Item) -> tuple[str, ...]:
    return tuple(sorted(item.answer))


def _most_common(seen: Counter[tuple[str, ...]]) -> tuple[str, ...]:
    """Ties go to the first in the alphabet, so that the order of the file does not matter."""
    return min(seen, key=lambda klass: (-seen[klass], klass)) if seen else ()
