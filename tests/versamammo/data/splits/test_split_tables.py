from __future__ import annotations

import re
from pathlib import Path

import pytest

from versamammo.data.splits.draw import leakage
from versamammo.data.splits.split_tables import Names, apply_table, read_splits
from versamammo.errors import InputError

SHARED = Path(__file__).resolve().parents[5] / "shared" / "splits"


def image(number: int, patient: str | None = None, exam: str | None = None) -> Names:
    return Names(f"deep/{number}.png", f"id{number}", str(number), exam, patient)


def written(folder: Path, text: str) -> Path:
    path = folder / "splits.csv"
    path.write_text(text)
    return path


@pytest.mark.parametrize(
    ("head", "first", "second"),
    [
        ("file", "deep/1.png", "2.png"),
        ("image_id", "id1", "id2"),
        ("study_id", "E1", "E2"),
        ("patient", "P1", "P2"),
    ],
)
def test_a_table_may_name_files_images_exams_or_patients(
    tmp_path: Path, head: str, first: str, second: str
) -> None:
    path = written(tmp_path, f"{head},split\n{first},Train\n{second},Eval\nnobody,test\n")
    given = apply_table(read_splits(str(path)), [image(1, "P1", "E1"), image(2, "P2", "E2"),
                                                 image(3, "P3", "E3")])  # fmt: skip
    assert given.splits == ("train", "val", None)
    assert (given.unnamed, given.unmatched) == (1, 1)


def test_leaks_of_a_given_table_are_counted(tmp_path: Path) -> None:
    path = written(tmp_path, "image_id,split\nid1,train\nid2,test\nid3,test\nid4,train\n")
    images = [image(1, "P1", "E1"), image(2, "P1", "E2"), image(3, "P2", "E3"), image(4)]
    patients, exams = apply_table(read_splits(str(path)), images).leaks
    assert (patients.groups, patients.parted, patients.train_and_test) == (2, 1, 1)
    assert (exams.groups, exams.parted) == (3, 0)


def test_the_published_form_is_read_by_data_set(tmp_path: Path) -> None:
    path = written(tmp_path, "dataset,data_name,data_split\nMIAS,1,Train\nMIAS,2,Eval\nMM,1,Test\n")
    given = apply_table(read_splits(f"published:{path}#MIAS"), [image(1), image(2)])
    assert given.splits == ("train", "val")
    with pytest.raises(InputError, match="'1' is in both") as caught:
        read_splits(f"published:{path}")
    assert caught.value.reason == "split-conflict"


@pytest.mark.parametrize(
    ("text", "choice", "reason"),
    [
        ("file,split\na,holdout\n", "{}", "unknown-word"),
        ("file,split\na,train\na,test\n", "{}", "split-conflict"),
        ("name,split\na,train\n", "{}", "missing-column"),
        ("file,side\na,train\n", "{}", "missing-column"),
        ("file,split\na,train\n", "published:{}", "missing-column"),
        ("dataset,data_name,data_split\nMM,1,Test\n", "published:{}#MIAS", "unknown-dataset"),
    ],
)
def test_a_table_that_cannot_be_used_says_why(
    tmp_path: Path, text: str, choice: str, reason: str
) -> None:
    with pytest.raises(InputError) as caught:
        read_splits(choice.format(written(tmp_path, text)))
    assert caught.value.reason == reason
    assert "splits.csv" in str(caught.value)


@pytest.mark.parametrize(
    ("dataset", "patient", "groups", "both", "parted"),
    [
        ("LAMIS", r"[^_]+", 591, 331, 435),
        ("CDD-CESM", r"P\d+", 326, 140, 181),
        ("CMMD", r"D\d-\d+", 1775, 29, 51),
    ],
)
def test_the_published_tables_leak_as_was_measured(
    dataset: str, patient: str, groups: int, both: int, parted: int
) -> None:
    path = SHARED / "classification_split.csv"
    if not path.is_file():
        pytest.skip(f"the published splits are not at {SHARED}")
    table = read_splits(f"published:{path}#{dataset}")
    pairs = []
    for name, split in table.splits.items():
        match = re.match(patient, name)
        assert match is not None, name
        pairs.append((match[0], split))
    found = leakage("patients", pairs)
    assert (found.groups, found.train_and_test, found.parted) == (groups, both, parted)
