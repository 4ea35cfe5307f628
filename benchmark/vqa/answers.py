"""Answers as a model left them: `answers.jsonl`, or the published result file as it is."""

from __future__ import annotations

import re
import string
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from versamammo.errors import InputError, naming
from versamammo.files import parse_json
from versamammo.vqa import Item, read_object


@dataclass(frozen=True)
class ModelAnswer:
    """What a model said about one item; `text` is None where it gave nothing at all."""

    id: str
    text: str | None
    prompt: str | None = None


@dataclass(frozen=True)
class Coverage:
    """Which ids do not match between answers and bench; all empty when the set is complete."""

    missing: tuple[str, ...] = ()
    unknown: tuple[str, ...] = ()
    duplicate: tuple[str, ...] = ()

    @property
    def complete(self) -> bool:
        """Whether every item was answered once and nothing else was."""
        return not (self.missing or self.unknown or self.duplicate)


def read_answers(path: Path | str) -> tuple[ModelAnswer, ...]:
    """Read answers in either form, told apart by content, in the order of the file.

    Raises:
        InputError: naming the file and the line or id at fault.
    """
    file = Path(path)
    with naming(file):
        try:
            text = file.read_text(encoding="utf-8")
        except (OSError, UnicodeDecodeError) as error:
            raise InputError(f"cannot be read: {error}", reason="unreadable") from error
        if not text.strip():
            raise InputError("holds no answer; expected at least one", reason="empty-answers")
        lines = [(n, line) for n, line in enumerate(text.split("\n"), 1) if line.strip()]
        if _is_published(lines[0][1]):
            return tuple(_published(read_object(file)))
        return tuple(_line(number, line) for number, line in lines)


def match(
    items: Sequence[Item],
    answers: Sequence[ModelAnswer],
    *,
    allow_missing: bool = False,
    allow_unknown: bool = False,
    allow_duplicate: bool = False,
) -> tuple[dict[str, ModelAnswer], Coverage]:
    """Bring answers to their items; of an id answered twice, the first stands if allowed.

    Raises:
        InputError: an item without answer, an id unknown or answered twice, unless allowed.
    """
    known = {item.id for item in items}
    found: dict[str, ModelAnswer] = {}
    unknown, duplicate = [], []
    for answer in answers:
        if answer.id not in known:
            unknown.append(answer.id)
        elif answer.id in found:
            duplicate.append(answer.id)
        else:
            found[answer.id] = answer
    missing = [item.id for item in items if item.id not in found]
    _refuse("missing", "without an answer", missing, allow_missing)
    _refuse("unknown", "not in the bench", unknown, allow_unknown)
    _refuse("duplicate", "answered more than once", duplicate, allow_duplicate)
    return found, Coverage(tuple(missing), tuple(unknown), tuple(duplicate))


def letters(item: Item, prompt: str | None) -> dict[str, str]:
    """Return which letter stood for which option when the question was put.

    Without a prompt the letters follow the bench; a prompt that letters no option gives none.

    Raises:
        InputError: a prompt that letters some of the options only, or one letter twice.
    """
    if prompt is None:
        return dict(zip(string.ascii_uppercase, item.options, strict=False))
    # the list of options stands last: the question before it may name some of them too
    listed = prompt.rpartition("### Options:")[2] if "### Options:" in prompt else prompt
    found: dict[str, str] = {}
    for option in item.options:
        pattern = rf"(?<![\w-])([A-Z])\s*[:.)]\s*{re.escape(option)}(?![\w-])"
        hits = set(re.findall(pattern, listed))
        found |= dict.fromkeys(hits, option) if len(hits) == 1 else {}
    if found and sorted(found) != list(string.ascii_uppercase[: len(item.options)]):
        raise InputError(
            f"id {item.id}: letters {', '.join(sorted(found))} found for {len(item.options)} "
            "options; expected each option once, lettered from A",
            field="prompt",
            reason="bad-prompt",
        )
    return found


def _refuse(reason: str, what: str, ids: Sequence[str], allowed: bool) -> None:
    if ids and not allowed:
        shown = ", ".join(ids[:5]) + (", ..." if len(ids) > 5 else "")
        raise InputError(
            f"{len(ids)} ids {what}: {shown}; allow it with --allow-{reason} "
            "and the result is labelled incomplete",
            field="id",
            reason=f"{reason}-id",
        )


def _is_published(first: str) -> bool:
    try:
        row = parse_json(first)
    except ValueError:
        return first.strip() == "{"
    return isinstance(row, Mapping) and all(isinstance(value, Mapping) for value in row.values())


def _published(rows: Mapping[str, object]) -> Iterator[ModelAnswer]:
    for id_, row in rows.items():
        if not isinstance(row, Mapping):
            raise InputError(f"id {id_}: expected an object", reason="bad-answer")
        for field in ("qas_question", "qas_answer"):
            if field not in row:
                raise InputError(
                    f"id {id_}: the field is missing", field=field, reason="missing-field"
                )
        yield _answer(f"id {id_}", id_, row["qas_answer"], row["qas_question"])


def _line(number: int, line: str) -> ModelAnswer:
    try:
        row = parse_json(line)
    except ValueError as error:
        raise InputError(f"line {number} is not JSON: {error}", reason="not-json") from error
    if not isinstance(row, Mapping) or "id" not in row or "answer" not in row:
        raise InputError(
            f"line {number}: expected an object with id and answer", reason="missing-field"
        )
    return _answer(f"line {number}", row["id"], row["answer"], row.get("prompt"))


def _answer(place: str, id_: object, text: object, prompt: object) -> ModelAnswer:
    if isinstance(id_, bool) or not isinstance(id_, str | int):
        raise InputError(
            f"{place}: found {id_!r}; expected text or a whole number", field="id", reason="bad-id"
        )
    for field, value in (("answer", text), ("prompt", prompt)):
        if value is not None and not isinstance(value, str):
            raise InputError(
                f"{place}: found {value!r}; expected text or null", field=field, reason="bad-answer"
            )
    return ModelAnswer(
        str(id_),
        text if isinstance(text, str) else None,
        prompt if isinstance(prompt, str) else None,
    )
