"""The private folder: whose it is, what is swept from it, and when."""

from __future__ import annotations

import errno
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from app.chat.session.limits import Limits
from app.chat.session.private_folder import LOCK, PREFIX, PrivateFolder, claim, sweep_dead

SERVER = """
import sys, time
from pathlib import Path
from app.chat.session.private_folder import claim
home, lock = claim(Path(sys.argv[1]))
(home / "abc").mkdir()
(home / "abc" / "upload.dcm").write_bytes(b"a picture")
print(home, flush=True)
time.sleep(60)
"""


class Clock:
    def __init__(self, home: Path) -> None:
        self.home = home
        self.later = 0.0

    def __call__(self) -> float:
        return self.home.stat().st_mtime + self.later


def started(parent: Path) -> tuple[subprocess.Popen[str], Path]:
    process = subprocess.Popen(
        [sys.executable, "-c", SERVER, str(parent)], stdout=subprocess.PIPE, text=True
    )
    assert process.stdout is not None
    return process, Path(process.stdout.readline().strip())


def put(home: Path, name: str, size: int, age: float = 0) -> Path:
    path = home / name
    path.parent.mkdir(exist_ok=True)
    path.write_bytes(bytes(size))
    seen = home.stat().st_mtime
    os.utime(path, (seen - age, seen - age))
    return path


def test_the_folder_of_a_killed_server_is_swept_and_that_of_a_living_one_stays(
    tmp_path: Path,
) -> None:
    (dead, left), (alive, used) = started(tmp_path), started(tmp_path)
    assert sweep_dead(tmp_path) == 0
    dead.send_signal(signal.SIGKILL)
    dead.wait()
    assert left.is_dir()
    assert sweep_dead(tmp_path) == 1
    assert not left.exists()
    assert (used / "abc" / "upload.dcm").is_file()
    alive.kill()
    alive.wait()
    assert sweep_dead(tmp_path) == 1


def test_what_is_not_known_to_be_a_dead_servers_stays(tmp_path: Path) -> None:
    other = tmp_path / "elsewhere"
    other.mkdir()
    (other / LOCK).touch()
    (tmp_path / f"{PREFIX}link").symlink_to(other)
    (tmp_path / f"{PREFIX}file").touch()
    (tmp_path / f"{PREFIX}without-lock").mkdir()
    linked = tmp_path / f"{PREFIX}lock-is-a-link"
    linked.mkdir()
    (linked / LOCK).symlink_to(other / LOCK)
    assert sweep_dead(tmp_path) == 0
    assert len(list(tmp_path.iterdir())) == 5


def test_a_claimed_folder_is_private_and_locked(tmp_path: Path) -> None:
    home, lock = claim(tmp_path)
    assert home.stat().st_mode & 0o777 == 0o700
    assert sweep_dead(tmp_path) == 0
    lock.close()
    assert sweep_dead(tmp_path) == 1


@pytest.fixture
def home(tmp_path: Path) -> Path:
    made = tmp_path / "home"
    made.mkdir()
    (made / LOCK).touch()
    return made


def test_an_upload_nobody_opens_is_deleted_with_its_folder(home: Path) -> None:
    clock = Clock(home)
    folder = PrivateFolder(home, Limits(waiting_seconds=100, empty_seconds=10), clock)
    put(home, "sha/a.dcm", 5)
    put(home, "half-uploaded", 5)
    clock.later = 90
    assert folder.sweep() == 10
    clock.later = 110
    assert folder.sweep() == 0
    clock.later = 300
    folder.sweep()
    assert [path.name for path in home.iterdir()] == [LOCK]


def test_uploads_beyond_the_limit_go_the_oldest_first(home: Path) -> None:
    folder = PrivateFolder(home, Limits(held_bytes=250, waiting_seconds=1000), Clock(home))
    old, middle, new = (put(home, f"{n}/a.dcm", 100, age) for n, age in enumerate((9, 6, 3)))
    assert folder.bytes == 300
    assert folder.sweep() == 200
    assert (old.exists(), middle.exists(), new.exists()) == (False, True, True)


def test_files_of_a_reading_and_of_a_visit_are_theirs_to_delete(home: Path) -> None:
    clock = Clock(home)
    folder = PrivateFolder(home, Limits(waiting_seconds=1, held_seconds=1000), clock)
    put(home, "unpacked-1/member0", 5, 99)
    put(home, "export-1/mammogram-chat.pdf", 5, 99)
    clock.later = 500
    assert folder.sweep() == 0
    assert len(list(home.rglob("*-1/*"))) == 2
    clock.later = 2000  # nobody's any more: its visit ended while it was being written
    folder.sweep()
    assert [path.parent.name for path in home.rglob("*-1/*")] == ["unpacked-1"]


def test_a_full_disk_leaves_nothing_of_a_folder_that_could_not_be_claimed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(Path, "open", full)
    with pytest.raises(OSError, match="No space left"):
        claim(tmp_path)
    assert list(tmp_path.iterdir()) == []
