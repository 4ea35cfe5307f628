"""Questions about mammograms: one item, and the MammoVQA JSON that holds many.

The scorer reads this format and the vision-language model writes it; both meet here. The format
is that of MammoVQA (Nature Communications 2025, s41467-025-66507-z): one object keyed "1", "2",
... without gaps. `Patient` is our optional addition; published files do not have it.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

from versamammo.errors import InputError, naming
from versamammo.files import parse_json, write_atomically

# patients cannot be told from published paths, which end in a folder per image
FIELDS = ("Path", "Dataset", "Question", "Question topic", "Question type", "Options", "Answer")


class Kind(StrEnum):
    """How a question may be answered, in the words of the published files."""

    SINGLE = "single choice"
    MULTIPLE = "multiple choice"
    YES_NO = "yes/no"


@dataclass(frozen=True)
class Item:
    """One closed question about the images of one exam.

    Args:
        id: the key in the file, "1" and upwards.
        images: paths as written in the file; several for a question about an exam.
        dataset: source archive; the suffixes `-breast` and `-finding` say what was cut out.
        topic: `View`, `ACR`, `Abnormality`, ...
        kind: single choice, multiple choice or yes/no.
        options: in the order of the file, which letters A, B, ... follow unless a prompt differs.
        answer: one of the options, or several for multiple choice.
        patient: None where the file does not say.
    """

    id: str
    images: tuple[str, ...]
    dataset: str
    topic: str
    kind: Kind
    question: str
    options: tuple[str, ...]
    answer: tuple[str, ...]
    patient: str | None = None

    @property
    def cluster(self) -> str:
        """What is drawn together in a bootstrap: the patient, else the folder of the image."""
        if self.patient is not None:
            return f"{self.dataset_source}:{self.patient}"
        return str(Path(self.images[0]).parent)

    @property
    def dataset_source(self) -> str:
        """The archive without the suffix that says what was cut out of it."""
        return self.dataset.removesuffix("-breast").removesuffix("-finding")

    @property
    def group(self) -> str:
        """The topic as reported: pathology and abnormality of breasts and of findings apart."""
        if self.topic not in ("Pathology", "Abnormality"):
            return self.topic
        part = "finding" if self.dataset.endswith("-finding") else "breast"
        return f"{self.topic} ({part})"


def read_bench(path: Path | str) -> tuple[Item, ...]:
    """Read a MammoVQA file of image or exam questions, in the order of its ids.

    Raises:
        InputError: naming the file, the id and the field at fault.
    """
    items, bad = read_items(path)
    if bad:
        raise bad[0].error
    return items


@dataclass(frozen=True)
class BadItem:
    """An item of a file that cannot be asked, and why."""

    id: str
    error: InputError


def read_items(path: Path | str) -> tuple[tuple[Item, ...], tuple[BadItem, ...]]:
    """Read the items of a MammoVQA file that can be asked, and name those that cannot.

    Published files hold a few whose answer is none of their options.

    Raises:
        InputError: it is no such file, or an id is missing.
    """
    file = Path(path)
    items, bad = [], []
    with naming(file):
        rows = read_object(file)
        if not rows:
            raise InputError("holds no item; expected at least one", reason="empty-bench")
        for wanted in map(str, range(1, len(rows) + 1)):
            if wanted not in rows:
                raise InputError(
                    f"id {wanted} is missing among {len(rows)} items; "
                    'expected the keys "1", "2", ... without gaps',
                    reason="id-gap",
                )
        for id_ in map(str, range(1, len(rows) + 1)):
            try:
                with naming(file):
                    items.append(_item(id_, rows[id_]))
            except InputError as error:
                bad.append(BadItem(id_, error))
    return tuple(items), tuple(bad)


def write_bench(path: Path | str, items: Sequence[Item]) -> None:
    """Write items in the published format, with `Patient` where it is known."""
    rows = {item.id: _row(item) for item in items}
    text = json.dumps(rows, indent=1, ensure_ascii=False) + "\n"
    write_atomically(Path(path), text.encode())


def read_object(path: Path) -> dict[str, object]:
    """Read a JSON file that holds one object; a key given twice is an error.

    Raises:
        InputError: no such file, not UTF-8 JSON, not an object, or a repeated key.
    """

    def unique(pairs: list[tuple[str, object]]) -> dict[str, object]:
        made = dict(pairs)
        if len(made) < len(pairs):
            keys = [key for key, _ in pairs]
            twice = next(key for index, key in enumerate(keys) if key in keys[:index])
            raise InputError(f"key {twice!r} occurs twice; expected once", reason="duplicate-id")
        return made

    try:
        read = parse_json(path.read_text(encoding="utf-8"), object_pairs_hook=unique)
    except OSError as error:
        raise InputError(
            f"cannot be read: {error.strerror}", file=path, reason="unreadable"
        ) from error
    except InputError:
        raise
    except ValueError as error:
        raise InputError(f"is not JSON: {error}", file=path, reason="not-json") from error
    if not isinstance(read, dict):
        raise InputError("expected one JSON object keyed by id", file=path, reason="not-an-object")
    return read


def _item(id_: str, row: object) -> Item:
    if not isinstance(row, Mapping):
        raise InputError(
            f"id {id_}: expected an object with {', '.join(FIELDS)}", reason="bad-item"
        )
    for field in FIELDS:
        if field not in row:
            raise InputError(
                f"id {id_}: the field is missing; found {', '.join(map(str, row))}",
                field=field,
                reason="missing-field",
            )
    options = _texts(id_, "Options", row["Options"])
    answer = _texts(id_, "Answer", row["Answer"])
    kind = _kind(id_, row["Question type"])
    _check_answer(id_, kind, options, answer)
    return Item(
        id=id_,
        images=_texts(id_, "Path", row["Path"]),
        dataset=_text(id_, "Dataset", row["Dataset"]),
        topic=_text(id_, "Question topic", row["Question topic"]),
        kind=kind,
        question=_text(id_, "Question", row["Question"]),
        options=options,
        answer=answer,
        patient=None if row.get("Patient") is None else _text(id_, "Patient", row["Patient"]),
    )


def _row(item: Item) -> dict[str, object]:
    many = item.kind is Kind.MULTIPLE
    row: dict[str, object] = {
        "Path": item.images[0] if len(item.images) == 1 else list(item.images),
        "Dataset": item.dataset,
        "Question": item.question,
        "Question topic": item.topic,
        "Question type": str(item.kind),
        "Options": list(item.options),
        "Answer": list(item.answer) if many else item.answer[0],
    }
    return row if item.patient is None else {**row, "Patient": item.patient}


def _check_answer(id_: str, kind: Kind, options: tuple[str, ...], answer: tuple[str, ...]) -> None:
    if len({option.casefold() for option in options}) < len(options):
        raise InputError(
            f"id {id_}: an option occurs twice: {options}", field="Options", reason="bad-options"
        )
    strange = [part for part in answer if part not in options]
    if strange or len(set(answer)) < len(answer) or (kind is not Kind.MULTIPLE and len(answer) > 1):
        raise InputError(
            f"id {id_}: found {answer}; expected {'some' if kind is Kind.MULTIPLE else 'one'} "
            f"of the options {options}",
            field="Answer",
            reason="bad-answer",
        )


def _kind(id_: str, value: object) -> Kind:
    text = _text(id_, "Question type", value)
    if text not in list(Kind):
        raise InputError(
            f"id {id_}: found {text!r}; expected one of {', '.join(Kind)}",
            field="Question type",
            reason="bad-kind",
        )
    return Kind(text)


def _text(id_: str, field: str, value: object) -> str:
    if not isinstance(value, str) or not value.strip():
        raise InputError(
            f"id {id_}: found {value!r}; expected text", field=field, reason="bad-field"
        )
    return value


def _texts(id_: str, field: str, value: object) -> tuple[str, ...]:
    values = value if isinstance(value, list) else [value]
    if not values:
        raise InputError(f"id {id_}: the list is empty", field=field, reason="bad-field")
    return tuple(_text(id_, field, entry) for entry in values)
