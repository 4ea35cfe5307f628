from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import pytest

from benchmark import questions
from benchmark.archives import Archives
from benchmark.questions import Questions, figures_of, score_task
from benchmark.store import TaskFolder
from benchmark.tasks import load_tasks
from benchmark.vqa.answers import ModelAnswer
from tests.benchmark.made_up_archives import box, finding, row, write_archive
from versamammo.config import load
from versamammo.data.manifest import read_manifest
from versamammo.errors import InputError
from versamammo.input.contract import InputContract
from versamammo.vqa import Item, Kind, read_bench
from vlm.image_cache import ImageCache
from vlm.predict import Asker, Prediction
from vlm.prompts import to_messages

TASKS = {task.id: task for task in load_tasks()}
DENSITY = replace(TASKS["vqa.density"], sources=("inbreast", "bmcd"))
LESIONS = replace(TASKS["vqa.pathology-finding"], sources=("dmid",))
EXAMS = replace(TASKS["vqa.exam-density"], sources=("inbreast",))
SIDES = replace(TASKS["vqa.laterality"], sources=("cmmd",))


@pytest.fixture(scope="module")
def archives(tmp_path_factory: pytest.TempPathFactory) -> Archives:
    folder = tmp_path_factory.mktemp("data")
    for name in ("inbreast", "bmcd"):
        write_archive(
            folder / name,
            [
                row(f"{n}{view}", density=1.0 + n % 4, view=view, patient_id=f"p{n}",
                    exam_id=f"e{n}", split="test" if n < 8 else "train")
                for n in range(10) for view in ("CC", "MLO")
            ],
        )  # fmt: skip
    write_archive(
        folder / "dmid",
        [
            row(f"{n}", split="test", findings=[
                finding("mass", box=box(4, 4, 20, 20), pathology=float(n % 2), lesion_id=f"{n}")
            ])
            for n in range(6)
        ],
    )  # fmt: skip
    rows = [
        row(f"{n}{side}", laterality=side, patient_id=f"p{n}", exam_id=f"e{n}", split="test")
        for n in range(4) for side in "LR"
    ]  # fmt: skip
    write_archive(folder / "cmmd", rows)
    return Archives(folder)


@pytest.fixture(scope="module")
def asked(archives: Archives, tmp_path_factory: pytest.TempPathFactory) -> Questions:
    """Everything that is asked here, by one process of questions."""
    shared = tmp_path_factory.mktemp("questions")
    return Questions((DENSITY, LESIONS, EXAMS, SIDES), archives, shared, 0)


def test_every_image_that_is_asked_about_lies_where_its_item_says(asked: Questions) -> None:
    known = set(read_manifest(asked.folder, ["cache_path"]).column("cache_path").to_pylist())
    items = read_bench(asked.folder / "bench.json")
    assert {task for task, places in asked.places.items() if places} == {
        "vqa.density", "vqa.pathology-finding", "vqa.exam-density", "vqa.laterality"
    }  # fmt: skip
    for item in items:
        for image in item.images:
            assert (asked.folder / image.lstrip("/")).is_file()
            assert image.lstrip("/") in known


def test_each_task_asks_what_it_should(asked: Questions) -> None:
    bench = read_bench(asked.folder / "bench.json")
    own = {name: [bench[place] for place in places] for name, places in asked.places.items()}

    assert {item.topic for item in own["vqa.density"]} == {"ACR"}
    assert {item.patient for item in own["vqa.density"]} == {
        f"{name}/p{n}" for name in ("inbreast", "bmcd") for n in range(8)
    }
    assert {len(item.images) for item in own["vqa.density"]} == {1}
    assert {len(item.images) for item in own["vqa.exam-density"]} == {2}
    assert {item.group for item in own["vqa.pathology-finding"]} == {"Pathology (finding)"}
    assert {item.answer for item in own["vqa.pathology-finding"]} == {("Benign",), ("Malignant",)}


