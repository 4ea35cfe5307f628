"""Learning from the items of a MammoVQA file about images that were prepared."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from tests.vlm.archives import write_archive
from tests.vlm.tiny_training import tiny_training
from versamammo.data.dataset import Archive
from versamammo.errors import InputError
from versamammo.vqa import Item, read_bench, write_bench
from vlm.instructions import LessonPool, Mixture, make_items
from vlm.instructions.bench_items import BenchLessons, read_bench_items, some_of
from vlm.train import train
from vlm.trained_topics import read_competence


def published(prepared: Path, *splits: str) -> list[Item]:
    """Items that name images as they were before preparation."""
    made = make_items(prepared, splits, per_answer=20)
    found = []
    for number, item in enumerate(made, start=1):
        paths = tuple(f"/{Path(image).stem}.png" for image in item.images)
        found.append(replace(item, id=str(number), images=paths, patient=None))
    return found


@pytest.fixture(scope="module")
def prepared(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_archive(tmp_path_factory.mktemp("bench") / "prepared")


@pytest.fixture(scope="module")
def bench(prepared: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    file = tmp_path_factory.mktemp("file") / "train.json"
    write_bench(file, published(prepared, "train", "val"))
    return file


def test_items_find_their_images_and_what_is_left_out_is_counted(
    prepared: Path, bench: Path
) -> None:
    here = read_bench_items(bench, Archive.open(prepared, ["train"]))
    total = len(read_bench(bench))
    assert min(len(here.items), here.elsewhere) > 50
    assert (len(here.items) + here.elsewhere, here.unusable) == (total, 0)
    assert f"{len(here.items)} of {total} questions" in str(here)
    for item, images in zip(here.items, here.images, strict=True):
        assert [(prepared / one).is_file() for one in item.images] == [True] * len(images)


def test_a_lesson_shows_the_items_images_and_its_answer(prepared: Path, bench: Path) -> None:
    archive = Archive.open(prepared, ["train"])
    here = read_bench_items(bench, archive)
    pool = LessonPool(archive, Mixture(bench=1.0), bench=here)
    answers = {
        (images, item.topic): set(item.answer)
        for item, images in zip(here.items, here.images, strict=True)
    }
    topics = Counter()
    for number in range(200):
        lesson = pool.draw((0, number))
        assert set(lesson.answer.split(", ")) == answers[lesson.images, lesson.topic]
        assert all(option in lesson.question for option in lesson.answer.split(", "))
        topics[lesson.topic] += 1
    assert set(topics) == {item.topic for item in here.items}
    assert max(topics.values()) < 3 * min(topics.values()), "topics are drawn alike"


def test_many_pictures_are_shown_in_groups(prepared: Path, bench: Path) -> None:
    here = read_bench_items(bench, Archive.open(prepared, ["train"]))
    long = replace(here, items=here.items[:1], images=(tuple(range(7)),))
    random = np.random.default_rng(0)
    shown = {BenchLessons(long).draw(random, context=True).images for _ in range(30)}
    assert shown == {(0, 1, 2, 3), (4, 5, 6)}


def test_an_archive_without_labels_can_be_learned_from(prepared: Path, bench: Path) -> None:
    archive = Archive.open(prepared, ["train"])
    for name in ("density", "birads", "pathology", "mass", "calcification"):
        place = archive.table.schema.get_field_index(name)
        nothing = np.full(len(archive), np.nan, np.float32)
        archive.table = archive.table.set_column(place, name, [nothing])
    here = read_bench_items(bench, archive)
    assert LessonPool(archive, Mixture(bench=1.0), bench=here).draw((0, 0)).answer


def test_a_file_about_other_images_is_refused(prepared: Path, tmp_path: Path) -> None:
    items = [replace(one, images=("elsewhere.png",)) for one in published(prepared, "train")]
    write_bench(tmp_path / "other.json", items)
    with pytest.raises(InputError, match="begin at the folder that was prepared"):
        read_bench_items(tmp_path / "other.json", Archive.open(prepared, ["train"]))


def test_a_file_and_its_share_go_together(prepared: Path, bench: Path, tmp_path: Path) -> None:
    with pytest.raises(InputError, match="go together"):
        tiny_training(tmp_path, prepared, bench=str(bench))


def test_some_items_of_each_answer_are_kept_in_order(prepared: Path) -> None:
    items = published(prepared, "train")
    kept = some_of(items, 1, seed=0)
    counts = Counter((item.topic, *sorted(item.answer)) for item in kept)
    assert set(counts.values()) == {1}
    assert [int(item.id) for item in kept] == sorted(int(item.id) for item in kept)


def test_training_learns_from_the_file_alone_and_is_tried_on_held_out_items(
    prepared: Path, bench: Path, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    train(tiny_training(tmp_path, prepared, bench=str(bench), mixture__bench="1.0"))
    assert "learning from" in capfd.readouterr().out
    competence = read_competence(tmp_path / "run" / "model")
    assert set(competence.topics) >= {item.topic for item in published(prepared, "train")}
    assert competence.fitted_on > 0
