from __future__ import annotations

import json
from pathlib import Path

import evaluate
import pytest

from app.cli import main
from benchmark.vqa import metric
from benchmark.vqa.controls import majority, text_prior
from benchmark.vqa.scoring import score
from versamammo import NOTICE
from versamammo.vqa import write_bench


@pytest.fixture
def bench(tmp_path, ask) -> Path:
    """Sixty questions to twenty patients, two topics, two words that give the answer away."""
    items = []
    for n in range(60):
        truth = ("Normal", "Malignant", "Benign")[n % 3]
        topic = "Pathology" if n < 40 else "Other"
        words = f"Is it like {truth}?" if n < 40 else "What is it?"
        items.append(ask(truth, id=str(n + 1), topic=topic, patient=f"p{n % 20}", question=words))
    write_bench(tmp_path / "bench.json", items)
    return tmp_path / "bench.json"


def said(folder: Path, name: str, answers: list[str]) -> str:
    rows = (json.dumps({"id": n, "answer": text}) for n, text in enumerate(answers, 1))
    (folder / name).write_text("\n".join(rows))
    return str(folder / name)


RIGHT = ["Normal", "Malignant", "Benign"] * 20


def test_json_holds_every_figure_with_n_interval_and_controls(tmp_path, bench, capsys):
    good = said(tmp_path, "good.jsonl", [*RIGHT[:57], "I cannot tell", "", "Benign"])
    blank = said(tmp_path, "blank.jsonl", ["Normal"] * 60)
    words = ["score", good, "--bench", str(bench), "--against", blank, "--json", "--legacy"]
    assert main([*words, "--control", f"blank={blank}", "--resamples", "200"]) == 0
    read = json.loads(capsys.readouterr().out)
    head = read["figures"][0]
    assert (head["outcomes"]["refused"], head["outcomes"]["failed"]) == (1, 1)
    assert head["balanced"]["n"] == 60
    assert head["balanced"]["low"] < head["balanced"]["value"] <= head["balanced"]["high"]
    controls = {name: row["figures"][0]["balanced"] for name, row in read["controls"].items()}
    assert controls["blank"]["value"] == pytest.approx(1 / 3)
    assert read["not_given"] == ["shuffled", "reordered"]
    assert read["against"][0]["difference"]["p"] < 0.05
    assert read["legacy"]
    assert (read["complete"], read["notice"]) == (True, NOTICE)


def test_an_incomplete_answer_file_is_refused_or_labelled(tmp_path, bench, capsys):
    part = said(tmp_path, "part.jsonl", RIGHT[:50])
    assert main(["score", part, "--bench", str(bench)]) == 2
    assert "10 ids without an answer" in capsys.readouterr().err
    assert main(["score", part, "--bench", str(bench), "--allow-missing"]) == 0
    out = capsys.readouterr().out
    assert out.startswith("INCOMPLETE: 10 items without answer")
    assert out.rstrip().endswith(NOTICE)


def test_the_text_prior_sees_words_that_give_the_answer_away_and_majority_does_not(ask):
    items = [
        ask(t, id=str(n), patient=str(n), question=f"Like {t}?") for n, t in enumerate(RIGHT, 1)
    ]
    assert score(text_prior(items), resamples=100).headline.balanced.value == 1
    assert score(majority(items), resamples=100).headline.balanced.value == pytest.approx(1 / 3)


def test_the_local_metric_tells_the_figures_of_the_command_without_a_hub(
    tmp_path, bench, monkeypatch, capsys
):
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    loaded = evaluate.load(metric.__file__)
    ids = [str(n) for n in range(1, 61)]
    answers = [*RIGHT[:50], *["Normal"] * 9, "I cannot tell"]
    made = loaded.compute(predictions=answers, references=ids, bench=str(bench), resamples=100)
    file = said(tmp_path, "some.jsonl", answers)
    assert main(["score", file, "--bench", str(bench), "--json", "--resamples", "100"]) == 0
    told = json.loads(capsys.readouterr().out)["figures"]
    whole = told[0]["balanced"]
    assert 0.8 < made["balanced_accuracy"] == whole["value"] < 1
    assert made["interval"] == (whole["low"], whole["high"])
    assert (made["n"], made["patients"], made["outcomes"]) == (60, 20, told[0]["outcomes"])
    topics = {one["name"]: one["balanced"] for one in told if one["scope"] == "topic"}
    assert made["topics"] == topics
    assert len(topics) == 2
