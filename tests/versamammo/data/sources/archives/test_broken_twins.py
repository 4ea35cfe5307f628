"""Archives with something wrong: said by name, never passed over, never guessed."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import openpyxl
import pytest

from versamammo.data.sources.archives.catalogue import ARCHIVES
from versamammo.errors import InputError
from versamammo.phantoms.phantom_exam import PhantomExam, make_exam
from versamammo.phantoms.phantom_settings import PhantomSettings
from versamammo.phantoms.twins import LAYOUTS, write_twin

from .conftest import Twin

# layout: its main table, a column of it, and a cell whose word is replaced by nonsense
TABLES = {
    "bmcd": ("Suspicious_case.xlsx", "Folder #"),
    "cbis-ddsm": ("csv/mass_case_description_train_set.csv", "assessment"),
    "cdd-cesm": ("Radiology-manual-annotations.xlsx", "BIRADS"),
    "cmmd": ("CMMD_clinicaldata_revision.xlsx", "classification"),
    "csaw-m": ("labels/CSAW-M_train.csv", "Label"),
    "dbt": ("BCS-DBT-labels-test-PHASE-2.csv", "Cancer"),
    "dmid": ("Metadata.xlsx", "abnormality"),
    "inbreast": ("INbreast.csv", "Bi-Rads"),
    "mias": ("Info.txt", None),
    "nlbs": ("NLBSP-metadata.csv", "Cancer"),
    "vindr-mammo": ("finding_annotations.csv", "finding_categories"),
    "rsna": ("train.csv", "BIRADS"),
    "embed": ("tables/EMBED_OpenData_clinical.csv", "asses"),
}
WORDS = {  # layout: a word of its table, and one that nobody knows
    "cbis-ddsm": ("MALIGNANT", "UNCERTAIN"),
    "cdd-cesm": ("Malignant", "Uncertain"),
    "cmmd": ("Malignant", "Uncertain"),
    "dmid": ("CIRC", "BLOB"),
    "mias": ("CIRC", "BLOB"),
    "vindr-mammo": ("Mass", "Blob"),
    "embed": (",S,", ",Z,"),
}


OF_LESIONS = ("cbis-ddsm", "cbis-ddsm-jpeg", "cmmd")  # archives of breasts with findings alone


def change(path: Path, old: str, new: str) -> None:
    """Replace text in a table, CSV or workbook."""
    if path.suffix != ".xlsx":
        text = path.read_text()
        assert old in text
        path.write_text(text.replace(old, new))
        return
    book = openpyxl.load_workbook(path)
    cells = [cell for row in book.active.iter_rows() for cell in row if old in str(cell.value)]
    assert cells
    for cell in cells:
        cell.value = str(cell.value).replace(old, new)
    book.save(path)


@pytest.mark.parametrize("layout", TABLES)
def test_a_missing_sheet_is_named_with_where_to_get_it(
    layout: str, twin: Callable[[str], Twin]
) -> None:
    made = twin(layout)
    (made.root / TABLES[layout][0]).unlink()
    with pytest.raises(InputError) as caught:
        made.read()
    assert caught.value.reason == "missing-sheet"
    assert ARCHIVES[made.source].link in caught.value.message
    assert ARCHIVES[made.source].licence in caught.value.message


@pytest.mark.parametrize("layout", [name for name, table in TABLES.items() if table[1]])
def test_a_renamed_column_is_named(layout: str, twin: Callable[[str], Twin]) -> None:
    made = twin(layout)
    table, column = TABLES[layout]
    assert column is not None
    change(made.root / table, column, "Renamed")
    with pytest.raises(InputError) as caught:
        made.read()
    assert caught.value.reason == "missing-column"
    assert "Renamed" in caught.value.message


@pytest.mark.parametrize("layout", [*TABLES, "kau-bcmd", "lamis", "mm"])
def test_no_pictures_at_all_is_said(layout: str, twin: Callable[[str], Twin]) -> None:
    made = twin(layout)
    for path in made.root.rglob("*"):
        if path.suffix in (".dcm", ".dicom", ".png", ".jpg", ".pgm"):
            path.unlink()
    with pytest.raises(InputError) as caught:
        made.read()
    assert caught.value.reason == "missing-sheet"


@pytest.mark.parametrize("layout", TABLES)
def test_an_orphan_picture_is_kept_out(layout: str, twin: Callable[[str], Twin]) -> None:
    made = twin(layout)
    before, _ = made.read()
    first = made.root / made.shown[0].path.partition("#")[0]
    orphan = orphan_of(layout, first)
    orphan.parent.mkdir(parents=True, exist_ok=True)
    shutil.copy(first, orphan)
    after, refused = made.read()
    relative = orphan.relative_to(made.root).as_posix()
    assert relative in {entry.path for entry in refused}
    assert set(after) == set(before)


def orphan_of(layout: str, first: Path) -> Path:
    """Name a picture that no row of a table speaks of."""
    if layout == "bmcd":
        return first.parent.parent / "77" / first.name
    if layout in ("cmmd", "cbis-ddsm"):
        parts = list(first.parts)
        parts[-4] = "D9-9999" if layout == "cmmd" else "Mass-Test_P_88888_LEFT_CC"
        return Path(*parts)
    if layout == "rsna":
        return first.with_name("99999999.dcm")
    return first.with_name(first.name.replace(first.stem, f"{first.stem[:1]}9990001"))


@pytest.mark.parametrize(
    "layout", ["csaw-m", "dmid", "inbreast", "vindr-mammo", "rsna", "cdd-cesm"]
)
def test_a_picture_twice_is_kept_out_twice(layout: str, twin: Callable[[str], Twin]) -> None:
    made = twin(layout)
    first = made.root / made.shown[0].path
    (first.parent / "copy").mkdir()
    shutil.copy(first, first.parent / "copy" / first.name)
    kept, refused = made.read()
    assert [entry.reason for entry in refused].count("ambiguous-file") == 2
    assert made.shown[0].path not in kept


@pytest.mark.parametrize("layout", WORDS)
def test_an_unknown_word_keeps_its_pictures_out(layout: str, twin: Callable[[str], Twin]) -> None:
    made = twin(layout)
    before, _ = made.read()
    change(made.root / TABLES[layout][0], *WORDS[layout])
    after, refused = made.read()
    said = [entry for entry in refused if entry.reason == "unknown-word"]
    assert said
    assert len(after) == len(before) - len({entry.path for entry in said})


def test_two_categories_of_one_name_are_kept_out(twin: Callable[[str], Twin]) -> None:
    made = twin("kau-bcmd")
    first = made.root / made.shown[0].path
    other = made.root / "Birad0" / first.name
    other.parent.mkdir()
    shutil.copy(first, other)
    _, refused = made.read()
    assert [entry.reason for entry in refused] == ["copies-disagree"] * 2


def test_contradicting_rows_keep_a_picture_out(twin: Callable[[str], Twin]) -> None:
    made = twin("rsna")
    table = made.root / "train.csv"
    header, first, *rest = table.read_text().splitlines()
    cells = first.split(",")
    cells[6] = str(1 - int(cells[6]))
    table.write_text("\n".join([header, first, ",".join(cells), *rest]) + "\n")
    _, refused = made.read()
    assert [entry.reason for entry in refused] == ["rows-disagree"]


@pytest.mark.parametrize("layout", LAYOUTS)
@pytest.mark.parametrize(
    "content", [b"", b"moved\n" * 40, b"\0" * 200 + b"DICM", b"\x89PNG\r\n\x1a\n"]
)
def test_one_bad_file_does_not_end_a_listing(
    layout: str, content: bytes, twin: Callable[[str], Twin]
) -> None:
    made = twin(layout)
    before, _ = made.read()
    bad = made.shown[0].path.partition("#")[0]
    (made.root / bad).write_bytes(content)
    after, refused = made.read()
    # kept out by name at once, or left to the reader, which opens every listed file
    assert bad in {entry.path for entry in refused} | {path.partition("#")[0] for path in after}
    others = {path for path in before if path.partition("#")[0] != bad}
    assert others <= set(after)


def test_a_damaged_mask_keeps_its_film_out_and_is_named(twin: Callable[[str], Twin]) -> None:
    made = twin("cbis-ddsm")
    before, _ = made.read()
    film = next(path for path, entry in before.items() if entry.labels.findings)
    mask = made.root / (before[film].labels.findings[0].mask or "")
    data = mask.read_bytes()
    mask.write_bytes(data[: len(data) - 100])
    after, refused = made.read()
    assert set(before) - set(after) == {film}
    assert any(entry.path == film and mask.name in entry.message for entry in refused)


HEALTHY = PhantomSettings(exams=2, seed=7, height=192, lesion_rate=0, dates=2)


@pytest.fixture(scope="module")
def healthy() -> list[PhantomExam]:
    return [make_exam(HEALTHY, index) for index in range(HEALTHY.exams)]


@pytest.mark.parametrize("layout", [name for name in LAYOUTS if name not in OF_LESIONS])
def test_an_archive_without_a_single_lesion_is_an_archive(
    layout: str, tmp_path: Path, healthy: list[PhantomExam]
) -> None:
    write_twin(tmp_path / layout, layout, HEALTHY, healthy)
    made = Twin(layout, tmp_path / layout, [])
    kept, _ = made.read()
    assert kept
    assert not any(entry.labels.findings for entry in kept.values())


@pytest.mark.parametrize("old", [b"UTF-8", b"(", b"ROIs"])
def test_a_damaged_xml_keeps_its_own_picture_out(old: bytes, twin: Callable[[str], Twin]) -> None:
    made = twin("inbreast")
    before, _ = made.read()
    xml = next(path for path in sorted(made.root.rglob("*.xml")))
    xml.write_bytes(xml.read_bytes().replace(old, b"UkF-8"))
    after, refused = made.read()
    assert len(set(before) - set(after)) == 1
    assert "bad-outlines" in {entry.reason for entry in refused}
