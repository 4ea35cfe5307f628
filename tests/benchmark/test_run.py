from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from app.cli import main
from benchmark import probing
from benchmark.bench_run import Bench, BenchSettings, command_line
from benchmark.samples import Sample
from benchmark.store import TaskFolder
from tests.benchmark.made_up_archives import density_rows, small_encoder, write_archive
from versamammo.errors import InputError

TASKS = ("cls.vindr.density", "cls.vindr.birads", "ret.vindr.density")


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("data")
    rows = density_rows()
    for record in rows:
        record["birads"] += 1.0
    write_archive(folder / "vindr-mammo", rows)
    return folder


@pytest.fixture(scope="module")
def encoder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return small_encoder(tmp_path_factory.mktemp("models") / "small")


def settings(data: Path, encoder: Path, out: Path, **more: object) -> BenchSettings:
    made = {"tasks": TASKS, "resamples": 50} | more
    return BenchSettings(data, out, (str(encoder),), **made)  # type: ignore[arg-type]


def bytes_below(folder: Path) -> dict[str, bytes]:
    """Everything but the features, whose files a killed run may have cut otherwise."""
    return {
        str(path.relative_to(folder)): path.read_bytes()
        for path in sorted(folder.rglob("*"))
        if path.is_file() and "features" not in path.parts and path.name != ".lock"
    }


