"""A task of lmms-eval asks, shows and scores just what `bench vqa` and `score` do."""

from __future__ import annotations

import json
import random
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from app.cli import main
from benchmark.lmms import task_functions
from benchmark.lmms.task_folder import TaskSettings, write_task
from benchmark.lmms.task_functions import doc_of, item_of, metrics_of, process_results
from benchmark.rivals.rgb_pictures import RivalPictures
from benchmark.vqa.answers import ModelAnswer, match, read_answers
from benchmark.vqa.published_scorer import legacy_report
from benchmark.vqa.scoring import grade, score
from tests.benchmark.lmms.conftest import Read, items, read_task, said_of
from versamammo.errors import InputError
from versamammo.vqa import Item, read_bench, write_bench
from versamammo.vqa.asking import prompt_of

PUBLISHED = Path(__file__).parents[1] / "vqa" / "published"


@pytest.fixture
def read(task: TaskSettings, tmp_path: Path) -> Read:
    (file,) = task.out.glob("*.yaml")
    return read_task(file, tmp_path / "cache")


def expected(asked: list[Item], said: list[str | None]) -> dict[str, float]:
    """Every figure of our scorer and of the published one, under the names of the metrics."""
    answers = [ModelAnswer(i.id, text, prompt_of(i)) for i, text in zip(asked, said, strict=True)]
    made: dict[str, float] = {}
    for figure in score(grade(asked, match(asked, answers)[0])).figures:
        if figure.scope == "all":
            made["balanced_accuracy"] = figure.balanced.value
            made["balanced_accuracy_low"] = figure.balanced.low
            made["balanced_accuracy_high"] = figure.balanced.high
        elif figure.scope == "topic":
            made[task_functions._named("balanced_accuracy", figure.name)] = figure.balanced.value
    for old in legacy_report(asked, answers, resamples=100):
        if old.weighted is not None:
            made[task_functions._named("published_accuracy", old.name)] = old.accuracy
            made[task_functions._named("published_weighted", old.name)] = old.weighted
    return made


def test_questions_and_pictures_are_those_of_bench_vqa(task: TaskSettings, read: Read) -> None:
    asked = list(read_bench(task.bench))
    assert read.items == asked
    shown = RivalPictures(task.images, task.side)
    counts = set()
    for doc, item in zip(read.docs, asked, strict=True):
        assert read.config["doc_to_text"](doc, read.settings) == prompt_of(item)
        assert read.config["doc_to_target"](doc) == ", ".join(item.answer)
        pictures = read.config["doc_to_visual"](doc, read.settings)
        counts.add(len(pictures))
        assert [picture.mode for picture in pictures] == ["RGB"] * len(item.images)
        for picture, path in zip(pictures, item.images, strict=True):
            assert np.array_equal(picture, shown.take(path))
    assert counts == ({1} if "image" in task.bench.name else {1, 2, 3, 4, 5, 6, 7})


def test_figures_are_those_of_our_scorers(read: Read) -> None:
    said = [said_of(item, number) for number, item in enumerate(read.items)]
    given = [None if "LMMS_EVAL" in text else text for text in said]
    wanted = expected(read.items, given)

    assert read.scores(said) == pytest.approx(wanted, abs=1e-12)
    assert {one["metric"] for one in read.config["metric_list"]} == set(wanted)
    # the two scorers do not agree on such answers
    assert wanted["balanced_accuracy_acr"] != pytest.approx(wanted["published_weighted_acr"])


def test_every_dataset_and_topic_of_the_published_scorer_is_scored_alike() -> None:
    asked = list(read_bench(PUBLISHED / "bench.json"))
    said = {one.id: one.text or "" for one in read_answers(PUBLISHED / "result.json")}
    texts = [said[item.id].strip() for item in asked]
    left: dict[str, list] = {}
    for item, text in zip(asked, texts, strict=True):
        for name, value in process_results(doc_of(item), [text]).items():
            left.setdefault(name, []).append(value)
    made = {
        name: getattr(task_functions, function)(left[name])
        for name, function in metrics_of(asked).items()
    }
    assert made == pytest.approx(expected(asked, texts), abs=1e-12)
    # the headline and its interval, 11 groups of ours, 9 topics and 4 parts as published
    assert len(made) == 3 + 11 + 2 * (9 + 4)


