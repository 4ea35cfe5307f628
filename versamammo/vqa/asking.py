"""How items are put to a model, whichever it is: the words, the controls, groups of pictures."""

from __future__ import annotations

import string
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, TypeVar

import numpy as np

from versamammo.errors import InputError
from versamammo.vqa.items import Item, Kind

Control = Literal["none", "blank", "shuffled", "reordered"]
T = TypeVar("T")
MOST_PICTURES = 4  # in one question; an exam has four views
INSTRUCTIONS = {
    Kind.SINGLE: "Answer with one of the options and nothing else.",
    Kind.MULTIPLE: "Answer with all options that hold, separated by commas, and nothing else.",
    Kind.YES_NO: "Answer with yes or no and nothing else.",
}


def closed_prompt(kind: Kind, question: str, options: Sequence[str]) -> str:
    """Put a closed question; the marks let anyone read off which letter stood for what.

    Raises:
        InputError: there are more options than letters.
    """
    if len(options) > len(string.ascii_uppercase):
        message = f"{len(options)} options; letters suffice for {len(string.ascii_uppercase)}"
        raise InputError(message, field="options", reason="bad-options")
    letters = zip(string.ascii_uppercase, options, strict=False)
    listed = ", ".join(f"{letter}: {option}" for letter, option in letters)
    return f"{INSTRUCTIONS[kind]} ### Question: {question} ### Options: {listed}. ### Answer:"


def prompt_of(item: Item, options: Sequence[str] | None = None) -> str:
    """Put an item's question, its options in another order if one is given."""
    return closed_prompt(item.kind, item.question, item.options if options is None else options)


@dataclass(frozen=True)
class AskedItem:
    """An item as it is put.

    Attributes:
        item: of the bench.
        options: in the order shown.
        shown: the item whose pictures are shown.
    """

    item: Item
    options: tuple[str, ...]
    shown: Item

    @property
    def prompt(self) -> str:
        """The question in words, with its options."""
        return prompt_of(self.item, self.options)


def under_control(items: Sequence[Item], control: Control, seed: int) -> tuple[AskedItem, ...]:
    """Put items as they are, or with options in another order, or with others' pictures.

    Raises:
        InputError: pictures of other patients are to be shown, and there are none.
    """
    shown = _of_others(items, seed) if control == "shuffled" else list(items)
    return tuple(
        AskedItem(item, _turned(item, seed) if control == "reordered" else item.options, other)
        for item, other in zip(items, shown, strict=True)
    )


def _turned(item: Item, seed: int) -> tuple[str, ...]:
    """Return the options in an order in which none stays at its letter."""
    turn = 1 + seed % max(1, len(item.options) - 1)
    return item.options[turn:] + item.options[:turn]


def _of_others(items: Sequence[Item], seed: int) -> list[Item]:
    """Return for each question one of another patient, each used once where it can be."""
    random = np.random.default_rng(seed)
    left = [int(n) for n in random.permutation(len(items))]
    chosen = []
    for item in items:
        place = next((p for p, n in enumerate(left) if items[n].cluster != item.cluster), None)
        if place is None:
            others = [other for other in items if other.cluster != item.cluster]
            if not others:
                message = "all questions are about one patient; there is no other to show"
                raise InputError(message, field="control", reason="one-patient")
            chosen.append(others[int(random.integers(len(others)))])
        else:
            chosen.append(items[left.pop(place)])
    return chosen


def groups_of(pictures: Sequence[T], most: int) -> list[Sequence[T]]:
    """Part pictures into as few groups as can be, in their order, as even as can be.

    Seven pictures in groups of at most four are the first four and the last three.

    Args:
        pictures: of one question.
        most: in a group; 0 for all together.
    """
    count = -(-len(pictures) // most) if most else 1
    size, larger = divmod(len(pictures), count)
    ends = np.cumsum([size + (n < larger) for n in range(count)])
    return [pictures[end - size - (n < larger) : end] for n, end in enumerate(ends)]


def combine(asked: AskedItem, replies: Sequence[str]) -> str:
    """Return one answer from those to each group of an item's pictures.

    Of single choices the one that most groups gave, of equally many the one given first; of
    multiple choices every option that any group gave, in the order shown. A single reply stays as
    it is, and so does the first where no reply is made of options alone.
    """
    if len(replies) == 1:
        return replies[0]
    named = [found for found in (_options(asked, reply) for reply in replies) if found]
    if not named:
        return replies[0]
    if asked.item.kind is Kind.MULTIPLE:
        # "Normal" stands for none of the others, so that it holds where no group saw any
        every = {option for some in named for option in some}
        seen = [option for option in asked.options if option in every]
        return ", ".join([one for one in seen if one.casefold() != "normal"] or seen)
    counts = Counter(some[0] for some in named if len(some) == 1)
    return max(counts, key=lambda option: counts[option]) if counts else replies[0]


def _options(asked: AskedItem, reply: str) -> list[str]:
    """Read a reply that is made of options alone, by their words, their letters or both."""
    lettered = list(zip(string.ascii_uppercase, asked.options, strict=False))
    spelt = {option.casefold(): option for option in asked.options}
    spelt |= {letter.casefold(): option for letter, option in lettered}
    spelt |= {f"{letter}: {option}".casefold(): option for letter, option in lettered}
    parts = [part.strip().strip(".").casefold() for part in reply.split(",")]
    found = [spelt.get(part, "") for part in parts]
    return found if all(found) else []
