"""No task is called external for a model that has learnt from its dataset, or does not say."""

from __future__ import annotations

import csv
import json
from pathlib import Path

import pytest

from benchmark.bench_run import Bench, BenchSettings, tell
from benchmark.learnt_from import LearntFrom, learnt_from, names_of, standing
from benchmark.report import write_report
from benchmark.scores import gather
from benchmark.tasks import load_tasks
from pretrain import export, stage1
from tests.benchmark.made_up_archives import density_rows, small_encoder, write_archive
from tests.pretrain.archives import TINY
from versamammo.data.preparation.prepare import prepare
from versamammo.data.preparation.prepare_settings import Settings
from versamammo.phantoms.phantom_exam import make_exam
from versamammo.phantoms.phantom_settings import PhantomSettings
from versamammo.phantoms.twins import write_twin

TASKS = {task.id: task for task in load_tasks()}
LAMIS = TASKS["ext.cls.lamis.density"]
PHANTOMS = PhantomSettings(exams=6, seed=2, height=192, dates=2, lesion_rate=0.9)


def says(folder: Path, config: object = None, about: object = None, card: str = "") -> LearntFrom:
    folder.mkdir(parents=True)
    for name, told in (("config.json", config), ("about.json", about)):
        if told is not None:
            (folder / name).write_text(json.dumps(told))
    if card:
        (folder / "README.md").write_text(card)
    return learnt_from(folder)


def ours(**training: object) -> dict[str, object]:
    return {"model_type": "versamammo", "training": training}


def test_an_encoder_of_ours_says_so_in_its_config(tmp_path: Path) -> None:
    assert says(tmp_path / "a", ours(sources=["cmmd", "lamis"])) == LearntFrom(
        ("cmmd", "lamis"), True
    )
    assert says(tmp_path / "b", ours(sources=[], data="")) == LearntFrom((), False)
    taught = ours(sources=["cmmd"], foreign=["somebody's teacher"])
    assert says(tmp_path / "c", taught) == LearntFrom(("cmmd",), False)


def test_a_vision_language_model_has_learnt_what_its_encoder_has(tmp_path: Path) -> None:
    def config(encoder: str, *sources: str) -> dict[str, object]:
        return {"model_type": "versamammo_vlm", "sources": ["mm"], "encoder_name": encoder,
                "vision_config": ours(sources=list(sources))}  # fmt: skip

    assert says(tmp_path / "a", config("folder", "lamis")) == LearntFrom(("lamis", "mm"), True)
    assert not says(tmp_path / "b", config("folder")).complete
    assert says(tmp_path / "c", config("")).complete  # its encoder began from nothing


def test_a_model_of_others_may_say_so_beside_its_weights(tmp_path: Path) -> None:
    foreign = {"model_type": "vit"}
    assert says(tmp_path / "a", foreign) == LearntFrom((), False)
    assert says(tmp_path / "b", foreign, {"sources": []}) == LearntFrom((), True)
    assert says(tmp_path / "c", foreign, {"name": "x"}) == LearntFrom((), False)
    card = "---\ndatasets: [somebody/VinDr-Mammo]\n---\nA model."
    assert says(tmp_path / "d", foreign, card=card) == LearntFrom(("somebody/VinDr-Mammo",), True)
    assert says(tmp_path / "e", foreign, card="---\n[") == LearntFrom((), False)


@pytest.mark.parametrize("name", ["vindr-mammo", "VinDr-Mammo", "hub/vindr_mammo", "VinDr"])
def test_a_dataset_is_known_under_its_other_names(name: str) -> None:
    task = TASKS["ext.transfer.vindr-to-lamis.density"]
    asked = TASKS["cls.vindr.density"]

    assert standing(asked, LearntFrom((name,), True), {}) == "learnt"
    # heads are fitted on it there, and another dataset is asked about
    assert standing(task, LearntFrom((name,), True), {}) == "not learnt"


def test_phantoms_in_the_layout_of_a_dataset_are_not_the_dataset() -> None:
    twin = {"lamis": names_of("lamis", ["phantom-lamis"])}
    real = {"lamis": names_of("lamis", ["our export"])}

    assert standing(LAMIS, LearntFrom(("phantom-lamis",), True), twin) == "learnt"
    assert standing(LAMIS, LearntFrom(("lamis",), True), twin) == "not learnt"
    assert standing(LAMIS, LearntFrom(("our export",), True), real) == "learnt"
    assert standing(LAMIS, LearntFrom(("lamis",), True), real) == "learnt"
    assert standing(LAMIS, LearntFrom(("phantom-lamis",), True), real) == "not learnt"
    assert standing(LAMIS, LearntFrom(("mm",), False), real) == "unknown"


