"""A folder of tasks that lmms-eval reads with `--include_path`: one bench file is one task."""

from __future__ import annotations

import io
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet
import yaml

from benchmark.lmms import task_functions
from benchmark.lmms.task_functions import doc_of, metrics_of, process_results
from benchmark.rivals.rgb_pictures import SIDE, RivalPictures
from versamammo.errors import InputError, naming
from versamammo.files import alone_in, write_atomically
from versamammo.vqa import BadItem, Item, read_items

TEMPLATE = "_default_template_mammovqa_yaml"
TEXTS = pa.list_(pa.string())
SCHEMA = pa.schema(
    {
        **dict.fromkeys(("id", "prompt", "dataset", "topic", "kind", "question"), pa.string()),
        **dict.fromkeys(("images", "options", "answer"), TEXTS),
        "patient": pa.string(),
    }
)


@dataclass(frozen=True)
class TaskSettings:
    """What a task is made of.

    Attributes:
        bench: MammoVQA JSON of items.
        images: a prepared archive, or the folder that the items' paths begin in.
        out: folder of tasks.
        name: of the task; empty for `mammovqa_image`, or `mammovqa_exam` where an item has several
            pictures.
        side: pixels of a picture's longest side.
        most_words: tokens of one answer.
        allow_missing: leave out items whose pictures are not there.
    """

    bench: Path
    images: Path
    out: Path
    name: str = ""
    side: int = SIDE
    most_words: int = 48
    allow_missing: bool = False


@dataclass(frozen=True)
class WrittenTask:
    """A task that lmms-eval can run.

    Attributes:
        name: of the task.
        file: its YAML.
        items: questions in it.
        left_out: items of the bench that cannot be asked, and why.
    """

    name: str
    file: Path
    items: int
    left_out: tuple[BadItem, ...]


class _Function(str):
    """The name of a function, which lmms-eval imports."""

    __slots__ = ()


class _Dumper(yaml.SafeDumper):  # type: ignore[misc]
    """Writes functions under their tag."""


_Dumper.add_representer(
    _Function, lambda dumper, name: dumper.represent_scalar("!function", str(name))
)


def write_task(settings: TaskSettings) -> WrittenTask:
    """Write the questions of a bench and the YAML that names them; the YAML comes last.

    Raises:
        InputError: the bench, the images or the name cannot be used, or a picture is missing.
    """
    _check(settings)
    items, bad = read_items(settings.bench)
    items, missing = _with_pictures(items, settings)
    if not items:
        raise [*bad, *missing][0].error
    name = settings.name or f"mammovqa_{_level(items)}"
    docs = [doc_of(item) for item in items]
    with naming(settings.bench):
        for doc in docs:  # what cannot be scored is found here, not after hours of answers
            process_results(doc, [""])
    table = io.BytesIO()
    pa.parquet.write_table(pa.Table.from_pylist(docs, SCHEMA), table)
    file = settings.out / f"{name}.yaml"
    with alone_in(settings.out, "--out"):
        write_atomically(file.with_suffix(".parquet"), table.getvalue())
        template = Path(__file__).with_name(TEMPLATE)
        write_atomically(settings.out / TEMPLATE, template.read_bytes())
        write_atomically(file, _yaml(name, items, settings).encode())
    return WrittenTask(name, file, len(items), (*bad, *missing))


def _check(settings: TaskSettings) -> None:
    """Look at what is a matter of options alone.

    Raises:
        InputError: an option cannot be used.
    """
    if settings.most_words < 1:
        message = f"found {settings.most_words}; expected 1 or more"
        raise InputError(message, field="most-words", reason="bad-option")
    if not re.fullmatch(r"[\w-]*", settings.name):
        message = f"found {settings.name!r}; expected letters, digits, _ and -"
        raise InputError(message, field="name", reason="bad-option")


def _level(items: Sequence[Item]) -> str:
    return "exam" if any(len(item.images) > 1 for item in items) else "image"


def _with_pictures(
    items: Sequence[Item], settings: TaskSettings
) -> tuple[tuple[Item, ...], tuple[BadItem, ...]]:
    """Part items whose pictures are all there from the others, which have to be allowed.

    Raises:
        InputError: a picture is missing, and that is not allowed.
    """
    shown = RivalPictures(settings.images, settings.side)
    there, missing = [], []
    for item in items:
        try:
            for path in item.images:
                shown.place(path)
        except InputError as error:
            missing.append(BadItem(item.id, error))
        else:
            there.append(item)
    if missing and not settings.allow_missing:
        message = (
            f"{len(missing)} items have a picture that is not there, the first id {missing[0].id} "
            f"({missing[0].error}); --allow-missing leaves them out"
        )
        raise InputError(message, file=settings.bench, field="images", reason="missing-file")
    return tuple(there), tuple(missing)


def _yaml(name: str, items: Sequence[Item], settings: TaskSettings) -> str:
    """Write what this task has of its own; the rest stands in the template."""
    functions = task_functions.__name__
    made: dict[str, Any] = {
        "include": TEMPLATE,
        "task": name,
        "dataset_kwargs": {"data_files": {"test": f"{name}.parquet"}},
        # no text ends an answer early: a model that thinks aloud leaves empty lines
        "generation_kwargs": {
            "max_new_tokens": settings.most_words, "temperature": 0, "do_sample": False,
            "until": [],
        },
        "lmms_eval_specific_kwargs": {
            "default": {"images": str(settings.images.resolve()), "side": settings.side}
        },
        "metric_list": [
            {"metric": metric, "aggregation": _Function(f"{functions}.{function}"),
             "higher_is_better": True}
            for metric, function in metrics_of(items).items()
        ],
    }  # fmt: skip
    return str(yaml.dump(made, Dumper=_Dumper, sort_keys=False))
