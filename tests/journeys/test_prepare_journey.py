"""A stranger prepares an archive of phantoms (not real data), and the machine is not kind."""

from __future__ import annotations

import random
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import psutil
import pytest

COMMAND = (sys.executable, "-m", "app.cli", "prepare")
PRIVATE = ("runs.jsonl", "config.json", "journal.jsonl", ".lock")  # may differ from run to run


def arguments(source: Path, out: Path, *more: str) -> list[str]:
    return [*COMMAND, str(source), "--out", str(out), "--size", "256,192", "--workers", "2", *more]


def finish(source: Path, out: Path, *more: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        arguments(source, out, *more), capture_output=True, text=True, check=False, timeout=300
    )


def contents(out: Path) -> dict[str, bytes]:
    """Cache, manifest, quarantine and summary, byte for byte."""
    files = (path for path in out.rglob("*") if path.is_file() and path.name not in PRIVATE)
    return {str(path.relative_to(out)): path.read_bytes() for path in files}


def pictures(out: Path) -> int:
    return len(list((out / "cache").rglob("*.tif")))


@contextmanager
def started(source: Path, out: Path) -> Iterator[psutil.Popen]:
    """Start a run; whatever it leaves behind ends with the block."""
    process = psutil.Popen(
        arguments(source, out), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    try:
        yield process
    finally:
        with suppress(psutil.NoSuchProcess):
            process.kill()
        process.wait()


def watch(process: psutil.Popen, ready: Callable[[], bool]) -> bool:
    """Wait until something has happened; False if the run ended first."""
    while process.poll() is None:
        if ready():
            return True
        with suppress(psutil.TimeoutExpired):
            process.wait(timeout=0.01)
    return False


def kill_at(source: Path, out: Path, wanted: int, delay: float) -> bool:
    """Run until so many new pictures are there and a moment longer, then kill -9.

    True if the run was still alive. Its workers must be gone soon after.
    """
    with started(source, out) as process:
        before = pictures(out)
        watch(process, lambda: pictures(out) >= before + wanted)
        with suppress(psutil.TimeoutExpired):
            process.wait(timeout=delay)
        if process.poll() is not None:
            return False
        others = process.children(recursive=True)
        process.kill()
        process.wait()
    _, alive = psutil.wait_procs(others, timeout=30)
    assert not alive, "workers must not outlive their parent"
    return True


def kill_often(source: Path, folder: Path, kills: int, seed: int, total: int) -> list[Path]:
    """Kill runs at seeded moments until `kills` have hit; gives the folders that were finished."""
    chance = random.Random(seed)
    finished, hit = [], 0
    while hit < kills:
        out = folder / str(len(finished))
        for _ in range(min(2 + kills // 4, kills - hit)):
            left = total - (pictures(out) if out.exists() else 0)
            hit += kill_at(
                source, out, chance.randint(0, max(0, left // 2)), chance.uniform(0, 0.1)
            )
        done = finish(source, out)
        assert done.returncode == 0, done.stderr
        finished.append(out)
    return finished


def make_phantoms(out: Path, exams: int, height: int) -> Path:
    subprocess.run(
        [sys.executable, "-m", "app.cli", "phantom", str(out), "--exams", str(exams),
         "--seed", "5", "--height", str(height), "--workers", "2"],
        check=True, capture_output=True, timeout=300,
    )  # fmt: skip
    return out


@pytest.fixture(scope="module")
def undisturbed(phantoms: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, bytes]:
    """What a run shows when nothing happens to it."""
    out = tmp_path_factory.mktemp("undisturbed") / "out"
    done = finish(phantoms, out)
    assert done.returncode == 0, done.stderr
    assert "prepared" in done.stdout
    assert "hantoms are not real data" in done.stdout
    found = contents(out)
    assert sum(name.endswith(".tif") for name in found) == 8
    return found


def test_kill_9_leaves_no_trace(
    phantoms: Path, undisturbed: dict[str, bytes], tmp_path: Path
) -> None:
    finished = kill_often(phantoms, tmp_path, kills=2, seed=1, total=8)
    assert finished
    for out in finished:
        assert contents(out) == undisturbed


@pytest.mark.slow
def test_ten_kills_of_a_larger_run_leave_no_trace(tmp_path: Path) -> None:
    source = make_phantoms(tmp_path / "phantoms", exams=10, height=768)
    assert finish(source, tmp_path / "undisturbed").returncode == 0
    expected = contents(tmp_path / "undisturbed")
    for out in kill_often(source, tmp_path / "killed", kills=10, seed=2, total=40):
        assert contents(out) == expected


def test_a_killed_worker_costs_nothing(
    phantoms: Path, undisturbed: dict[str, bytes], tmp_path: Path
) -> None:
    out = tmp_path / "out"
    with started(phantoms, out) as process:
        seen = watch(process, lambda: pictures(out) >= 1)
        workers = [child for server in process.children() for child in server.children()]
        for worker in workers[:1]:
            with suppress(psutil.NoSuchProcess):
                worker.kill()
        assert process.wait() == 0
    assert seen
    assert contents(out) == undisturbed


def test_wrong_files_are_named_without_a_traceback(phantoms: Path, tmp_path: Path) -> None:
    source = tmp_path / "mixed"
    source.mkdir()
    good = next(phantoms.rglob("*.dcm"))
    shutil.copy(good, source / "good.dcm")
    (source / "cut.dcm").write_bytes(good.read_bytes()[:-2000])
    (source / "notes.txt").write_text("no picture")
    done = finish(source, tmp_path / "out")
    assert done.returncode == 0
    assert "cut.dcm: PixelData: " in done.stderr
    assert "Traceback" not in done.stderr
    assert "not images          1" in done.stdout


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["nowhere", "--out", "out"], "nowhere: source: no such file or folder"),
        (["{source}", "--out", "{source}/out"], "--out: lies within the source"),
    ],
)
def test_a_caller_s_mistake_is_exit_code_2(
    phantoms: Path, tmp_path: Path, words: list[str], said: str
) -> None:
    filled = [word.format(source=phantoms) for word in words]
    done = subprocess.run(
        [*COMMAND, *filled], cwd=tmp_path, capture_output=True, text=True, check=False
    )
    assert done.returncode == 2
    assert said in done.stderr
    assert "Traceback" not in done.stderr


def test_a_full_disk_is_said_and_cleaned_up(phantoms: Path, tmp_path: Path) -> None:
    small = tmp_path / "small"
    small.mkdir()
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=200k", "tmpfs", str(small)],
        capture_output=True, check=False,
    )  # fmt: skip
    if mounted.returncode:
        pytest.skip("a small disk can only be made by root")
    try:
        done = finish(phantoms, small / "out")
        assert done.returncode == 2
        assert "the disk is full" in done.stderr
        assert "Traceback" not in done.stderr
        assert not (small / "out" / "manifest.parquet").exists()
        assert not list(small.rglob(".*.part"))
    finally:
        subprocess.run(["umount", str(small)], check=True)
