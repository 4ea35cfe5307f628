"""Answer files that the scorer reads, and controls that take away what they say they do."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest
import torch

from benchmark.vqa.answers import letters, match, read_answers
from tests.vlm.archives import write_archive
from versamammo.errors import InputError
from versamammo.input.contract import InputContract
from versamammo.vqa import read_bench, write_bench
from vlm.assembly import save
from vlm.image_cache import ImageCache
from vlm.instructions import make_items
from vlm.predict import Asker, Prediction, main, predict


@pytest.fixture(scope="module")
def bench(tmp_path_factory: pytest.TempPathFactory, trained) -> Prediction:
    folder = tmp_path_factory.mktemp("predict")
    images = write_archive(folder / "prepared")
    write_bench(folder / "items.json", make_items(images, per_answer=2))
    save(*trained, folder / "model")
    return Prediction(
        folder / "model", folder / "items.json", images, folder / "answers.jsonl",
        most_words=4, batch=8,
    )  # fmt: skip


def asker(bench: Prediction, control: str) -> Asker:
    contract = InputContract(size=(64, 48))
    settings = replace(bench, control=control)
    return Asker(read_bench(bench.bench), ImageCache(bench.images, contract), settings)


def test_the_scorer_finds_every_question_answered_once(bench: Prediction, tmp_path: Path) -> None:
    out = tmp_path / "answers.jsonl"
    predict(replace(bench, out=out))
    _, coverage = match(read_bench(bench.bench), read_answers(out))
    assert coverage.complete


def test_a_stopped_run_goes_on_after_the_last_whole_line(bench: Prediction, tmp_path: Path) -> None:
    whole, part = tmp_path / "whole.jsonl", tmp_path / "part.jsonl"
    predict(replace(bench, out=whole))
    lines = whole.read_text().splitlines(keepends=True)
    part.write_text("".join(lines[:8]) + lines[8][:15])
    predict(replace(bench, out=part))
    assert part.read_text() == whole.read_text()


def test_blank_images_show_nothing_and_keep_their_tags(bench: Prediction) -> None:
    real, blank = asker(bench, "none").question(0), asker(bench, "blank").question(0)
    assert blank.text == real.text
    assert blank.pictures[0].view == real.pictures[0].view
    assert torch.unique(blank.pictures[0].pixels).numel() == 1


def test_shuffled_images_are_other_patients(bench: Prediction) -> None:
    shuffled = asker(bench, "shuffled")
    assert all(
        mine.patient != theirs.patient
        for mine, theirs in zip(shuffled.items, shuffled.shown, strict=True)
    )


def test_reordered_options_all_change_their_letters(bench: Prediction) -> None:
    reordered = asker(bench, "reordered")
    assert any(letters(item, None) for item in reordered.items)
    for item, prompt in zip(reordered.items, reordered.prompts, strict=True):
        before, after = letters(item, None), letters(item, prompt)
        assert all(before[letter] != after[letter] for letter in before)


def test_answers_of_another_run_are_not_continued(bench: Prediction, tmp_path: Path) -> None:
    out = tmp_path / "answers.jsonl"
    out.write_text(json.dumps({"id": "1", "answer": "x", "prompt": "other"}) + "\n")
    with pytest.raises(InputError, match="answers another question"):
        predict(replace(bench, out=out))


def test_a_path_out_of_the_folder_is_refused(bench: Prediction) -> None:
    shelf = ImageCache(bench.images, InputContract(size=(64, 48)))
    with pytest.raises(InputError, match="outside"):
        shelf.take("/../secret.dcm")


def test_a_bench_with_a_gap_ends_with_a_message(
    bench: Prediction, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    rows = json.loads(bench.bench.read_text())
    del rows["2"]
    gap = tmp_path / "gap.json"
    gap.write_text(json.dumps(rows))
    code = main([
        f"--model={bench.model}", f"--bench={gap}", f"--images={bench.images}",
        f"--out={tmp_path / 'answers.jsonl'}",
    ])  # fmt: skip
    assert code == 2
    assert "id 2 is missing" in capsys.readouterr().err
