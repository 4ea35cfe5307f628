"""The verb `report`: the chat's draft of the files that can be used, in every form."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from app import cli
from app.chat.conversation.report import written_draft
from app.chat.evidence.exam import gather, load_image
from app.chat.exports.report_formats import marked
from versamammo import NOTICE


@pytest.fixture(scope="module")
def files(phantoms: Path) -> list[str]:
    return [str(file) for file in sorted((phantoms / "images").rglob("*.dcm"))[:2]]


def report(*words: str) -> int:
    return cli.main(["report", *words, "--model", "none"])


def test_the_text_is_the_chats_draft_with_its_sources(
    files: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    assert report(*files) == 0
    exam = gather([load_image(Path(file)) for file in files])
    told = capsys.readouterr().out
    draft, legend = told.split("\n\nSOURCES\n")
    own = marked(written_draft(exam, None, ())).split("\n\nSOURCES\n")[0]
    assert draft.split("MADE WITH")[0] == own.split("MADE WITH")[0]
    assert legend.startswith("[1] tag: ")


@pytest.mark.parametrize(("form", "ending"), [
    ("text", ".txt"), ("json", ".json"), ("pdf", ".pdf"), ("fhir", ".fhir.json"),
])  # fmt: skip
def test_a_folder_takes_a_file_called_by_exam_and_time(
    files: list[str], tmp_path: Path, form: str, ending: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert report(*files, "--format", form, "--out", str(tmp_path)) == 0
    (path,) = tmp_path.iterdir()
    assert path.name.startswith("vm_phantom-")
    assert path.name.endswith(ending)
    assert capsys.readouterr().out == f"{path}\n"
    assert NOTICE.encode() in path.read_bytes()
    if ending.endswith("json"):
        kind = {"json": "schema", "fhir": "resourceType"}[form]
        assert kind in json.loads(path.read_text())


def test_a_refused_file_is_one_line_beside_what_was_accepted(
    files: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    text = tmp_path / "note.txt"
    text.write_text("no picture")
    assert report(files[0], str(text), str(tmp_path / "gone.dcm"), "--format", "json") == 2
    said = capsys.readouterr()
    assert json.loads(said.out)["sections"][1]["sentences"][1]["text"].startswith("1 mammogram: ")
    assert said.err.splitlines() == [
        "versamammo: note.txt: the file is no DICOM, PNG, JPEG, TIFF or PGM file",
        "versamammo: gone.dcm: cannot be opened: No such file or directory",
    ]


def test_without_any_picture_there_is_no_report(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for name in ("a.txt", "b.txt"):
        (tmp_path / name).write_text("no picture")
    assert report(str(tmp_path / "a.txt"), str(tmp_path / "b.txt")) == 2
    said = capsys.readouterr()
    assert said.out == ""
    assert [line.split(": ")[1] for line in said.err.splitlines()] == ["a.txt", "b.txt"]


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["--format", "pdf"], "--out: a PDF is not printed"),
        (["--out", "{file}/x.txt"], "x.txt: --out: cannot be written: File exists"),
    ],
)
def test_a_wrong_out_is_one_sentence(
    files: list[str], tmp_path: Path, words: list[str], told: str,
    capsys: pytest.CaptureFixture[str],
) -> None:  # fmt: skip
    (tmp_path / "file").touch()
    words = [word.format(file=tmp_path / "file") for word in words]
    assert report(files[0], *words) == 2
    said = capsys.readouterr().err
    assert told in said
    assert said.count("\n") == 1


def test_too_many_files_are_refused_before_any_is_read(
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert report(*["none.dcm"] * 9) == 2
    assert "FILE: 9 files; at most 8 of one exam are taken" in capsys.readouterr().err
