from __future__ import annotations

from pathlib import Path

import pytest

from versamammo.data.sources.columns import read_table
from versamammo.errors import InputError


def table(folder: Path, text: str, encoding: str = "utf-8") -> Path:
    path = folder / "labels.csv"
    path.write_text(text, encoding=encoding)
    return path


@pytest.mark.parametrize("separator", [",", ";", "\t"])
def test_the_usual_separators_are_told_apart(tmp_path: Path, separator: str) -> None:
    text = f"file{separator}density\na.png{separator}B\n"
    found = read_table(table(tmp_path, text))
    assert dict(found.columns) == {"file": "file", "density": "density"}


def test_real_archives_spellings_are_recognised(tmp_path: Path) -> None:
    head = "patient_id,breast density,left or right breast,image view,abnormality id,assessment"
    found = read_table(table(tmp_path, f"{head},image file path\n" + ",".join("abcdefg") + "\n"))
    assert dict(found.columns) == {
        "patient_id": "patient_id",
        "density": "breast density",
        "laterality": "left or right breast",
        "view": "image view",
        "lesion_id": "abnormality id",
        "birads": "assessment",
        "file": "image file path",
    }
    assert found.unused == ()


def test_real_tables_are_read_as_they_are(real: Path) -> None:
    for name in ("mass_case_description_train_set.csv", "calc_case_description_test_set.csv"):
        found = read_table(real / "cbis" / name)
        assert {"patient_id", "density", "laterality", "view", "birads", "pathology"} <= set(
            found.columns
        )
    found = read_table(real / "cesm_csv" / "Radiology-manual-annotations.csv")
    assert found.columns["density"] == "Breast density (ACR)"
    assert found.columns["image_id"] == "Image_name"


def test_the_caller_names_what_is_not_recognised(tmp_path: Path) -> None:
    path = table(tmp_path, "file,D2\na.png,B\n")
    found = read_table(path, {"density": "D2", "birads_edition": "=5th"})
    assert found.columns["density"] == "D2"
    assert found.constants == {"birads_edition": "5th"}
    assert found.where("density") == "labels.csv: D2"


def test_columns_that_nobody_reads_are_known(tmp_path: Path) -> None:
    assert read_table(table(tmp_path, "file,denisty\na,B\n")).unused == ("denisty",)


def test_our_own_name_wins_over_a_synonym(tmp_path: Path) -> None:
    assert read_table(table(tmp_path, "image,file\na,b\n")).columns["file"] == "file"


@pytest.mark.parametrize(
    ("text", "overrides", "reason"),
    [
        ("image,path\na,b\n", {}, "ambiguous-column"),
        ("file\na\n", {"density": "acr"}, "unknown-column"),
        ("file\na\n", {"densty": "file"}, "unknown-field"),
        ("file\n", {}, "empty-table"),
        ("", {}, "bad-table"),
        ("file\na,b,c\nd\n", {}, "bad-table"),
    ],
)
def test_a_table_that_cannot_be_used_says_why(
    tmp_path: Path, text: str, overrides: dict[str, str], reason: str
) -> None:
    with pytest.raises(InputError) as caught:
        read_table(table(tmp_path, text), overrides)
    assert caught.value.reason == reason


def test_a_missing_table_is_named(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"nowhere\.csv") as caught:
        read_table(tmp_path / "nowhere.csv")
    assert caught.value.reason == "bad-table"


def test_bytes_that_are_no_text_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "labels.csv"
    path.write_bytes(b"file,density\n\xff\xfe\x00,B\n")
    with pytest.raises(InputError) as caught:
        read_table(path)
    assert caught.value.reason == "bad-table"


def test_a_byte_order_mark_is_no_part_of_the_first_name(tmp_path: Path) -> None:
    found = read_table(table(tmp_path, "file,density\na,B\n", encoding="utf-8-sig"))
    assert found.columns["file"] == "file"


def test_a_cell_may_hold_a_new_line(tmp_path: Path) -> None:
    found = read_table(table(tmp_path, 'file,density\n"a\nb",B\nc,D\n'))
    assert found.sheet.rows == (("a\nb", "B"), ("c", "D"))
