"""Every figure of the published scorer, against a plain re-telling of its rule.

`published/` holds one small hand-made result file with every dataset and topic of the published
scorer and a dataset that it does not list, answered in letters, texts, sentences and nonsense.
"""

from __future__ import annotations

import difflib
import json
import re
from collections import defaultdict
from pathlib import Path

import pytest
from rapidfuzz import fuzz, utils

from app import cli
from benchmark.vqa.answers import read_answers
from benchmark.vqa.published_scorer import legacy_report
from versamammo.vqa import read_bench

HERE = Path(__file__).parent / "published"
DATASETS = {
    "MIAS-breast", "DMID-breast", "BMCD", "INbreast", "KAU-BCMD", "VinDr-Mammo-breast", "CDD-CESM",
    "CBIS-DDSM-breast", "CSAW-M", "RSNA", "DMID-finding", "MIAS-finding", "VinDr-Mammo-finding",
    "CBIS-DDSM-finding", "INbreast-extra",
}  # fmt: skip
TOPICS = {
    "View", "Laterality", "ACR", "Bi-Rads", "Background tissue", "Pathology", "Subtlety",
    "Masking potential", "Abnormality",
}  # fmt: skip


def forms_of(prompt: str) -> dict[str, list[str]]:
    """Bare option -> its three forms."""
    entries = prompt.split("### Options:")[1].split(". ### Answer:")[0].split(",")
    return {e.split(":")[1].strip(): [e.split(":")[0].strip(), e.strip(),
                                      e.split(":")[1].strip()] for e in entries}  # fmt: skip


def closest(said: str, forms: dict[str, list[str]]) -> str | None:
    def difflib_ratio(a: str, b: str) -> float:
        return difflib.SequenceMatcher(None, a.lower(), b.lower()).ratio()

    def fuzzy(a: str, b: str) -> int:
        return round(fuzz.WRatio(a, b, processor=utils.default_process))

    for alike in (difflib_ratio, fuzzy):
        table = [(alike(said, form), option) for option, three in forms.items() for form in three]
        highest = max(table)[0]
        at_the_top = {option for value, option in table if value == highest}
        if len(at_the_top) == 1:
            return at_the_top.pop()
        sums: dict[str, float] = defaultdict(float)
        for value, option in table:
            sums[option] += value
        at_the_top = {option for option, total in sums.items() if total == max(sums.values())}
        if len(at_the_top) == 1:
            return at_the_top.pop()
    return None


def points(row: dict, given: dict) -> float:
    forms = forms_of(given["qas_question"])
    if row["Question type"] != "multiple choice":
        return float(closest(given["qas_answer"], forms) == row["Answer"])
    tokens = set(re.findall(r"\w+", given["qas_answer"].lower()))
    picked = set()
    for option, three in forms.items():
        if any(tokens & set(re.findall(r"\w+", form.lower())) for form in three):
            picked.add(option)
    return float(picked == set(row["Answer"]))


def balanced(rows: list[tuple[str, float]], among: list[str]) -> float:
    """Weigh each score by n / count of its class."""
    weights = [len(rows) / among.count(klass) for klass, _ in rows]
    return sum(w * score for w, (_, score) in zip(weights, rows, strict=True)) / sum(weights)


def told_again() -> dict[tuple[str, str, str], float]:
    bench = json.loads((HERE / "bench.json").read_text())
    result = json.loads((HERE / "result.json").read_text())
    rows = [
        (bench[key]["Dataset"], bench[key]["Question topic"],
         str(sorted(bench[key]["Answer"])), points(bench[key], given))
        for key, given in result.items()
    ]  # fmt: skip
    figures: dict[tuple[str, str, str], float] = {}
    for name in {row[0] for row in rows}:
        scores = [row[3] for row in rows if row[0] == name]
        figures["dataset", name, "accuracy"] = sum(scores) / len(scores)
    for name in {row[1] for row in rows}:
        own = [(row[2], row[3]) for row in rows if row[1] == name]
        plain = sum(score for _, score in own) / len(own)
        figures["topic", name, "accuracy"] = plain
        weighted = balanced(own, [klass for klass, _ in own])
        figures["topic", name, "weighted"] = plain if name == "Abnormality" else weighted
    for name in ("Pathology", "Abnormality"):
        for part in ("breast", "finding"):
            whole = [r for r in rows if r[1] == name
                     and r[0].endswith("finding") == (part == "finding")]  # fmt: skip
            used = [r for r in whole if name == "Pathology" or r[0].endswith(part)]
            own = [(row[2], row[3]) for row in used]
            figures["part", f"{name} ({part})", "accuracy"] = sum(s for _, s in own) / len(own)
            figures["part", f"{name} ({part})", "weighted"] = balanced(own, [r[2] for r in whole])
    return figures


def test_every_published_figure_is_reproduced() -> None:
    items, answers = read_bench(HERE / "bench.json"), read_answers(HERE / "result.json")
    ours = {}
    for figure in legacy_report(items, answers, resamples=100):
        ours[figure.scope, figure.name, "accuracy"] = figure.accuracy
        if figure.weighted is not None:
            ours[figure.scope, figure.name, "weighted"] = figure.weighted
    wanted = told_again()
    assert {name for scope, name, _ in wanted if scope == "dataset"} == DATASETS
    assert {name for scope, name, _ in wanted if scope == "topic"} == TOPICS
    assert ours == pytest.approx(wanted)
    # 15 datasets, 9 topics plain and weighted, 4 parts plain and weighted
    assert len(ours) == 15 + 2 * 9 + 2 * 4


def test_the_command_prints_each_of_them(capsys: pytest.CaptureFixture[str]) -> None:
    files = [str(HERE / "result.json"), "--bench", str(HERE / "bench.json")]
    assert cli.main(["score", *files, "--legacy", "--json", "--resamples", "100"]) == 0
    shown = json.loads(capsys.readouterr().out)["legacy"]
    assert {(one["scope"], one["name"]) for one in shown} == {key[:2] for key in told_again()}
