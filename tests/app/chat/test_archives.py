from __future__ import annotations

import zipfile
from pathlib import Path

import pytest

from app.chat.archives import unpack
from app.chat.limits import Limits
from versamammo.errors import InputError


def make_zip(path: Path, members: dict[str, bytes]) -> Path:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in members.items():
            archive.writestr(name, data)
    return path


@pytest.mark.parametrize(
    "name", ["../evil.dcm", "/etc/evil", "a/../../evil", "..\\evil.dcm", "C:\\evil.dcm"]
)
def test_a_member_that_points_outside_is_left_out_and_the_others_unpacked(
    tmp_path: Path, name: str
) -> None:
    room = tmp_path / "room"
    room.mkdir()
    kept, refused = unpack(make_zip(tmp_path / "a.zip", {name: b"x", "good": b"y"}), room, Limits())
    assert [member.inside for member in kept] == ["good"]
    assert "points outside" in refused[0]
    assert sorted(p.name for p in tmp_path.iterdir()) == ["a.zip", "room"]


def test_a_member_that_unpacks_far_too_much_is_left_out(tmp_path: Path) -> None:
    bomb = make_zip(tmp_path / "bomb.zip", {"bomb": bytes(20_000_000)})
    kept, refused = unpack(bomb, tmp_path, Limits())
    assert not kept
    assert "unpacks to far more" in refused[0]


def test_what_comes_out_is_counted_whatever_the_headers_say(tmp_path: Path) -> None:
    path = make_zip(tmp_path / "a.zip", {"a": b"\x01" * 5000, "b": b"\x02" * 5000})
    with pytest.raises(InputError) as caught:
        unpack(path, tmp_path, Limits(unpacked_bytes=7000))
    assert caught.value.reason == "zip-too-large"


def test_too_many_entries_are_refused(tmp_path: Path) -> None:
    path = make_zip(tmp_path / "a.zip", {str(n): b"" for n in range(11)})
    with pytest.raises(InputError) as caught:
        unpack(path, tmp_path, Limits(members=10))
    assert caught.value.reason == "zip-too-many"


def test_a_link_is_left_out(tmp_path: Path) -> None:
    path = tmp_path / "a.zip"
    with zipfile.ZipFile(path, "w") as archive:
        link = zipfile.ZipInfo("link")
        link.external_attr = 0o120777 << 16
        archive.writestr(link, "/etc/passwd")
    kept, refused = unpack(path, tmp_path, Limits())
    assert not kept
    assert "link" in refused[0]


def test_a_damaged_zip_is_refused_in_words(tmp_path: Path) -> None:
    path = tmp_path / "a.zip"
    path.write_bytes(b"PK\x03\x04 and no more")
    with pytest.raises(InputError, match="damaged"):
        unpack(path, tmp_path, Limits())
