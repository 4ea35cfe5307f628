"""Two models of one run or of two, by name."""

from __future__ import annotations

import csv
import io

import pytest

from benchmark.comparing import as_csv, compare, lines
from tests.benchmark.report.made_up_run import write_run
from versamammo.errors import InputError

IDS = ("cls.rsna.cancer", "cls.vindr.density", "seg.cbis.mass")


def test_models_of_one_run_are_compared_and_what_is_unfinished_is_named(tmp_path):
    cut = [("random", "cls.vindr.density")]
    run = write_run(
        tmp_path / "r", {"student": 2.0, "random": 0.1}, ids=IDS, cut=cut, notice="PHANTOMS"
    )
    made = compare(run / "student", run / "random", resamples=400)
    assert [row.task for row in made.rows] == ["seg.cbis.mass", "cls.rsna.cancer"]
    assert {row.better for row in made.rows} == {"first"}
    assert [row.p_holm for row in made.rows] == pytest.approx([2 * row.p for row in made.rows])
    assert made.skipped == (("cls.vindr.density", "incomplete 120/240 in the second run"),)
    told = "\n".join(lines(made))
    assert "\nPHANTOMS\n" in told
    assert "A better in 2, B in 0 of 2 tasks" in told
    assert "not compared, incomplete 120/240" in told
    rows = list(csv.DictReader(io.StringIO(as_csv(made))))
    assert [row["model_b"] for row in rows] == ["random", "random"]


def test_two_runs_of_one_model_each_are_named_by_their_folders(tmp_path):
    first = write_run(tmp_path / "a", {"student": 2.0}, ids=IDS)
    second = write_run(tmp_path / "b", {"other": 2.0}, ids=IDS[:2])
    made = compare(first, second, resamples=100)
    assert [row.value for row in made.rows] == [0, 0]
    assert ("seg.cbis.mass", "not in the second run") in made.skipped


def test_it_has_to_be_clear_which_model_is_meant(tmp_path):
    run = write_run(tmp_path / "r", {"a": 1.0, "b": 1.0}, ids=IDS[:1])
    with pytest.raises(InputError, match="name one"):
        compare(run, run / "a")
    with pytest.raises(InputError, match="holds no run"):
        compare(run / "a", tmp_path / "elsewhere")
