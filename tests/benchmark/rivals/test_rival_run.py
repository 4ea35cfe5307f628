"""Every item is answered once, whatever becomes of one of them and however often the run stops."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from benchmark.rivals.rival_run import RivalRun, answer_bench
from benchmark.vqa.answers import match, read_answers
from versamammo.errors import InputError
from versamammo.vqa import read_bench, write_bench


class Pretender:
    """A rival that answers by how bright the pictures are, and counts how many it was shown."""

    def __init__(self, most_pictures: int = 0, stops_after: int = -1) -> None:
        self.most_pictures = most_pictures
        self.left = stops_after
        self.shown: list[int] = []
        self.light: list[float] = []

    def answer(self, prompt: str, pictures: Sequence[Image.Image]) -> str:
        if self.left == 0:
            raise KeyboardInterrupt
        self.left -= 1
        self.shown.append(len(pictures))
        bright = float(np.mean([np.asarray(picture).mean() for picture in pictures]))
        self.light.append(bright)
        return "Level A" if bright < 75 else "Level B"


def answers_of(run: RivalRun) -> dict[str, str]:
    return {path.name: path.read_text() for path in sorted(run.out.glob("*.jsonl"))}


@pytest.mark.parametrize(
    ("pictures", "own", "shown"),
    [
        (4, 0, [1, 1, 1, 4, 3, 4, 3]),
        (0, 0, [1, 1, 1, 7, 7]),
        (4, 1, [1] * 17),
        (0, 2, [1, 1, 1, 2, 2, 2, 1, 2, 2, 2, 1]),
    ],
)
def test_an_exam_has_any_number_of_pictures(
    bench: RivalRun, pictures: int, own: int, shown: list[int]
) -> None:
    rival = Pretender(own)
    run = replace(bench, pictures=pictures, controls=("none",))
    made = answer_bench(run, rival, {"model": "pretender"})

    assert rival.shown == shown
    assert str(made["none"]) == "5 answers"
    _, coverage = match(read_bench(run.bench), read_answers(run.file("none")))
    assert coverage.complete


def test_controls_take_pictures_away(bench: RivalRun) -> None:
    rival = Pretender()
    answer_bench(replace(bench, pictures=0), rival, {})
    real, black, others = np.array(rival.light).reshape(3, 5)

    assert (black == 0).all()
    assert (real > 0).all()
    assert (real != others).all()
    assert rival.shown == 3 * [1, 1, 1, 7, 7]


@pytest.mark.parametrize("stop", [1, 4, 9])
def test_a_run_that_is_killed_goes_on_and_ends_alike(bench: RivalRun, stop: int) -> None:
    whole = replace(bench, out=bench.out.with_name("whole"))
    answer_bench(whole, Pretender(), {})
    with pytest.raises(KeyboardInterrupt):
        answer_bench(bench, Pretender(stops_after=stop), {})
    # half a line, as a kill leaves it
    last = sorted(bench.out.glob("*.jsonl"))[0]
    last.write_text(last.read_text() + '{"id": "')
    rest = Pretender()
    answer_bench(bench, rest, {})

    assert answers_of(bench) == answers_of(whole)
    assert len(rest.shown) < 21


def test_one_picture_that_is_gone_costs_one_answer(bench: RivalRun) -> None:
    (bench.images / "p3" / "6.png").unlink()
    made = answer_bench(replace(bench, controls=("none",)), Pretender(), {})["none"]

    assert [id_ for id_, _ in made.quarantined] == ["4"]
    assert "6.png" in made.quarantined[0][1]
    lines = [json.loads(line) for line in bench.file("none").read_text().splitlines()]
    assert len(lines) == 5
    assert [line["id"] for line in lines if line["answer"] is None] == ["4"]


def test_a_folder_of_other_answers_is_refused(bench: RivalRun) -> None:
    answer_bench(bench, Pretender(), {"model": "a"})
    for run, described in ((bench, {"model": "b"}), (replace(bench, side=32), {"model": "a"})):
        with pytest.raises(InputError, match="answers of another run"):
            answer_bench(run, Pretender(), described)
    made = read_bench(bench.bench)
    write_bench(bench.bench, [replace(item, question="else") for item in made])
    with pytest.raises(InputError, match="bench differ"):
        answer_bench(bench, Pretender(), {"model": "a"})


def test_a_path_out_of_the_folder_shows_nothing(bench: RivalRun, tmp_path: Path) -> None:
    Image.new("L", (8, 8)).save(tmp_path / "secret.png")
    made = list(read_bench(bench.bench))
    made[0] = replace(made[0], images=("/../secret.png",))
    write_bench(bench.bench, made)
    run = replace(bench, controls=("none",))
    told = answer_bench(run, Pretender(), {})["none"].quarantined

    assert len(told) == 1
    assert "outside" in told[0][1]