def test_answers_of_several_processes_give_the_same_interval() -> None:
    asked = items(60, 1)
    left = [
        process_results(doc_of(item), [said_of(item, number)])["balanced_accuracy"]
        for number, item in enumerate(asked)
    ]
    mixed = random.Random(0).sample(left, len(left))
    assert task_functions.balanced_low(mixed) == task_functions.balanced_low(left)
    assert task_functions.balanced_low(left) < task_functions.balanced_accuracy(mixed)


def test_the_log_of_samples_is_a_file_of_answers(
    task: TaskSettings, read: Read, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """lmms-eval writes what `process_results` returns into each line, and drops the row."""
    said = [said_of(item, number) for number, item in enumerate(read.items)]
    lines = [
        json.dumps({"doc_id": n, "target": "", "filtered_resps": text, "input": ""}
                   | process_results(doc, [text]))
        for n, (doc, text) in enumerate(zip(read.docs, said, strict=True))
    ]  # fmt: skip
    log = tmp_path / "samples.jsonl"
    log.write_text("\n".join(lines) + "\n")
    assert main(["score", str(log), "--bench", str(task.bench), "--json"]) == 0
    figures = json.loads(capsys.readouterr().out)["figures"]
    assert figures[0]["balanced"]["value"] == read.scores(said)["balanced_accuracy"]
    assert figures[0]["outcomes"]["failed"] == sum(text.startswith("[LMMS") for text in said) + sum(
        not text for text in said
    )


def test_a_topic_at_which_the_published_scorer_stops_keeps_our_figure() -> None:
    birads = [replace(item, topic="Bi-Rads", kind=item.kind) for item in items(2, 1)]
    assert set(metrics_of(birads)) == {
        "balanced_accuracy", "balanced_accuracy_low", "balanced_accuracy_high",
        "balanced_accuracy_bi_rads",
    }  # fmt: skip
    assert "published_accuracy_bi_rads" not in process_results(doc_of(birads[0]), ["CC"])


def test_a_missing_picture_is_named_before_anything_is_asked(
    task: TaskSettings, capsys: pytest.CaptureFixture[str]
) -> None:
    (task.images / "4" / "0.jpg").unlink()
    with pytest.raises(InputError, match=r"1 items have a picture .* id 5 \(0.jpg: there is no"):
        write_task(task)
    words = ["bench", "lmms", "--bench", str(task.bench), "--images", str(task.images),
             "--out", str(task.out), "--name", "some-left", "--allow-missing"]  # fmt: skip
    assert main(words) == 0
    shown = capsys.readouterr().out
    assert "some-left.yaml: 59 questions" in shown
    assert "id 5 of the bench is left out: 0.jpg: there is no such image" in shown
    assert f"--include_path {task.out} --tasks some-left" in shown


def test_an_item_that_makes_no_sense_is_left_out(task: TaskSettings, tmp_path: Path) -> None:
    rows = json.loads(task.bench.read_text())
    rows["2"]["Answer"] = "none of them"
    task.bench.write_text(json.dumps(rows))
    made = write_task(task)
    assert (made.items, [one.id for one in made.left_out]) == (59, ["2"])
    assert "2" not in {item.id for item in read_task(made.file, tmp_path / "again").items}


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"name": "a,b"}, "name: found 'a,b'; expected letters"),
        ({"most_words": 0}, "most-words: found 0"),
        ({"side": 0}, "side: found 0"),
        ({"images": Path("nowhere")}, "nowhere: images: there is no such folder"),
    ],
)
def test_settings_that_make_no_task_are_refused(tmp_path: Path, change: dict, message: str) -> None:
    write_bench(tmp_path / "bench.json", items(2, 1))
    settings = TaskSettings(tmp_path / "bench.json", tmp_path, tmp_path / "out")
    with pytest.raises(InputError, match=message):
        write_task(replace(settings, **change))
    assert not (tmp_path / "out").exists()


def test_rows_hold_all_of_an_item() -> None:
    for item in items(5, 3):
        assert item_of(doc_of(item)) == item
        unnamed = replace(item, patient=None)
        assert item_of(doc_of(unnamed)) == unnamed
