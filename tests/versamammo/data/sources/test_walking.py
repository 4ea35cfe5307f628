from __future__ import annotations

import os
from pathlib import Path

import pytest

from versamammo.data.quarantine import Quarantined
from versamammo.data.sources import walking
from versamammo.errors import InputError


def test_files_are_listed_in_a_fixed_order(tmp_path: Path) -> None:
    for name in ("b/2.png", "a/1.png", "b/1.png", "c.png"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).touch()
    assert sorted(map(str, walking.walk(tmp_path))) == ["a/1.png", "b/1.png", "b/2.png", "c.png"]
    assert list(walking.walk(tmp_path)) == list(walking.walk(tmp_path))


def test_links_out_of_the_root_are_not_followed(tmp_path: Path) -> None:
    inside, outside = tmp_path / "in", tmp_path / "out"
    for folder in (inside, outside):
        folder.mkdir()
        (folder / "a.png").touch()
    (inside / "link.png").symlink_to(outside / "a.png")
    (inside / "folder").symlink_to(outside)
    (inside / "own.png").symlink_to(inside / "a.png")
    found = list(walking.walk(inside))
    assert sorted(path for path in found if isinstance(path, str)) == ["a.png", "own.png"]
    refused = [entry for entry in found if isinstance(entry, Quarantined)]
    assert {(entry.path, entry.reason) for entry in refused} == {
        ("link.png", "outside-root"),
        ("folder", "outside-root"),
    }


def test_pipes_and_broken_links_are_not_opened(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe.dcm")
    (tmp_path / "broken.dcm").symlink_to(tmp_path / "nothing.dcm")
    found = list(walking.walk(tmp_path))
    assert [getattr(entry, "reason", entry) for entry in found] == ["not-a-file", "not-a-file"]


def test_a_loop_of_links_ends(tmp_path: Path) -> None:
    (tmp_path / "a").mkdir()
    (tmp_path / "a" / "back").symlink_to(tmp_path)
    (tmp_path / "a" / "1.png").touch()
    assert list(walking.walk(tmp_path)) == ["a/1.png"]


def test_a_name_that_is_no_text_is_reported(tmp_path: Path) -> None:
    (tmp_path / os.fsdecode(b"\xff.png")).touch()
    (found,) = walking.walk(tmp_path)
    assert isinstance(found, Quarantined)
    assert found.reason == "name-not-text"
    found.path.encode()


def test_a_folder_that_cannot_be_listed_is_reported(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "closed").mkdir()
    (tmp_path / "a.png").touch()
    real = os.scandir

    def scandir(path: str) -> object:
        if Path(path).name == "closed":
            raise PermissionError(13, "Permission denied", str(path))
        return real(path)

    monkeypatch.setattr(os, "scandir", scandir)
    found = list(walking.walk(tmp_path))
    assert found[0] == "a.png"
    assert isinstance(found[1], Quarantined)
    assert (found[1].path, found[1].reason) == ("closed", "unreadable-folder")
    with pytest.raises(InputError) as caught:
        walking.check_root(tmp_path / "closed")
    assert caught.value.reason == "unreadable-folder"


def test_a_missing_root_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError) as caught:
        list(walking.walk(tmp_path / "nowhere"))
    assert caught.value.reason == "missing-folder"
