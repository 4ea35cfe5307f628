from __future__ import annotations

import errno
import shutil
import tempfile
import zipfile
from pathlib import Path

import pytest

from app.chat.conversation.facts import warnings_of
from app.chat.evidence.exam import Exam
from app.chat.session import upload
from app.chat.session.limits import Limits
from app.chat.session.unpacking import NO_ROOM
from app.chat.session.upload import FAULT, GONE, Intake, take_in
from versamammo.imaging.reading import read


def drop(home: Path, files: list[Path], limits: Limits | None = None) -> Intake:
    home.mkdir(exist_ok=True)
    uploaded = []
    for number, file in enumerate(files):
        target = home / str(number) / file.name
        target.parent.mkdir()
        shutil.copy(file, target)
        uploaded.append(target)
    *_, last = take_in(uploaded, home, limits or Limits())
    return last


def test_four_views_are_hung_in_reading_order(tmp_path: Path, views: list[Path]) -> None:
    intake = drop(tmp_path / "home", list(reversed(views)))
    assert intake.exam is not None
    assert intake.exam.names == ("R CC", "L CC", "R MLO", "L MLO")
    assert intake.exam.phantom
    assert not intake.refused


def test_a_refused_file_says_why_and_the_others_go_on(tmp_path: Path, views: list[Path]) -> None:
    text = tmp_path / "note.txt"
    text.write_text("not a picture")
    intake = drop(tmp_path / "home", [text, views[0]])
    assert intake.exam is not None
    assert len(intake.exam.images) == 1
    assert [name for name, _ in intake.refused] == ["note.txt"]
    assert "no picture that can be read" in intake.refused[0][1]


def test_uploads_and_unpacked_files_are_gone_after_reading(
    tmp_path: Path, views: list[Path]
) -> None:
    packed = tmp_path / "exam.zip"
    with zipfile.ZipFile(packed, "w") as archive:
        for number, file in enumerate(views):
            archive.write(file, f"folder/{number}.dcm")
    home = tmp_path / "home"
    intake = drop(home, [packed])
    assert intake.exam is not None
    assert len(intake.exam.images) == 4
    assert [p for p in home.rglob("*") if p.is_file()] == []


@pytest.mark.parametrize("outside", ["secret.dcm", "link.dcm"])
def test_a_path_outside_the_private_folder_is_neither_read_nor_deleted(
    tmp_path: Path, views: list[Path], outside: str
) -> None:
    home = tmp_path / "home"
    home.mkdir()
    secret = tmp_path / "secret.dcm"
    shutil.copy(views[0], secret)
    path = secret
    if outside == "link.dcm":
        path = home / outside
        path.symlink_to(secret)
    *_, intake = take_in([path], home, Limits())
    assert intake.exam is None
    assert "not a file that was uploaded here" in intake.refused[0][1]
    assert secret.exists()


def test_no_more_pictures_are_taken_than_an_exam_may_have(
    tmp_path: Path, views: list[Path]
) -> None:
    intake = drop(tmp_path / "home", views, Limits(images=3))
    assert intake.exam is not None
    assert len(intake.exam.images) == 3
    assert "only 3 pictures" in intake.refused[0][1]


def test_pictures_of_two_patients_are_pointed_out_without_naming_them(
    tmp_path: Path, phantoms: Path
) -> None:
    files = sorted((phantoms / "images").rglob("*.dcm"))
    intake = drop(tmp_path / "home", [files[0], files[-1]])
    assert intake.exam is not None
    assert warnings_of(intake.exam)[0] == "These pictures come from different patients."


def test_what_is_kept_holds_no_identifier(exam: Exam, views: list[Path]) -> None:
    told = repr([image.told for image in exam.images])
    ids = read(views[0]).identifiers
    assert ids.patient_id
    for value in (ids.patient_id, ids.exam_id, ids.image_id, ids.exam_date, views[0].name):
        assert value is None or value not in told


