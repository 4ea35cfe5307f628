"""Time the scoring of many answers, with intervals, beside the published way in the same run.

    python scripts/bench_scoring.py --answers 100000 --published 100000

The published way is `benchmark.vqa.published_scorer`, written from its description; its BCa
interval grows with the square of the answers, so that it can be timed on fewer and is then reported
as such.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable

import numpy as np

from benchmark.vqa.answers import ModelAnswer, match
from benchmark.vqa.published_scorer import legacy_report, published_prompt
from benchmark.vqa.scoring import grade, score
from versamammo.vqa import Item, Kind

TOPICS = {
    "View": ("MLO", "CC"),
    "ACR": ("Level A", "Level B", "Level C", "Level D"),
    "Bi-Rads": tuple(f"Bi-Rads {n}" for n in range(6)),
    "Pathology": ("Normal", "Malignant", "Benign"),
    "Abnormality": ("Normal", "Calcification", "Mass", "Asymmetry", "Skin thickening"),
}


def made_up(count: int, seed: int = 0) -> tuple[list[Item], list[ModelAnswer]]:
    """Make items of four per patient and answers right more often than by chance."""
    rng = np.random.default_rng(seed)
    items, answers = [], []
    for n in range(1, count + 1):
        topic = list(TOPICS)[n % len(TOPICS)]
        options = tuple(map(str, rng.permutation(TOPICS[topic])))
        truth = str(rng.choice(options))
        kind = Kind.MULTIPLE if topic == "Abnormality" else Kind.SINGLE
        item = Item(
            str(n), (f"/S/{n}/img.jpg",), "S-breast", topic, kind, f"Which {topic}?", options,
            (truth,), str(n // 4),
        )  # fmt: skip
        letter = chr(65 + options.index(truth))
        forms = (
            truth,
            letter,
            f"The answer is {truth}.",
            str(rng.choice(options)),
            "I cannot tell",
        )
        items.append(item)
        answers.append(ModelAnswer(str(n), str(rng.choice(forms)), published_prompt(item)))
    return items, answers


def timed(work: Callable[[], object]) -> float:
    start = time.perf_counter()
    work()
    return time.perf_counter() - start


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--answers", type=int, default=100_000)
    parser.add_argument("--published", type=int, default=20_000)
    given = parser.parse_args()
    items, answers = made_up(given.answers)
    for count in (given.answers, given.published):
        some, said = items[:count], answers[:count]
        ours = timed(lambda some=some, said=said: score(grade(some, match(some, said)[0])))
        print(f"ours: {count} answers, 2000 patient-clustered resamples: {ours:.2f} s")
    old = timed(lambda: legacy_report(items[: given.published], answers[: given.published]))
    print(f"published way: {given.published} answers, 9999 BCa resamples: {old:.2f} s")
    print(f"ratio at {given.published} answers: {old / ours:.1f}")


if __name__ == "__main__":
    main()