def test_answers_are_scored_beside_their_controls(
    asked: Questions, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    bench = read_bench(asked.folder / "bench.json")

    def call(words: Sequence[str], what: str, given: str = "") -> str:
        """Answer as a model would that sees the images, or else as one that guesses."""
        options = dict(zip(words[1::2], words[2::2], strict=True))
        told = options["--control"] == "none"
        lines = [
            json.dumps({"id": item.id, "answer": item.answer[0] if told else "Level A",
                        "prompt": None})
            for item in bench
        ]  # fmt: skip
        Path(options["--out"]).write_text("\n".join(lines) + "\n")
        return ""

    monkeypatch.setattr(questions, "_call", call)
    given = {control: asked.answers(tmp_path / "model", "m", control)
             for control in ("none", "blank")}  # fmt: skip
    folder = TaskFolder(tmp_path / "m" / "vqa.density")

    score_task(DENSITY, asked, given, "digest", folder, seed=0, resamples=100)

    made = json.loads((folder.folder / "figures.json").read_text())["figures"]
    found = {figure["metric"]: figure for figure in made}
    assert found["balanced_accuracy"]["value"] == 1
    assert found["balanced_accuracy"]["primary"]
    assert found["blank_balanced_accuracy"]["value"] == pytest.approx(0.25)
    assert found["majority_balanced_accuracy"]["value"] == pytest.approx(0.25)
    assert found["parse_failure_rate"]["value"] == 0
    assert found["legacy_mammovqa"]["legacy"]
    assert found["balanced_accuracy"]["clusters"] == 16
    assert folder.done
    assert folder.expected == len(read_bench(folder.folder / "items.json"))


@pytest.mark.parametrize(("told", "score"), [("as the benchmark asks", 0.5), ("true", 1)])
def test_a_side_that_only_tags_tell_is_not_known(
    asked: Questions, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, told: str, score: float
) -> None:
    def call(words: Sequence[str], what: str, given: str = "") -> str:
        """Answer as a model would that reads the prompt and sees nothing."""
        settings = load(Prediction, words[1:])
        if told == "true":  # as it was asked before
            settings = replace(settings, context=True)
        bench = read_bench(settings.bench)
        asker = Asker(bench, ImageCache(settings.images, InputContract(size=(64, 48))), settings)
        lines = []
        for one in asker.asked:
            (question,) = asker.questions(one)
            (message,) = to_messages(question)
            said = "Left" if " L CC" in message["content"] else "Right"
            lines.append(json.dumps({"id": one.item.id, "answer": said, "prompt": None}) + "\n")
        settings.out.write_text("".join(lines))
        return ""

    monkeypatch.setattr(questions, "_call", call)
    given = {control: asked.answers(tmp_path, f"{told} {control}", control)
             for control in ("none", "blank")}  # fmt: skip
    folder = TaskFolder(tmp_path / "m" / "vqa.laterality")
    score_task(SIDES, asked, given, "digest", folder, seed=0, resamples=100)
    made = json.loads((folder.folder / "figures.json").read_text())["figures"]
    found = {figure["metric"]: figure["value"] for figure in made}
    assert found["blank_balanced_accuracy"] == score
    assert found["balanced_accuracy"] == score


def test_gibberish_is_a_failure_to_read_and_never_right() -> None:
    items = [
        Item(f"{n}", (f"/a/{n}.tif",), "x", "ACR", Kind.SINGLE, "How dense?",
             ("Level A", "Level B"), (f"Level {'AB'[n % 2]}",), f"p{n}")
        for n in range(8)
    ]  # fmt: skip
    said = [ModelAnswer(item.id, "mumble") for item in items]

    figures = figures_of(DENSITY, items, {"none": said}, seed=0, resamples=100)

    found = {figure.metric: figure.value for figure in figures}
    assert (found["balanced_accuracy"], found["parse_failure_rate"]) == (0, 1)


def test_a_model_that_fails_is_quoted() -> None:
    with pytest.raises(InputError, match="vlm: predict: no such model") as caught:
        questions._call(["-c", "raise SystemExit('predict: no such model')"], "vlm")

    assert caught.value.reason == "vlm-failed"