def stating(folder: Path, seed: int, **training: object) -> str:
    """Save an encoder with random weights that says what it has learnt from."""
    small_encoder(folder, seed)
    config = json.loads((folder / "config.json").read_text())
    config["training"] |= training
    (folder / "config.json").write_text(json.dumps(config))
    return str(folder)


def test_encoders_are_ranked_apart_by_what_they_have_learnt_from(tmp_path: Path) -> None:
    write_archive(tmp_path / "data" / "lamis", density_rows())
    write_archive(tmp_path / "data" / "vindr-mammo", density_rows())
    encoders = (
        stating(tmp_path / "taught", 1, data="abc", sources=["lamis"]),
        stating(tmp_path / "honest", 2, data="abc", sources=["cmmd"]),
        stating(tmp_path / "silent", 3),
    )
    asked = ("ext.cls.lamis.density", "cls.vindr.density")
    bench = Bench(
        BenchSettings(tmp_path / "data", tmp_path / "out", encoders, tasks=asked, resamples=20),
        say=lambda _: None,
    )
    found = bench.run()

    sets = {(one.model, one.task.id): one.set for one in found}
    assert sets == {
        ("taught", asked[0]): "internal", ("taught", asked[1]): "internal",
        ("honest", asked[0]): "external", ("honest", asked[1]): "internal",
        ("silent", asked[0]): "unknown", ("silent", asked[1]): "internal",
    }  # fmt: skip
    told = "\n".join(tell(found, bench))
    assert "taught, learnt from lamis: internal, learnt from: ext.cls.lamis.density" in told
    assert "silent, learnt from unknown: it does not say: not known to be external: ext.c" in told
    assert "honest, learnt from" not in told
    page = write_report(tmp_path / "out", pair_resamples=50).read_text()
    assert "Internal for some encoders only: mean rank" in page
    assert "External: mean rank" not in page
    assert "internal, learnt from" in page
    assert "not known to be external" in page
    rows = csv.DictReader((tmp_path / "out" / "scores.csv").open())
    listed = {(row["model"], row["set"], row["learnt_from"]) for row in rows}
    assert {("taught", "internal", "learnt"), ("silent", "unknown", "unknown")} <= listed
    assert ("taught", "external", "learnt") not in listed


def twin(folder: Path, layout: str) -> Path:
    exams = [make_exam(PHANTOMS, number) for number in range(PHANTOMS.exams)]
    write_twin(folder / "raw" / layout, layout, PHANTOMS, exams)
    out = folder / "data" / layout
    assert prepare(Settings(layout, out, root=folder / "raw" / layout, size=(96, 64))) == 0
    return out


def test_a_twin_that_was_joined_in_a_run_is_refused_the_name_external(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    joined = [str(twin(tmp_path, layout)) for layout in ("lamis", "mm", "dmid")]
    twin(tmp_path, "nlbs")
    (tmp_path / "tiny.yaml").write_text(TINY)
    words = ["--config", str(tmp_path / "tiny.yaml"), "--run.output", str(tmp_path / "run"),
             "--optim.max_steps", "2", "--probes.every", "2", "--tissue.assumed_spacing_mm", "1.0",
             "--data", *joined]  # fmt: skip
    monkeypatch.setattr("sys.argv", ["stage1.py", *words])
    assert stage1.main(words) == 0
    encoder = export.export(tmp_path / "run", tmp_path / "encoder")

    card = (encoder / "README.md").read_text()
    for source in ("phantom-dmid", "phantom-lamis", "phantom-mm"):
        assert f"- {source} in {source.removeprefix('phantom-')}: phantoms, not real" in card
    asked = ("ext.cls.lamis.density", "ext.cls.mm.pathology", "ext.cls.nlbs.cancer")
    bench = Bench(
        BenchSettings(tmp_path / "data", tmp_path / "out", (str(encoder),), tasks=asked,
                      resamples=20),
        say=lambda _: None,
    )  # fmt: skip
    bench.run()

    sets = {one.task.id: one.set for one in gather(tmp_path / "out")}
    assert sets == dict(zip(asked, ("internal", "internal", "external"), strict=True))
