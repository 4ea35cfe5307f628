"""What a conversation is when it is learned from: words, and which of them are answers."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from vlm.prompts import PromptImage

IGNORED = -100  # the label of a word that is not learned


@dataclass(frozen=True, eq=False)
class Example:
    """One conversation, ready to be batched or packed.

    Attributes:
        input_ids: words and placeholders.
        labels: as long; `IGNORED` where no answer stands.
        pictures: the images, in the order of their placeholders.
    """

    input_ids: tuple[int, ...]
    labels: tuple[int, ...]
    pictures: tuple[PromptImage, ...]


def labelled(
    pieces: Iterable[tuple[Sequence[int], bool]], pictures: tuple[PromptImage, ...] = ()
) -> Example:
    """Join pieces of a conversation, each of which is either read or learned."""
    ids: list[int] = []
    labels: list[int] = []
    for words, learned in pieces:
        ids += words
        labels += words if learned else [IGNORED] * len(words)
    return Example(tuple(ids), tuple(labels), pictures)
