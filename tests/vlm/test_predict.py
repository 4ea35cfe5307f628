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
from vlm.prompts import Question


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


def first_question(bench: Prediction, control: str) -> list[Question]:
    one = asker(bench, control)
    return one.questions(one.asked[0])


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
    (real,), (blank,) = (first_question(bench, control) for control in ("none", "blank"))
    assert blank.text == real.text
    assert blank.pictures[0].view == real.pictures[0].view
    assert torch.unique(blank.pictures[0].pixels).numel() == 1


def test_shuffled_images_are_other_patients(bench: Prediction) -> None:
    assert all(one.item.patient != one.shown.patient for one in asker(bench, "shuffled").asked)


def test_reordered_options_all_change_their_letters(bench: Prediction) -> None:
    reordered = asker(bench, "reordered")
    assert any(letters(one.item, None) for one in reordered.asked)
    for one in reordered.asked:
        before, after = letters(one.item, None), letters(one.item, one.prompt)
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


def exams(bench: Prediction, folder: Path, views: int, spoil: bool = False) -> Prediction:
    """Ask about more pictures of an exam than a question shows."""
    items = [item for item in read_bench(bench.bench) if len(item.images) == 1][:6]
    every = list(dict.fromkeys(item.images[0] for item in items))
    made = [
        replace(item, id=str(number), images=tuple((every * views)[:views]))
        for number, item in enumerate(items, 1)
    ]
    if spoil:
        made[2] = replace(made[2], images=("/gone.tif", *made[2].images))
    write_bench(folder / "exams.json", made)
    return replace(bench, bench=folder / "exams.json", out=folder / "answers.jsonl", batch=4)


@pytest.mark.parametrize(("views", "sizes"), [(4, [4]), (6, [3, 3]), (7, [4, 3]), (9, [3, 3, 3])])
def test_an_exam_of_many_pictures_is_asked_in_even_groups(
    bench: Prediction, tmp_path: Path, views: int, sizes: list[int]
) -> None:
    asked = asker(exams(bench, tmp_path, views), "none")
    groups = asked.questions(asked.asked[0])

    assert [len(question.pictures) for question in groups] == sizes
    shown = [picture.name for question in groups for picture in question.pictures]
    assert shown == [asked.shelf.take(path).name for path in asked.asked[0].item.images]
    whole = asker(replace(exams(bench, tmp_path, views), pictures=0), "none")
    assert [len(question.pictures) for question in whole.questions(whole.asked[0])] == [views]


def test_one_bad_item_is_set_aside_and_the_others_are_answered(
    bench: Prediction, tmp_path: Path
) -> None:
    settings = exams(bench, tmp_path, views=7, spoil=True)
    made = predict(settings)

    lines = [json.loads(line) for line in settings.out.read_text().splitlines()]
    assert [line["id"] for line in lines] == ["1", "2", "3", "4", "5", "6"]
    assert [line["answer"] is None for line in lines] == [False, False, True, False, False, False]
    assert "gone.tif" in lines[2]["quarantined"]
    assert made.items == 6
    assert [one for one, _ in made.quarantined] == ["3"]
    assert "5 answers, 1 items quarantined, the first id 3: gone.tif" in str(made)
    _, coverage = match(read_bench(settings.bench), read_answers(settings.out))
    assert coverage.complete
    # counted again, and not asked again, by a start that goes on
    assert predict(settings) == made


def test_an_item_that_makes_no_sense_leaves_the_others(bench: Prediction, tmp_path: Path) -> None:
    rows = json.loads(bench.bench.read_text())
    rows["2"]["Answer"] = "an option that there is not"
    (tmp_path / "items.json").write_text(json.dumps(rows))
    out = tmp_path / "answers.jsonl"
    made = predict(replace(bench, bench=tmp_path / "items.json", out=out))

    assert made.items == len(rows)
    assert out.read_text().count("\n") == len(rows) - 1
    assert [id_ for id_, why in made.quarantined if "expected one of the options" in why] == ["2"]
    with pytest.raises(InputError, match="id 2"):
        read_bench(tmp_path / "items.json")


def test_what_is_no_item_s_fault_ends_the_run(
    bench: Prediction, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_: object, **__: object) -> None:
        raise RuntimeError("out of memory")

    monkeypatch.setattr("vlm.predict.answer", broken)
    out = tmp_path / "answers.jsonl"
    with pytest.raises(RuntimeError, match="out of memory"):
        predict(replace(bench, out=out))
    assert out.read_text() == ""  # no item is spoilt for the next start
