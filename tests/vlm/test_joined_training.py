"""A vision-language model learns from several prepared folders, each as often as is stated."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path

import pytest

from tests.vlm.archives import write_archive
from tests.vlm.tiny_training import tiny_training
from versamammo.data.joined_archives import open_archive
from versamammo.data.manifest import read_manifest, write_manifest
from vlm.instructions import LessonPool, Mixture
from vlm.train import train


def prepared(folder: Path, source: str) -> Path:
    write_archive(folder, patients=3)
    rows = [
        row | {"source": source, "content_key": f"{source} {row['content_key']}"}
        for row in read_manifest(folder).to_pylist()
    ]
    write_manifest(folder / "manifest.parquet", rows)
    return folder


@pytest.fixture(scope="module")
def folders(tmp_path_factory: pytest.TempPathFactory) -> list[str]:
    root = tmp_path_factory.mktemp("prepared")
    return [str(prepared(root / name, name)) for name in ("bmcd", "cmmd", "dmid")]


def test_training_learns_from_all_asks_about_all_and_lists_them(
    folders: list[str], tmp_path: Path
) -> None:
    named = [folders[0], f"{folders[1]}:0.5", folders[2]]
    model = train(tiny_training(tmp_path, json.dumps(named)))

    config = json.loads((model / "config.json").read_text())
    assert config["sources"] == ["bmcd", "cmmd", "dmid"]
    assert [(one["source"], one["images"], one["weight"]) for one in config["counts"]] == [
        ("bmcd", 6, 1.0), ("cmmd", 6, 0.5), ("dmid", 6, 1.0)
    ]  # fmt: skip
    card = (model / "README.md").read_text()
    assert "- cmmd in cmmd: CC BY 4.0; 6 of 18 images, 3 patients, weight 0.5, 12 of other" in card
    log = (tmp_path / "run" / "3_adapter" / "metrics.jsonl").read_text().splitlines()
    assert "answered/all" in json.loads(log[-1])


def test_lessons_are_drawn_as_often_as_the_weights_say(folders: list[str]) -> None:
    archive = open_archive([f"{folders[0]}:3", folders[1], folders[2]], ["train"])
    pool = LessonPool(archive, Mixture(several=0))
    drawn = [pool.pictures[pool.draw((0, n)).images[0]] for n in range(1500)]
    shares = Counter(picture.image_id.partition("/")[0] for picture in drawn)

    assert shares["bmcd"] / 1500 == pytest.approx(0.6, abs=0.05)
    assert shares["cmmd"] / 1500 == pytest.approx(0.2, abs=0.05)


def test_views_of_one_exam_are_of_one_source(folders: list[str]) -> None:
    pool = LessonPool(open_archive(folders, ["train"]))

    sources = [{pool.pictures[n].image_id.partition("/")[0] for n in exam} for exam in pool.exams]
    assert len(sources) == 9
    assert all(len(some) == 1 for some in sources)
