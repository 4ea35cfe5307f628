"""Answers written as they are made: what was answered is kept, what cannot be is set aside.

Each item has one line: `{"id", "answer", "prompt"}`. An item that cannot be asked has a null
answer and says why under `quarantined`, so that the lines add up to the items and the bench goes
on. A run that was killed goes on after the last whole line.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from tqdm import tqdm

from versamammo.errors import InputError
from versamammo.files import parse_json, write_atomically
from versamammo.vqa.asking import AskedItem
from versamammo.vqa.items import BadItem

IN_A_ROW = 8  # items that fail for reasons which are no item's own, before a run gives up
Answer = Callable[[Sequence[AskedItem]], Sequence[str]]


@dataclass(frozen=True)
class Answered:
    """How many items a file answers, and how many were set aside.

    Attributes:
        items: of the bench.
        quarantined: items without an answer, by id, with the reason.
    """

    items: int
    quarantined: tuple[tuple[str, str], ...] = ()

    def beside(self, bad: Sequence[BadItem]) -> Answered:
        """Count the items of the bench too that have no line, since they cannot be asked."""
        told = tuple((one.id, reason_of(one.error)) for one in bad)
        return Answered(self.items + len(bad), (*self.quarantined, *told))

    def __str__(self) -> str:
        told = f"{self.items - len(self.quarantined)} answers"
        if self.quarantined:
            first = f"id {self.quarantined[0][0]}: {self.quarantined[0][1]}"
            told += f", {len(self.quarantined)} items quarantined, the first {first}"
        return told


def answer_into(out: Path, asked: Sequence[AskedItem], answer: Answer, batch: int) -> Answered:
    """Have every item answered that is not yet.

    Args:
        out: file of answers.
        asked: the items, in the order of the file.
        answer: returns the answers to some of them, or raises.
        batch: items at once.

    Raises:
        InputError: the batch is below 1, or the file holds answers to other questions.
        Exception: what `answer` raises for several items in a row, where it is no fault of theirs.
    """
    if batch < 1:
        raise InputError(f"found {batch}; expected 1 or more", field="batch")
    begun = kept(out, asked)
    done, aside = len(begun), [one for one in begun if one is not None]
    failed, waiting = 0, ""  # lines that are not written before something was answered after them
    with out.open("a", encoding="utf-8") as file:
        for start in tqdm(range(done, len(asked), batch), desc="answering"):
            some = asked[start : start + batch]
            for one, reply in zip(some, replies_to(some, answer), strict=True):
                if isinstance(reply, str):
                    failed, line = 0, line_of(one, reply)
                else:
                    failed += not isinstance(reply, InputError)
                    if failed >= IN_A_ROW:
                        raise reply
                    aside.append((one.item.id, reason_of(reply)))
                    line = line_of(one, None, reason_of(reply))
                waiting += line + "\n"
                if not failed:
                    file.write(waiting)
                    waiting = ""
            file.flush()
        file.write(waiting)
    return Answered(len(asked), tuple(aside))


def replies_to(some: Sequence[AskedItem], answer: Answer) -> list[str | Exception]:
    """Return an answer to each of some items, or what keeps it from being answered."""
    try:
        return list(answer(some))
    except (ValueError, OSError, RuntimeError, LookupError, TypeError) as error:
        if len(some) == 1:
            return [error]
    # together they could not be answered: one by one shows which of them is at fault
    return [replies_to([one], answer)[0] for one in some]


def reason_of(error: Exception) -> str:
    """Return in one line why an item was not answered."""
    kind = "" if isinstance(error, InputError) else f"{type(error).__name__}: "
    return f"{kind}{str(error).partition(chr(10))[0]}"


def line_of(one: AskedItem, text: str | None, quarantined: str = "") -> str:
    """Write one item's line."""
    told = {"id": one.item.id, "answer": text, "prompt": one.prompt}
    told |= {"quarantined": quarantined} if quarantined else {}
    return json.dumps(told, ensure_ascii=False)


def kept(out: Path, asked: Sequence[AskedItem]) -> list[tuple[str, str] | None]:
    """Return for each whole line of an earlier start which item it sets aside and why, if it does.

    Half a line at the end is cut off.

    Raises:
        InputError: a line answers another question than the item at its place.
    """
    if not out.is_file():
        return []
    whole, _, rest = out.read_text(encoding="utf-8").rpartition("\n")
    if rest:
        write_atomically(out, (whole + "\n").encode() if whole else b"")
    found: list[tuple[str, str] | None] = []
    lines = whole.splitlines()
    if len(lines) > len(asked):
        message = f"holds {len(lines)} answers to {len(asked)} questions; choose another file"
        raise InputError(message, file=out, field="out", reason="other-answers")
    for number, (line, one) in enumerate(zip(lines, asked, strict=False), start=1):
        record = parse_json(line)
        if record.get("id") != one.item.id or record.get("prompt") != one.prompt:
            message = f"line {number} answers another question; choose another file"
            raise InputError(message, file=out, field="out", reason="other-answers")
        why = record.get("quarantined")
        found.append((one.item.id, str(why)) if why else None)
    return found
