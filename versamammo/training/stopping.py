"""How a command ends when it is stopped or fails: one sentence, an exit code, no child left.

| what happened | exit code |
|---|---|
| done | 0 |
| our fault, a failing disk, no memory left | 1 |
| the caller's file or option, or no room left on the caller's disk | 2 |
| Ctrl-C | 130 |
| SIGTERM, or the launcher has died | 143 |
"""

from __future__ import annotations

import errno
import os
import signal
import sys
import threading
import time
import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from types import FrameType

import psutil

from versamammo.errors import InputError
from versamammo.files import is_full_disk
from versamammo.training.launching import end_with_launcher

READ_ONLY_WORDS = os.strerror(errno.EROFS)
PATIENCE = 3.0  # seconds that child processes have to end by themselves


class Stopped(KeyboardInterrupt):
    """Somebody asked this process to end.

    Args:
        signum: the signal that said so.
    """

    def __init__(self, signum: int) -> None:
        self.signum = signum
        self.at = time.monotonic()
        super().__init__(signal.Signals(signum).name)


def run_command(
    name: str, work: Callable[[], int], *, debug: bool = False, resumes: bool = False
) -> int:
    """Run a command's work and return its exit code; whatever ends it is said in one sentence.

    Args:
        name: what the sentence begins with.
        work: does everything and returns an exit code.
        debug: print the traceback too.
        resumes: whether the same command goes on with what was stopped.
    """
    with _stoppable() as asked:
        try:
            code = work()
            sys.stdout.flush()  # what does not fit on a full disk is found out here, not at exit
            return code
        except BrokenPipeError:
            # the reader of our output went away (`| head`): nothing is wrong, nothing can be said
            sys.stderr.close()
            return 0
        except (Exception, KeyboardInterrupt) as error:
            if debug:
                traceback.print_exc()
            # what a stop breaks on its way out is no fault of its own
            message, code = explain(asked[0] if asked else error)
            if asked and resumes:
                message += "; the same command goes on with it"
            _drop_output()
            if not asked or os.environ.get("RANK", "0") == "0":  # one sentence, not one a process
                print(f"{name}: {message}", file=sys.stderr)
            if asked:
                _end_children()
                _leave(code)
            return code


def explain(error: BaseException) -> tuple[str, int]:
    """Return a sentence for the user and an exit code."""
    if isinstance(error, InputError):
        return str(error), 2
    if isinstance(error, KeyboardInterrupt):
        signum = error.signum if isinstance(error, Stopped) else signal.SIGINT
        return "stopped", 128 + signum
    words = str(error)
    if is_full_disk(error):
        return "the disk is full; free some space and run the same command again", 2
    if getattr(error, "errno", None) == errno.EROFS or READ_ONLY_WORDS in words:
        return f"cannot write{_where(error)}: the file system is read-only", 1
    if isinstance(error, MemoryError):
        return "out of memory; use fewer --workers or a smaller --size", 1
    if isinstance(error, PermissionError) and error.filename:
        return f"no permission to use {Path(error.filename).name}", 1
    kind = type(error).__name__
    return f"internal error: {kind}: {error} (--debug shows where)", 1


def _drop_output() -> None:
    """Forget what was printed and cannot be written, which Python would try again at exit."""
    try:
        sys.stdout.flush()
    except OSError:
        with open(os.devnull, "w") as nowhere:  # noqa: PTH123 - a device, by its name
            os.dup2(nowhere.fileno(), sys.stdout.fileno())


def _where(error: BaseException) -> str:
    file = getattr(error, "filename", None)
    return f" {Path(file).name}" if file else ""


@contextmanager
def _stoppable() -> Iterator[list[Stopped]]:
    """Raise `Stopped` on SIGINT, SIGTERM and the launcher's death; the list holds the first."""
    asked: list[Stopped] = []
    if threading.current_thread() is not threading.main_thread():
        yield asked  # signals reach the main thread alone
        return

    def stop(signum: int, _: FrameType | None) -> None:
        # a terminal and a launcher may both pass the same wish on; a later one is another
        if asked and time.monotonic() - asked[-1].at < PATIENCE:
            return
        asked.append(Stopped(signum))
        raise asked[-1]

    before = {one: signal.signal(one, stop) for one in (signal.SIGINT, signal.SIGTERM)}
    end_with_launcher()
    try:
        yield asked
    finally:
        for one, handler in before.items():
            signal.signal(one, handler)


def _end_children() -> None:
    """End every process that this one started, and those that they started."""
    children = psutil.Process().children(recursive=True)
    for child in children:
        _tell(child, signal.SIGTERM)
    _, left = psutil.wait_procs(children, PATIENCE)
    for child in left:
        _tell(child, signal.SIGKILL)
    psutil.wait_procs(left, PATIENCE)


def _tell(child: psutil.Process, signum: int) -> None:
    try:
        child.send_signal(signum)
    except psutil.NoSuchProcess:
        return


def _leave(code: int) -> None:
    """End at once: what libraries do at exit may wait for processes that are gone."""
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(code)