def test_a_dicomdir_without_its_files_says_so(tmp_path: Path, views: list[Path]) -> None:
    from pydicom.fileset import FileSet

    made = FileSet()
    for file in views:
        made.add(file)
    made.write(tmp_path / "medium")
    intake = drop(tmp_path / "home", [tmp_path / "medium" / "DICOMDIR"])
    assert intake.exam is None
    assert "index of 4 files, of which 4 were not dropped" in intake.refused[0][1]


def test_a_zip_of_a_medium_is_read_with_its_dicomdir(tmp_path: Path, views: list[Path]) -> None:
    from pydicom.fileset import FileSet

    made = FileSet()
    for file in views:
        made.add(file)
    made.write(tmp_path / "medium")
    packed = shutil.make_archive(str(tmp_path / "medium"), "zip", tmp_path / "medium")
    intake = drop(tmp_path / "home", [Path(packed)])
    assert intake.exam is not None
    assert len(intake.exam.images) == 4
    assert not intake.refused


SECRET = "Doe^Jane"


def full(*_: object, **__: object) -> None:
    raise OSError(errno.ENOSPC, "No space left on device", "/private/Doe_Jane.dcm")


def test_a_broken_member_of_a_zip_is_one_line_beside_the_others(
    tmp_path: Path, views: list[Path]
) -> None:
    packed = tmp_path / "exam.zip"
    with zipfile.ZipFile(packed, "w") as archive:
        archive.write(views[0], "good.dcm")
        archive.writestr("cut.dcm", views[1].read_bytes()[:-9000])
        archive.writestr("note: read me.txt", b"no picture")
    intake = drop(tmp_path / "home", [packed, views[2]])
    assert intake.exam is not None
    assert set(intake.exam.names) == {name_of(views[0]), name_of(views[2])}
    assert [name for name, _ in intake.refused] == ["note: read me.txt", "cut.dcm"]
    assert all("\n" not in why for _, why in intake.refused)


def name_of(path: Path) -> str:
    told = read(path)
    return f"{told.laterality} {told.view}"


def test_a_fault_of_ours_refuses_one_file_and_logs_no_name(
    tmp_path: Path, views: list[Path], monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:  # fmt: skip
    plain = upload.load_image

    def faulty(path: Path) -> object:
        if path.name == views[0].name:
            raise RuntimeError(SECRET)
        return plain(path)

    monkeypatch.setattr(upload, "load_image", faulty)
    intake = drop(tmp_path / "home", views[:2])
    assert intake.exam is not None
    assert len(intake.exam.images) == 1
    assert intake.refused == [(views[0].name, FAULT)]
    assert SECRET not in capsys.readouterr().err


def test_a_full_disk_refuses_the_files_in_one_line_each(
    tmp_path: Path, views: list[Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    packed = tmp_path / "exam.zip"
    with zipfile.ZipFile(packed, "w") as archive:
        archive.write(views[0], "good.dcm")
    plain = Path.mkdir
    with monkeypatch.context() as patch:
        patch.setattr(Path, "mkdir", lambda self, *a, **k: full() if self.parent.name.startswith(
            "unpacked-") else plain(self, *a, **k))  # fmt: skip
        intake = drop(tmp_path / "one", [packed, views[1]])
    assert intake.exam is not None
    assert intake.refused == [("exam.zip", NO_ROOM)]
    with monkeypatch.context() as patch:
        patch.setattr(tempfile, "mkdtemp", full)
        intake = drop(tmp_path / "two", views[:2])
    assert intake.exam is None
    assert intake.refused == [(path.name, NO_ROOM) for path in views[:2]]


def test_a_file_that_was_swept_meanwhile_is_named(
    tmp_path: Path, views: list[Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    def swept(path: Path) -> bool:
        raise FileNotFoundError(errno.ENOENT, "gone", str(path))

    monkeypatch.setattr(upload, "is_zip", swept)
    assert drop(tmp_path / "home", views[:1]).refused == [(views[0].name, GONE)]
