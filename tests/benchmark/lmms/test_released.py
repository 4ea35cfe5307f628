"""The released lmms-eval runs our tasks with a tiny model, and its figures are ours.

It has an environment of its own, since it wants other versions than our development tools do:
`docs/benchmark.md` says how it is made. There, run this file with the project on PYTHONPATH.
"""

from __future__ import annotations

import json
import subprocess
import sys
from importlib.metadata import version
from pathlib import Path

import pytest

from benchmark.lmms.task_folder import TaskSettings
from benchmark.vqa.answers import match, read_answers
from benchmark.vqa.published_scorer import legacy_report
from benchmark.vqa.scoring import grade, score
from tests.benchmark.rivals.tiny_rivals import save_rival
from versamammo.vqa import read_bench

pytest.importorskip("lmms_eval", reason="lmms-eval is not installed: it has its own environment")


def figures_of(task: TaskSettings, model: str, arguments: str) -> tuple[dict[str, float], Path]:
    """Run lmms-eval's own command; return its figures and its log of samples."""
    name = f"mammovqa_{task.bench.stem}"
    out = task.out.with_name("results")
    done = subprocess.run(
        [sys.executable, "-m", "lmms_eval", "--model", model, "--model_args", arguments,
         "--include_path", str(task.out), "--tasks", name,
         "--batch_size", "1", "--log_samples", "--output_path", str(out)],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    # it ends with 0 whatever happens: what it leaves says whether it ran
    written = list(out.rglob("*_results.json"))
    assert written, done.stderr[-3000:]
    (samples,) = out.rglob(f"*_samples_{name}.jsonl")
    told = json.loads(written[0].read_text())["results"][name]
    return {key.removesuffix(",none"): told[key] for key in told}, samples


@pytest.fixture
def model(tmp_path: Path) -> Path:
    """A tiny LLaVA with weights so large that its answers differ."""
    return save_rival(tmp_path / "model", "llava", seed=2, factor=12.0)


def test_its_figures_are_those_of_our_scorers(task: TaskSettings, model: Path) -> None:
    assert version("lmms-eval") == "0.7.3"
    arguments = f"pretrained={model},device=cpu,device_map=cpu,dtype=float32"
    told, samples = figures_of(task, "llava_hf", arguments)
    items, answers = read_bench(task.bench), read_answers(samples)
    found, coverage = match(items, answers)
    assert coverage.complete
    assert len({one.text for one in answers}) > 1
    for figure in score(grade(items, found)).figures:
        if figure.scope == "all":
            made = figure.balanced
            assert told["balanced_accuracy"] == pytest.approx(made.value, abs=1e-12)
            assert told["balanced_accuracy_low"] == pytest.approx(made.low, abs=1e-12)
            assert told["balanced_accuracy_high"] == pytest.approx(made.high, abs=1e-12)
    published = {
        old.name: old for old in legacy_report(items, answers, resamples=100) if old.weighted
    }
    assert published
    for name, old in published.items():
        word = name.lower().replace(" (", "_").rstrip(")")
        assert told[f"published_accuracy_{word}"] == pytest.approx(old.accuracy, abs=1e-12)
        assert told[f"published_weighted_{word}"] == pytest.approx(old.weighted, abs=1e-12)
