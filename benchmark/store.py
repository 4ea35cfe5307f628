"""What a run leaves on disk: one folder per model and task, one line per record, one key.

    OUT/<model>/<task>/task.json         what was asked, the key, what became of every image
    OUT/<model>/<task>/samples.jsonl     records, appended one by one
    OUT/<model>/<task>/validation.jsonl  records of validation patients
    OUT/<model>/<task>/done.json         written last: how many records there are

The key is a hash of task, rows, model, settings and our version. Where it still fits, whole
records are kept and the rest is appended; where it does not, the folder is begun again.
"""

from __future__ import annotations

import hashlib
import json
import math
import shutil
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import asdict, fields
from pathlib import Path
from typing import Any

from benchmark.metrics.task_figures import SAMPLE_OF
from benchmark.samples import Sample
from benchmark.tasks import Task
from versamammo import __version__
from versamammo.config import plain
from versamammo.files import parse_json, write_atomically

TASK, SAMPLES, VALIDATION, DONE = "task.json", "samples.jsonl", "validation.jsonl", "done.json"


def key_of(task: Task, rows: str, model: str, settings: Any) -> str:
    """Name what is measured by a hash."""
    told = [__version__, plain(task), rows, model, plain(settings)]
    return hashlib.sha256(json.dumps(told, sort_keys=True).encode()).hexdigest()[:16]


class TaskFolder:
    """The records of one model on one task.

    Attributes:
        folder: where they lie.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def begin(self, key: str, told: Mapping[str, Any]) -> None:
        """Keep what fits the key, or begin again."""
        if self.described().get("key") != key:
            shutil.rmtree(self.folder, ignore_errors=True)
        self.folder.mkdir(parents=True, exist_ok=True)
        write_atomically(self.folder / TASK, _json({"key": key, **told}))

    def described(self) -> dict[str, Any]:
        """Return what `begin` wrote; empty if there is none."""
        return _read(self.folder / TASK)

    @property
    def expected(self) -> int:
        """How many records there are when the task is done."""
        return int(self.described().get("expected", 0))

    @property
    def done(self) -> bool:
        """Whether every record was written."""
        return bool(_read(self.folder / DONE))

    def whole_lines(self) -> int:
        """Count the records that were written; half a line at the end is cut off."""
        path = self.folder / SAMPLES
        if not path.is_file():
            return 0
        data = path.read_bytes()
        whole = data.rpartition(b"\n")[0]
        if len(data) != (len(whole) + 1 if whole else 0):
            write_atomically(path, whole + b"\n" if whole else b"")
        return whole.count(b"\n") + 1 if whole else 0

    def write(self, samples: Iterable[Sample], validation: Iterable[Sample] = ()) -> int:
        """Append what is not there yet; returns how many records there are."""
        kept = self.whole_lines()
        write_atomically(
            self.folder / VALIDATION, "".join(map(line_of, validation)).encode(), durable=False
        )
        count = 0
        with (self.folder / SAMPLES).open("a", encoding="utf-8") as log:
            for count, sample in enumerate(samples, start=1):
                if count > kept:
                    log.write(line_of(sample))
                    log.flush()
        write_atomically(self.folder / DONE, _json({"records": count}))
        return count

    def samples(self, kind: str, name: str = SAMPLES) -> list[Sample]:
        """Read the whole records."""
        path = self.folder / name
        if not path.is_file():
            return []
        whole = path.read_text(encoding="utf-8").rpartition("\n")[0]
        return [sample_of(kind, line) for line in whole.splitlines()]


def task_folders(out: Path, model: str) -> Iterator[tuple[str, TaskFolder]]:
    """Return the tasks of a model that were begun."""
    for path in sorted((out / model).glob(f"*/{TASK}")):
        yield path.parent.name, TaskFolder(path.parent)


def line_of(sample: Sample) -> str:
    """Spell a record as one line of JSON; NaN is null."""
    return json.dumps(_finite(asdict(sample)), ensure_ascii=False) + "\n"


def sample_of(kind: str, line: str) -> Sample:
    """Read what `line_of` wrote."""
    made = SAMPLE_OF[kind]
    record = parse_json(line)
    return made(**{field.name: _tuples(record[field.name], field.name) for field in fields(made)})


def _finite(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _finite(entry) for key, entry in value.items()}
    if isinstance(value, list | tuple):
        return [_finite(entry) for entry in value]
    return None if isinstance(value, float) and math.isnan(value) else value


def _tuples(value: Any, name: str) -> Any:
    if isinstance(value, list):
        return tuple(math.nan if one is None else _tuples(one, name) for one in value)
    return math.nan if value is None and name == "average_precision" else value


def _read(path: Path) -> dict[str, Any]:
    try:
        found = parse_json(path.read_text())
    except (OSError, ValueError):
        return {}
    return found if isinstance(found, dict) else {}


def _json(record: Mapping[str, Any]) -> bytes:
    return (json.dumps(record, indent=1, sort_keys=True) + "\n").encode()
