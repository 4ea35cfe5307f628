"""The scorer as a local `evaluate.Metric`; `evaluate.load` of this file asks no server.

`evaluate.load(benchmark.vqa.metric.__file__).compute(references=ids, predictions=answers,
bench="BENCH.json")`; the bench may be handed to the call as a path only.
"""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

import datasets
import evaluate

from benchmark.vqa.answers import ModelAnswer, match
from benchmark.vqa.scoring import grade, score
from versamammo import NOTICE
from versamammo.vqa import read_bench


class MammographyVQA(evaluate.Metric):  # type: ignore[misc]
    """Class-balanced accuracy of answers, as `versamammo score` tells it; references are ids."""

    def _info(self) -> evaluate.MetricInfo:
        features = {"predictions": datasets.Value("string"), "references": datasets.Value("string")}
        return evaluate.MetricInfo(
            description=f"Class-balanced accuracy of closed mammogram questions. {NOTICE}",
            citation="",
            features=datasets.Features(features),
        )

    def _compute(
        self,
        predictions: list[str],
        references: list[str],
        bench: str,
        resamples: int = 2000,
        seed: int = 0,
    ) -> dict[str, Any]:
        items = read_bench(bench)
        pairs = zip(references, predictions, strict=True)
        answers, coverage = match(items, [ModelAnswer(id_, text) for id_, text in pairs])
        report = score(grade(items, answers, coverage), resamples=resamples, seed=seed)
        made = report.headline.balanced
        return {
            "balanced_accuracy": made.value,
            "interval": (made.low, made.high),
            "n": made.n,
            "patients": made.patients,
            "outcomes": dict(report.headline.outcomes),
            "topics": {
                one.name: asdict(one.balanced) for one in report.figures if one.scope == "topic"
            },
            "notice": NOTICE,
        }
