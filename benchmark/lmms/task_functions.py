"""What the YAML files of our lmms-eval tasks name: questions, pictures, scores, aggregation.

lmms-eval imports this module; nothing here imports lmms-eval. Each answer is scored by our scorer
and by the published one as it comes in, and a metric is made of what its answers left.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from benchmark.rivals.rgb_pictures import RivalPictures
from benchmark.vqa.answers import ModelAnswer
from benchmark.vqa.intervals import Estimate, estimate, tabulate
from benchmark.vqa.published_scorer import legacy_score, shares_of, weighted_accuracy
from benchmark.vqa.scoring import grade
from versamammo.errors import InputError
from versamammo.vqa import Item, Kind
from versamammo.vqa.asking import prompt_of

OURS, PUBLISHED, WEIGHTED = "balanced_accuracy", "published_accuracy", "published_weighted"
# what lmms-eval puts in place of an answer that a server never gave
NO_ANSWER = ("[LMMS_EVAL_REQUEST_FAILED", "[LMMS_EVAL_BUDGET_EXCEEDED")

Doc = Mapping[str, Any]


def doc_of(item: Item) -> dict[str, Any]:
    """Return an item as a row of a task's dataset, with the question as it is put."""
    return {
        "id": item.id,
        "prompt": prompt_of(item),
        "images": list(item.images),
        "dataset": item.dataset,
        "topic": item.topic,
        "kind": str(item.kind),
        "question": item.question,
        "options": list(item.options),
        "answer": list(item.answer),
        "patient": item.patient,
    }


def item_of(doc: Doc) -> Item:
    """Return the item that a row was made from."""
    return Item(
        id=doc["id"],
        images=tuple(doc["images"]),
        dataset=doc["dataset"],
        topic=doc["topic"],
        kind=Kind(doc["kind"]),
        question=doc["question"],
        options=tuple(doc["options"]),
        answer=tuple(doc["answer"]),
        patient=doc["patient"],
    )


def doc_to_visual(doc: Doc, settings: Mapping[str, Any]) -> list[Image.Image]:
    """Return all pictures of an item, RGB, in the order of the file.

    Args:
        doc: a row.
        settings: `images`, the folder that paths begin in, and `side`, the longest side in pixels.

    Raises:
        InputError: a picture is gone or cannot be read.
    """
    shown = _pictures(settings["images"], settings["side"])
    return [shown.take(path) for path in doc["images"]]


def doc_to_text(doc: Doc, settings: Mapping[str, Any] | None = None) -> str:
    """Return the question with its options, in the words that `bench vqa` puts it."""
    return str(doc["prompt"])


def doc_to_target(doc: Doc) -> str:
    """Return the right options, separated by commas."""
    return ", ".join(doc["answer"])


def process_results(doc: Doc, results: Sequence[str]) -> dict[str, Any]:
    """Return what an answer adds to each metric, and the line that `versamammo score` reads.

    Args:
        doc: a row.
        results: the answer alone.
    """
    item = item_of(doc)
    said = None if results[0].startswith(NO_ANSWER) else results[0]
    answer = ModelAnswer(item.id, said, doc["prompt"])
    made: dict[str, Any] = {"id": answer.id, "answer": said, "prompt": answer.prompt}
    return made | _ours(item, answer) | _published(item, answer)


def balanced_accuracy(records: Sequence[Mapping[str, Any]]) -> float:
    """Return the mean over topics of the mean over classes of the share answered rightly."""
    return _estimate(records, resamples=1).value


def balanced_low(records: Sequence[Mapping[str, Any]]) -> float:
    """Return the lower end of its 95 % interval over patients; NaN for a single one."""
    return _estimate(records).low


def balanced_high(records: Sequence[Mapping[str, Any]]) -> float:
    """Return the upper end of its 95 % interval over patients; NaN for a single one."""
    return _estimate(records).high


def published_accuracy(values: Sequence[int]) -> float:
    """Return the share of answers that the published scorer calls right."""
    return float(np.mean(values))


def published_weighted(records: Sequence[Mapping[str, Any]]) -> float:
    """Return the published weighted accuracy, in which rare classes weigh more."""
    return weighted_accuracy(
        [(tuple(one["class"]), one["right"], one["scored"]) for one in records]
    )


def metrics_of(items: Sequence[Item]) -> dict[str, str]:
    """Return the metrics that items allow, each with the function here that aggregates it.

    A topic at which the published scorer stops has none of its metrics.
    """
    made = {OURS: "balanced_accuracy", f"{OURS}_low": "balanced_low"}
    made[f"{OURS}_high"] = "balanced_high"
    made |= {_named(OURS, name): "balanced_accuracy" for name in sorted({i.group for i in items})}
    stops: set[str] = set()
    names: dict[str, str] = {}
    for item in items:
        try:
            scored = [share.name for share in shares_of(item) if share.scored]
        except InputError:
            stops.add(item.topic)
        else:
            names |= dict.fromkeys(scored, item.topic)
    for name in sorted(name for name, topic in names.items() if topic not in stops):
        made |= {_named(PUBLISHED, name): "published_accuracy"}
        made |= {_named(WEIGHTED, name): "published_weighted"}
    return made


def _ours(item: Item, answer: ModelAnswer) -> dict[str, Any]:
    record = {
        "right": grade((item,), {item.id: answer}).correct[0],
        "topic": item.group,
        "class": sorted(item.answer),
        "cluster": item.cluster,
        "part": [item.dataset, str(item.kind)],
        "id": item.id,
    }
    names = (OURS, f"{OURS}_low", f"{OURS}_high", _named(OURS, item.group))
    return dict.fromkeys(names, record)


def _published(item: Item, answer: ModelAnswer) -> dict[str, Any]:
    try:
        shares = shares_of(item)
    except InputError:  # its topic has no published metric
        return {}
    right = legacy_score(answer.text or "", prompt_of(item), item)
    made: dict[str, Any] = {}
    for share in shares:
        made[_named(WEIGHTED, share.name)] = {
            "right": right, "class": list(share.klass), "scored": share.scored,
        }  # fmt: skip
        made |= {_named(PUBLISHED, share.name): right} if share.scored else {}
    return made


def _estimate(records: Sequence[Mapping[str, Any]], resamples: int = 2000) -> Estimate:
    # several processes leave their answers one after the other: back to the order of the file
    rows = sorted(records, key=lambda one: int(one["id"]))
    cells = [(tuple(one["part"]), one["topic"], tuple(one["class"])) for one in rows]
    table = tabulate([one["cluster"] for one in rows], cells, [one["right"] for one in rows])
    (made,) = estimate(table, [range(len(table.cells))], resamples=resamples)
    return made


def _named(metric: str, figure: str) -> str:
    return f"{metric}_{re.sub(r'[^a-z0-9]+', '_', figure.lower()).strip('_')}"


@lru_cache(maxsize=8)
def _pictures(folder: str, side: int) -> RivalPictures:
    return RivalPictures(Path(folder), side)
