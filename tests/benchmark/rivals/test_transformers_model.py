"""One adapter opens and asks every family; each is a tiny random model built from its config."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest

from app.cli import main
from benchmark.rivals.rival_run import RivalRun, answer_bench
from benchmark.rivals.transformers_model import TransformersModel
from tests.benchmark.rivals.conftest import breast
from tests.benchmark.rivals.tiny_rivals import FAMILIES, save_rival
from versamammo.errors import InputError


@pytest.mark.parametrize("family", FAMILIES)
def test_a_family_answers_images_and_exams(family: str, bench: RivalRun, tmp_path: Path) -> None:
    rival = TransformersModel(str(save_rival(tmp_path / "model", family)), "float32", 3)
    run = replace(bench, controls=("none",))
    made = answer_bench(run, rival, {"model": family})["none"]

    assert rival.family == family
    assert made.items == 5
    assert not made.quarantined
    lines = [json.loads(line) for line in run.file("none").read_text().splitlines()]
    # words of the answer alone: the question is not given back
    assert all("###" not in line["answer"] for line in lines)
    assert rival.most_pictures == (1 if family == "blip-2" else 0)


def test_pictures_are_seen(tmp_path: Path, bench: RivalRun) -> None:
    """Another picture gives other numbers, so that the pixels reach the model."""
    rival = TransformersModel(str(save_rival(tmp_path / "model", "llava")), "float32", 1)
    first, second = (
        rival.model(**rival._inputs("what", [breast(seed).convert("RGB")])).logits
        for seed in (1, 2)
    )
    assert first.shape == second.shape
    assert not first.equal(second)


def test_a_model_that_nobody_can_ask_is_refused(tmp_path: Path) -> None:
    folder = save_rival(tmp_path / "model", "llava")
    (folder / "chat_template.jinja").unlink()
    with pytest.raises(InputError, match="has no chat template"):
        TransformersModel(str(folder))
    with pytest.raises(InputError, match="cannot be opened"):
        TransformersModel(str(tmp_path / "nothing here"))


def test_the_command_answers_and_scores(
    bench: RivalRun, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = save_rival(tmp_path / "model", "llava")
    words = ["bench", "vqa", "--model", str(folder), "--bench", str(bench.bench), "--images",
             str(bench.images), "--out", str(bench.out), "--most-words", "2"]  # fmt: skip
    assert main(words) == 0
    told = capsys.readouterr().out
    assert "answers.jsonl: 5 answers, control none" in told
    assert "Class-balanced accuracy" in told
    assert "shuffled" in told
    assert "as published" in told
    before = bench.file("blank").read_bytes()
    assert main(words) == 0
    assert bench.file("blank").read_bytes() == before
    assert main([*words, "--controls", "blank"]) == 2
