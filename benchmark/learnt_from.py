"""Whether a model has learnt from the dataset that a task asks about, by what the model says.

The list of tasks calls a dataset external if its publishers never learnt from it. Another encoder
may have: then the task is internal for it, whatever the list says. What does not say what it has
learnt from is not called external either.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import yaml

from benchmark.tasks import Task
from versamammo.data.sources.archives.catalogue import ARCHIVES
from versamammo.files import parse_json

Standing = Literal["learnt", "not learnt", "unknown"]
CONFIG, ABOUT, CARD = "config.json", "about.json", "README.md"
OURS = ("versamammo", "versamammo_vlm")
# other names of public datasets, and larger ones that hold them
ALSO = {"ddsm": "cbis-ddsm", "vindr": "vindr-mammo", "minimias": "mias", "csawm": "csaw-m"}


@dataclass(frozen=True)
class LearntFrom:
    """What a model says that it has learnt from.

    Attributes:
        sources: names of datasets.
        complete: whether these are all; without, a dataset that is not named may be one too.
    """

    sources: tuple[str, ...] = ()
    complete: bool = False

    def __str__(self) -> str:
        named = ", ".join(self.sources)
        if self.complete:
            return named or "nothing"
        return f"{named}, and what else it does not say" if named else "unknown: it does not say"

    @classmethod
    def from_dict(cls, found: Mapping[str, Any]) -> LearntFrom:
        """Take back what `run.json` says of a model."""
        return cls(tuple(map(str, found.get("sources", ()))), bool(found.get("complete", False)))


def learnt_from(folder: Path) -> LearntFrom:
    """Return what a model's folder says that it was made from.

    Our own encoders and vision-language models say so in `config.json`. For any other model
    `sources` in an `about.json` beside it counts, an empty list for no mammogram at all, and
    `datasets` in the head of its card.
    """
    config, about = _json(folder / CONFIG), _json(folder / ABOUT)
    stated = [LearntFrom(_texts(about["sources"]), True)] if "sources" in about else []
    if config.get("model_type") in OURS:
        stated.append(_of_ours(config))
    elif named := _texts(_head(folder / CARD).get("datasets")):
        stated.append(LearntFrom(named, True))
    sources = sorted({name for one in stated for name in one.sources})
    # what a person states of the whole completes what the weights say of themselves
    return LearntFrom(tuple(sources), any(one.complete for one in stated))


def _of_ours(config: Mapping[str, Any]) -> LearntFrom:
    """Return what an encoder's or a vision-language model's config says."""
    if config.get("model_type") == OURS[1]:
        vision = config.get("vision_config") or {}
        encoder = _of_training(vision.get("training") or {})
        own = _texts(config.get("sources"))
        begun_here = not config.get("encoder_name")
        complete = bool(own) and (encoder.complete or begun_here)
        return LearntFrom((*own, *encoder.sources), complete)
    return _of_training(config.get("training") or {})


def _of_training(training: Mapping[str, Any]) -> LearntFrom:
    sources = _texts(training.get("sources"))
    return LearntFrom(sources, bool(sources) and not _texts(training.get("foreign")))


def names_of(archive: str, sources: Iterable[str]) -> tuple[str, ...]:
    """Return what a prepared archive may be called by a model that has learnt from it.

    Phantoms in an archive's layout are not that archive.

    Args:
        archive: name of its folder.
        sources: as its manifest calls them.
    """
    listed = set(sources)
    twins = {name for name in listed if "phantom" in name}
    return tuple(sorted(listed if twins and twins == listed else {archive, *listed}))


def standing(task: Task, model: LearntFrom, names: Mapping[str, Iterable[str]]) -> Standing:
    """Return whether a model has learnt from a dataset that a task asks about.

    Args:
        task: whose `sources` are asked about.
        model: what it says.
        names: archive -> what it may be called, by `names_of`.
    """
    asked = {plain(name) for one in task.sources for name in names.get(one, (one,))}
    if asked & {plain(name) for name in model.sources}:
        return "learnt"
    return "not learnt" if model.complete else "unknown"


def plain(name: str) -> str:
    """Return a dataset's name without what is spelt in several ways."""
    bare = re.sub("[^a-z0-9]", "", name.rpartition("/")[2].lower())
    known = {
        re.sub("[^a-z0-9]", "", spelt.lower()): archive.name
        for archive in ARCHIVES.values()
        for spelt in (archive.name, archive.title)
    }
    return ALSO.get(bare, known.get(bare, bare))


def _texts(found: Any) -> tuple[str, ...]:
    if isinstance(found, str):
        return (found,)
    return tuple(map(str, found)) if isinstance(found, list | tuple) else ()


def _json(path: Path) -> dict[str, Any]:
    try:
        found = parse_json(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return found if isinstance(found, dict) else {}


def _head(card: Path) -> dict[str, Any]:
    """Return the YAML at the head of a card, which model hubs read; empty if there is none."""
    try:
        text = card.read_text(encoding="utf-8", errors="replace")
        found = yaml.safe_load(text.split("---", 2)[1]) if text.startswith("---") else {}
    except (OSError, IndexError, yaml.YAMLError):
        return {}
    return found if isinstance(found, dict) else {}
