"""A command ends with one sentence and a code, whatever ends it, and leaves no process behind."""

from __future__ import annotations

import errno
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import psutil
import pytest
from safetensors import SafetensorError

from versamammo.errors import InputError
from versamammo.training.stopping import Stopped, explain, run_command

ROOT = Path(__file__).resolve().parents[3]


@pytest.mark.parametrize(
    ("error", "code", "said"),
    [
        (InputError("is torn", file="a.json", field="data"), 2, "a.json: data: is torn"),
        (OSError(errno.ENOSPC, "No space left on device"), 2, "the disk is full"),
        (OSError(errno.EDQUOT, "Disk quota exceeded"), 2, "the disk is full"),
        (SafetensorError("No space left on device (os error 28)"), 2, "the disk is full"),
        (
            OSError(errno.EROFS, "Read-only file system", "/x/y/log"), 1,
            "cannot write log: the file system is read-only",
        ),
        (PermissionError(errno.EACCES, "denied", "/x/key"), 1, "no permission to use key"),
        (MemoryError(), 1, "out of memory"),
        (KeyboardInterrupt(), 130, "stopped"),
        (Stopped(signal.SIGTERM), 143, "stopped"),
        (ZeroDivisionError("by zero"), 1, "internal error: ZeroDivisionError: by zero"),
    ],
)  # fmt: skip
def test_what_ends_a_command_is_said(error: BaseException, code: int, said: str) -> None:
    sentence, found = explain(error)

    assert sentence.startswith(said)
    assert found == code


def test_a_command_prints_one_line(capsys: pytest.CaptureFixture[str]) -> None:
    def work() -> int:
        raise InputError("is torn", file="a.json")

    assert run_command("stage 9", work) == 2
    assert capsys.readouterr().err == "stage 9: a.json: is torn\n"
    assert run_command("stage 9", lambda: 0) == 0
    assert run_command("stage 9", work, debug=True) == 2
    assert "Traceback" in capsys.readouterr().err


def test_the_signals_are_given_back() -> None:
    before = signal.getsignal(signal.SIGTERM), signal.getsignal(signal.SIGINT)

    run_command("nothing", lambda: 0)

    assert (signal.getsignal(signal.SIGTERM), signal.getsignal(signal.SIGINT)) == before


# two children, one of which will not end when it is asked to
WORKING = """
import signal, subprocess, sys, time
from versamammo.training.stopping import run_command

def work():
    wait = "import time; time.sleep(300)"
    stubborn = "import signal; signal.signal(signal.SIGTERM, signal.SIG_IGN); "
    own = [subprocess.Popen([sys.executable, "-c", words + wait]) for words in ("", stubborn)]
    time.sleep(1)
    print(*[one.pid for one in own], flush=True)
    time.sleep(300)

sys.exit(run_command("working", work, resumes=True))
"""


@pytest.mark.parametrize(("signum", "code"), [(signal.SIGTERM, 143), (signal.SIGINT, 130)])
def test_a_stopped_command_leaves_no_process_behind(signum: int, code: int) -> None:
    process = subprocess.Popen(
        [sys.executable, "-c", WORKING], cwd=ROOT, text=True,
        stdout=subprocess.PIPE, stderr=subprocess.PIPE,
    )  # fmt: skip
    assert process.stdout is not None
    children = [int(word) for word in process.stdout.readline().split()]
    assert len(children) == 2

    process.send_signal(signum)
    _, errors = process.communicate(timeout=30)

    assert process.returncode == code
    assert errors == "working: stopped; the same command goes on with it\n"
    assert not [child for child in children if psutil.pid_exists(child)]


LAUNCHER = """
import os, subprocess, sys, time
os.environ["ACCELERATE_MIXED_PRECISION"] = "no"
child = subprocess.Popen([sys.executable, "-c", sys.argv[1]])
print(child.pid, flush=True)
child.wait()
"""


@pytest.mark.skipif(sys.platform != "linux", reason="the kernel tells of it on Linux alone")
def test_a_process_ends_with_the_launcher_that_died(tmp_path: Path) -> None:
    with (tmp_path / "errors").open("w") as errors:
        launcher = subprocess.Popen(
            [sys.executable, "-c", LAUNCHER, WORKING], cwd=ROOT, text=True,
            stdout=subprocess.PIPE, stderr=errors,
        )  # fmt: skip
        assert launcher.stdout is not None
        child = psutil.Process(int(launcher.stdout.readline()))
        launcher.stdout.readline()  # until it works
        launcher.kill()
        launcher.wait()

        child.wait(timeout=30)

    assert "working: stopped" in (tmp_path / "errors").read_text()


def test_an_interrupt_within_an_interrupt_is_one(tmp_path: Path) -> None:
    code = (
        "import os, signal, sys, time\n"
        "from versamammo.training.stopping import run_command\n"
        "def work():\n"
        "    try:\n"
        "        os.kill(os.getpid(), signal.SIGINT); time.sleep(5)\n"
        "    finally:\n"
        "        os.kill(os.getpid(), signal.SIGTERM)\n"
        "        open(sys.argv[1], 'w').write('tidied')\n"
        "run_command('twice', work)\n"
    )
    began = time.monotonic()
    done = subprocess.run(
        [sys.executable, "-c", code, str(tmp_path / "tidied")], cwd=ROOT, check=False,
        env=dict(os.environ), capture_output=True, text=True,
    )  # fmt: skip

    assert done.returncode == 130
    assert (tmp_path / "tidied").read_text() == "tidied"
    assert time.monotonic() - began < 30
