from __future__ import annotations

import errno
import io
import os
import random
import zipfile
from contextlib import suppress
from pathlib import Path

import pytest

from app.chat.session.limits import Limits
from app.chat.session.unpacking import unpack
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
    assert "points outside" in refused[0][1]
    assert sorted(p.name for p in tmp_path.iterdir()) == ["a.zip", "room"]


def test_a_member_that_unpacks_far_too_much_is_left_out(tmp_path: Path) -> None:
    bomb = make_zip(tmp_path / "bomb.zip", {"bomb": bytes(20_000_000)})
    kept, refused = unpack(bomb, tmp_path, Limits())
    assert not kept
    assert refused == [("bomb", "left out, it unpacks to far more than a picture would")]


def test_what_comes_out_is_counted_whatever_the_headers_say(tmp_path: Path) -> None:
    members = {"a": b"\x01" * 5000, "b": b"\x02" * 5000, "c": b"\x03"}
    kept, refused = unpack(
        make_zip(tmp_path / "a.zip", members), tmp_path, Limits(unpacked_bytes=7000)
    )
    assert [one.inside for one in kept] == ["a"]
    why = "left out, the zip file unpacks to more than is taken"
    assert refused == [("b", why), ("c", why)], "after the limit nothing is unpacked in vain"
    assert sorted(p.name for p in tmp_path.iterdir()) == ["a.zip", "member0"]


class FullDisk(io.FileIO):
    """A file on a disk that is full after a hundred bytes."""

    def write(self, data: object) -> int:
        if self.tell() + len(bytes(data)) > 100:  # type: ignore[call-overload]
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        return super().write(data)  # type: ignore[arg-type]


def test_on_a_full_disk_a_member_is_refused_and_what_was_unpacked_stays(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = make_zip(tmp_path / "a.zip", {"small": b"x" * 50, "large": b"y" * 5000, "last": b"z"})
    plain = Path.open

    def opened(self: Path, mode: str = "r", **more: object) -> object:
        return FullDisk(self, "xb") if mode == "xb" else plain(self, mode, **more)  # type: ignore[call-overload]

    monkeypatch.setattr(Path, "open", opened)
    kept, refused = unpack(path, tmp_path, Limits())
    assert [one.inside for one in kept] == ["small"]
    why = "left out, there is no room left on the server's disk"
    assert refused == [("large", why), ("last", why)]
    assert not (tmp_path / "member1").exists()


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
    assert refused == [("link", "left out, it is a link and no file")]


def test_a_damaged_zip_is_refused_in_words(tmp_path: Path) -> None:
    path = tmp_path / "a.zip"
    path.write_bytes(b"PK\x03\x04 and no more")
    with pytest.raises(InputError, match="damaged"):
        unpack(path, tmp_path, Limits())


KINDS = [zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED, zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA]


@pytest.mark.parametrize("kind", KINDS)
def test_a_damaged_member_is_left_out_and_the_others_unpacked(tmp_path: Path, kind: int) -> None:
    chance = random.Random(7)
    path = tmp_path / "a.zip"
    with zipfile.ZipFile(path, "w", kind) as archive:
        for name in ("one", "two", "three"):
            archive.writestr(name, chance.randbytes(4000))
        second = archive.infolist()[1]
    whole = path.read_bytes()
    begin = second.header_offset + 30 + len(second.filename)
    for number in range(60):
        data = bytearray(whole)
        data[begin + chance.randrange(second.compress_size)] ^= 1 << chance.randrange(8)
        path.write_bytes(data)
        room = tmp_path / str(number)
        room.mkdir()
        kept, refused = unpack(path, room, Limits())
        inside = [member.inside for member in kept]
        if "two" in inside:  # a bit of LZMA's head that nothing depends on
            continue
        assert inside == ["one", "three"]
        assert refused == [("two", "left out, it is damaged inside the zip")]
        assert len(list(room.iterdir())) == 2


@pytest.mark.parametrize("kind", KINDS)
def test_an_archive_damaged_anywhere_is_refused_in_words_or_in_part(
    tmp_path: Path, kind: int
) -> None:
    chance = random.Random(8)
    path = tmp_path / "a.zip"
    with zipfile.ZipFile(path, "w", kind) as archive:
        for name in ("one", "two", "three"):
            archive.writestr(name, chance.randbytes(500))
    whole = path.read_bytes()
    for number in range(150):
        data = bytearray(whole)
        for _ in range(chance.choice((1, 3))):
            data[chance.randrange(len(data))] ^= 1 << chance.randrange(8)
        path.write_bytes(data)
        room = tmp_path / str(number)
        room.mkdir()
        with suppress(InputError):
            kept, _ = unpack(path, room, Limits())
            assert len(list(room.iterdir())) == len(kept)
