"""Benchmark items: known answers only, patients apart, balanced, the published format."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path

import pytest

from benchmark.vqa.answers import letters
from tests.vlm.archives import write_archive
from versamammo.errors import InputError
from versamammo.vqa import Kind, read_bench, write_bench
from versamammo.vqa.asking import prompt_of
from vlm.instructions import make_items
from vlm.instructions.questions_command import parser, run


@pytest.fixture(scope="module")
def archive(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_archive(tmp_path_factory.mktemp("items") / "prepared")


def test_no_patient_is_asked_about_in_two_splits(archive: Path) -> None:
    asked = {
        split: {item.patient for item in make_items(archive, (split,))}
        for split in ("train", "val", "test")
    }
    assert all(len(patients) == 6 for patients in asked.values())
    assert len(set.union(*asked.values())) == 18


def test_items_are_read_back_as_they_were_written(archive: Path, tmp_path: Path) -> None:
    items = make_items(archive)
    write_bench(tmp_path / "items.json", items)
    assert read_bench(tmp_path / "items.json") == items


def test_unknown_density_is_never_asked_about(tmp_path: Path) -> None:
    folder = write_archive(tmp_path / "prepared", unknown_density=True)
    assert "ACR" not in {item.topic for item in make_items(folder)}


def test_findings_nobody_looked_for_are_no_options(archive: Path) -> None:
    items = [item for item in make_items(archive) if item.topic == "Abnormality"]
    assert {frozenset(item.options) for item in items} == {
        frozenset({"Normal", "Mass", "Calcification"})
    }
    assert all(item.kind is Kind.MULTIPLE for item in items)


def test_normal_images_are_asked_for_masses_too(archive: Path) -> None:
    answers = Counter(item.answer for item in make_items(archive) if item.topic == "Mass")
    assert answers == {("Yes",): 4, ("No",): 8}


def test_answers_are_equally_frequent_up_to_the_limit(archive: Path) -> None:
    items = make_items(archive, per_answer=3)
    counts = Counter((item.topic, item.answer) for item in items)
    assert set(counts.values()) == {3}


def test_a_seed_fixes_wording_and_options_and_another_changes_them(archive: Path) -> None:
    assert make_items(archive, seed=1) == make_items(archive, seed=1)
    first, other = make_items(archive, seed=1), make_items(archive, seed=2)
    assert [item.options for item in first] != [item.options for item in other]


def test_exams_are_asked_about_with_all_their_views(archive: Path) -> None:
    several = [item for item in make_items(archive) if len(item.images) > 1]
    assert {item.topic for item in several} == {"ACR", "Bi-Rads"}
    assert not [item for item in make_items(archive, exams=False) if len(item.images) > 1]


def test_the_scorer_reads_the_order_of_options_off_the_prompt(archive: Path) -> None:
    item = next(item for item in make_items(archive) if item.topic == "ACR")
    shown = item.options[::-1]
    found = letters(item, prompt_of(item, shown))
    assert found == dict(zip("ABCD", shown, strict=True))


def test_the_verb_writes_a_bench(
    archive: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "items.json"
    assert run(parser().parse_args([str(archive), "--out", str(out), "--per-answer", "2"])) == 0
    assert len(json.loads(out.read_text())) == len(read_bench(out))
    assert "6 patients" in capsys.readouterr().out


def test_a_split_without_images_is_named(archive: Path) -> None:
    with pytest.raises(InputError, match="no image is in the splits nowhere"):
        make_items(archive, ("nowhere",))