def test_a_run_that_is_killed_between_records_ends_as_if_it_never_was(
    data: Path, encoder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # settings name the folder, so both runs use the same path, one after the other
    out = tmp_path / "run"
    Bench(settings(data, encoder, out), say=lambda _: None).run()
    whole = bytes_below(out)
    out.rename(tmp_path / "whole")

    real = probing.answers

    def cut(*arguments: object) -> tuple[list[Sample], Iterator[Sample]]:
        validation, test = real(*arguments)  # type: ignore[arg-type]

        def some() -> Iterator[Sample]:
            for number, sample in enumerate(test):
                if number == 7:
                    raise KeyboardInterrupt
                yield sample

        return validation, some()

    monkeypatch.setattr(probing, "answers", cut)
    with pytest.raises(KeyboardInterrupt):
        Bench(settings(data, encoder, out), say=lambda _: None).run()
    assert TaskFolder(out / "small" / TASKS[0]).whole_lines() == 7
    monkeypatch.undo()
    with (out / "small" / TASKS[0] / "samples.jsonl").open("a") as log:
        log.write('{"id": "half a li')

    Bench(settings(data, encoder, out), say=lambda _: None).run()

    assert bytes_below(out) == whole


def test_what_is_complete_is_not_done_again(
    data: Path, encoder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = Bench(settings(data, encoder, tmp_path), say=lambda _: None).run()
    monkeypatch.setattr(probing, "answers", None)  # nobody may call it

    again = Bench(settings(data, encoder, tmp_path), say=lambda _: None).run()

    assert [repr(one.figures) for one in again] == [repr(one.figures) for one in first]
    assert all(one.complete for one in again)


def test_other_labels_begin_only_their_own_task_again(encoder: Path, tmp_path: Path) -> None:
    rows = density_rows()
    for record in rows:
        record["birads"] += 1.0
    write_archive(tmp_path / "data" / "vindr-mammo", rows)
    out = tmp_path / "run"
    Bench(settings(tmp_path / "data", encoder, out), say=lambda _: None).run()
    before = {task: (out / "small" / task / "done.json").stat().st_mtime_ns for task in TASKS}

    rows[-1]["birads"] = 1.0 + rows[-1]["birads"] % 3
    write_archive(tmp_path / "data" / "vindr-mammo", rows)
    Bench(settings(tmp_path / "data", encoder, out), say=lambda _: None).run()

    changed = {
        task for task in TASKS
        if (out / "small" / task / "done.json").stat().st_mtime_ns != before[task]
    }  # fmt: skip
    assert changed == {"cls.vindr.birads"}


def test_a_part_of_the_records_is_scored_as_incomplete(
    data: Path, encoder: Path, tmp_path: Path
) -> None:
    Bench(settings(data, encoder, tmp_path), say=lambda _: None).run()
    folder = tmp_path / "small" / TASKS[0]
    lines = (folder / "samples.jsonl").read_text().splitlines(keepends=True)
    (folder / "samples.jsonl").write_text("".join(lines[:12]))
    (folder / "done.json").unlink()

    from benchmark.scores import gather

    one = next(one for one in gather(tmp_path) if one.task.id == TASKS[0])
    assert one.state == f"incomplete 12/{len(lines)}"
    assert not one.complete
    assert one.figures[0].n == 12


def test_what_cannot_be_run_says_why_and_stops_nothing(
    data: Path, encoder: Path, tmp_path: Path
) -> None:
    said: list[str] = []
    tasks = ("cls.embed.density", "cls.vindr.density", "vqa.view")
    bench = Bench(settings(data, encoder, tmp_path, tasks=tasks), say=said.append)

    states = {one.task.id: one.state for one in bench.run()}

    assert states["cls.embed.density"] == "not run: data: needs the archive embed"
    assert states["cls.vindr.density"] == "complete"
    assert states["vqa.view"] == "not run: needs --vlm"
    assert said[1].startswith("[2/2] small cls.vindr.density: macro_auroc ")


def test_a_leak_is_told_and_not_scored(encoder: Path, tmp_path: Path) -> None:
    rows = density_rows()
    rows[0]["split"] = "test"
    write_archive(tmp_path / "data" / "vindr-mammo", rows)
    bench = Bench(
        settings(tmp_path / "data", encoder, tmp_path / "run", tasks=TASKS[:1]),
        say=lambda _: None,
    )

    (one,) = bench.run()

    assert "vindr-mammo/p0 (test and train)" in one.state
    assert not one.figures


def test_the_run_tells_how_it_was_made(data: Path, encoder: Path, tmp_path: Path) -> None:
    Bench(settings(data, encoder, tmp_path), say=lambda _: None).run()

    told = json.loads((tmp_path / "run.json").read_text())
    assert told["settings"]["adapt"]["probe"] == "linear"
    assert len(told["hashes"]["small"]) == 16
    assert {"versamammo", "torch", "timm"} <= told["versions"].keys()
    header, first = (tmp_path / "scores.csv").read_text().splitlines()[:2]
    assert header.startswith("model,set,category,version,task,metric,value,low,high,n,clusters")
    assert first.startswith("small,internal,classification,1,cls.vindr.density,macro_auroc,")


def test_two_models_of_one_name_are_refused(data: Path, encoder: Path, tmp_path: Path) -> None:
    both = BenchSettings(data, tmp_path, (str(encoder), str(encoder)))

    with pytest.raises(InputError, match="each with a name of its own"):
        Bench(both).run()


def test_the_command_runs_compares_and_reports(
    data: Path, encoder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    other = small_encoder(tmp_path / "other", seed=1)
    out = tmp_path / "run"
    run = ["bench", "run", "--encoder", str(encoder), str(other), "--data", str(data),
           "--out", str(out), "--tasks", *TASKS, "--resamples", "50"]  # fmt: skip

    assert main(run) == 0
    assert "3 of 3 tasks complete" in capsys.readouterr().out
    assert main(["bench", "compare", str(out / "small"), str(out / "other"),
                 "--resamples", "200"]) == 0  # fmt: skip
    assert "of 3 tasks" in capsys.readouterr().out
    assert main(["bench", "report", str(out), "--resamples", "200"]) == 0
    assert "cls.vindr.density" in (out / "report.html").read_text()


@pytest.mark.parametrize(
    ("words", "typed"),
    [
        (["/usr/bin/versamammo", "bench", "--tasks", "cls.*"], "versamammo bench --tasks 'cls.*'"),
        (["scripts/bench_phantoms.py", "a=b c"], "python scripts/bench_phantoms.py 'a=b c'"),
    ],
)
def test_a_run_tells_what_was_typed(words: list[str], typed: str) -> None:
    assert command_line(words) == typed
