"""A bench of every topic and kind of question about small pictures, of images and of exams."""

from __future__ import annotations

import importlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import yaml
from datasets import Dataset, load_dataset

from benchmark.lmms.task_folder import TaskSettings, write_task
from benchmark.lmms.task_functions import item_of
from tests.benchmark.rivals.conftest import breast
from versamammo.vqa import Item, Kind, write_bench

LEVELS = ("Level A", "Level B", "Level C", "Level D")
SEEN = ("Normal", "Mass", "Calcification", "Skin thickening", "Skin retraction")
ASKED = (
    ("View", Kind.SINGLE, ("CC", "MLO")),
    ("ACR", Kind.SINGLE, LEVELS),
    ("Pathology", Kind.SINGLE, ("Normal", "Benign", "Malignant")),
    ("Abnormality", Kind.MULTIPLE, SEEN),
    ("Implant", Kind.YES_NO, ("Yes", "No")),
)
DATASETS = ("Made-up-breast", "Made-up-finding", "Made-up")
# right, wrong, several, denied, lettered, thought aloud, refused, empty, never given
SAID = (
    "{0}", "{1}", "{0}, {1}", "not {1}, but {0}", "A", "B.", "<think>{1}?</think>\n\n{0}",
    "I cannot tell", "", "The answer is {0}", "[LMMS_EVAL_REQUEST_FAILED after 5 retries] {0}",
)  # fmt: skip


def items(count: int, most: int) -> list[Item]:
    """Make questions about one to `most` pictures each, three of a patient."""
    made = []
    for number in range(count):
        topic, kind, options = ASKED[number % len(ASKED)]
        right = options[number // len(ASKED) % len(options)]
        also = (SEEN[4],) if kind is Kind.MULTIPLE and right == SEEN[3] else ()
        views = 1 + number % most
        made.append(
            Item(
                str(number + 1), tuple(f"/{number}/{view}.jpg" for view in range(views)),
                DATASETS[number % len(DATASETS)], topic, kind, f"what of the {topic}?", options,
                (right, *also), patient=f"p{number // 3}",
            )
        )  # fmt: skip
    return made


def said_of(item: Item, number: int) -> str:
    """Return what a model that is often wrong says."""
    wrong = next(option for option in item.options if option not in item.answer)
    return SAID[number % len(SAID)].format(item.answer[0], wrong)


@dataclass(frozen=True)
class Read:
    """A written task as lmms-eval holds it: its settings with functions, and its rows."""

    config: dict[str, Any]
    docs: Dataset

    @property
    def settings(self) -> dict[str, Any]:
        return self.config["lmms_eval_specific_kwargs"]["default"]

    @property
    def items(self) -> list[Item]:
        return [item_of(doc) for doc in self.docs]

    def scores(self, said: Sequence[str]) -> dict[str, float]:
        """Score answers as lmms-eval does: each alone, then each metric over what they left."""
        left: dict[str, list[Any]] = {}
        for doc, text in zip(self.docs, said, strict=True):
            for name, value in self.config["process_results"](doc, [text.strip()]).items():
                left.setdefault(name, []).append(value)
        metrics: dict[str, Callable[[list[Any]], float]] = {
            one["metric"]: one["aggregation"] for one in self.config["metric_list"]
        }
        return {name: metrics[name](values) for name, values in left.items() if name in metrics}


class _Loader(yaml.SafeLoader):
    pass


def _function(loader: _Loader, node: yaml.ScalarNode) -> Any:
    module, _, name = str(node.value).rpartition(".")
    return getattr(importlib.import_module(module), name)


_Loader.add_constructor("!function", _function)


def read_task(file: Path, cache: Path) -> Read:
    """Read a task by lmms-eval's rules: the template first, files beside the YAML."""
    own = yaml.load(file.read_text(), _Loader)
    template = yaml.load((file.parent / own.pop("include")).read_text(), _Loader)
    files = {
        split: str(file.parent / name)
        for split, name in own["dataset_kwargs"]["data_files"].items()
    }
    made = load_dataset(template["dataset_path"], data_files=files, cache_dir=str(cache))
    return Read({**template, **own}, made[template["test_split"]])


@pytest.fixture(params=["image", "exam"])
def task(request: pytest.FixtureRequest, tmp_path: Path) -> TaskSettings:
    """Sixty questions about one picture, or about one to seven."""
    made = items(60, 1 if request.param == "image" else 7)
    for number, item in enumerate(made):
        for view, path in enumerate(item.images):
            file = tmp_path / "images" / path.lstrip("/")
            file.parent.mkdir(parents=True, exist_ok=True)
            breast(10 * number + view).save(file)
    write_bench(tmp_path / f"{request.param}.json", made)
    settings = TaskSettings(
        tmp_path / f"{request.param}.json", tmp_path / "images", tmp_path / "tasks", side=64
    )
    assert write_task(settings).name == f"mammovqa_{request.param}"
    return settings
