"""The work here is `signal.raise_signal`: 0 does nothing, SIGKILL dies, SIGSTOP hangs."""

from __future__ import annotations

import math
import os
import signal
import subprocess
import sys

import psutil
import pytest

from versamammo.data.preparation.engine import Lost
from versamammo.data.preparation.local_engine import THREADS, LocalEngine

FINE, DIE, HANG = 0, signal.SIGKILL, signal.SIGSTOP


def test_every_task_is_done_once_whatever_the_number_of_workers() -> None:
    tasks = [float(n) for n in range(20)]
    for workers in (1, 3):
        done = dict(LocalEngine(workers, seconds=60).run(math.sqrt, tasks))
        assert done == {n: math.sqrt(n) for n in tasks}


def test_a_killed_worker_costs_its_own_task_alone() -> None:
    done = list(LocalEngine(2, seconds=60).run(signal.raise_signal, [FINE, DIE, FINE, FINE]))
    lost = [result for task, result in done if task == DIE]
    assert [task for task, _ in done].count(FINE) == 3
    assert len(lost) == 1
    assert isinstance(lost[0], Lost)
    assert lost[0].reason == "worker-died"
    assert "SIGKILL" in lost[0].message


def test_a_hanging_worker_is_stopped_and_the_rest_goes_on() -> None:
    done = list(LocalEngine(2, seconds=0.5).run(signal.raise_signal, [HANG, FINE, FINE]))
    lost = [result for task, result in done if task == HANG]
    assert [getattr(result, "reason", None) for result in lost] == ["timed-out"]
    assert [task for task, _ in done].count(FINE) == 2


def test_an_exception_of_the_work_reaches_the_caller() -> None:
    with pytest.raises(ValueError, match=r"math domain error|nonnegative"):
        list(LocalEngine(1, seconds=60).run(math.sqrt, [1.0, -1.0]))


def test_tasks_are_taken_only_as_workers_become_free() -> None:
    taken = 0

    def tasks() -> object:
        nonlocal taken
        for number in range(50):
            taken = number
            yield float(number)

    running = LocalEngine(2, seconds=60).run(math.sqrt, tasks())
    next(running)
    assert taken <= 4
    running.close()


def processes() -> set[int]:
    return {child.pid for child in psutil.Process().children(recursive=True)}


def test_no_worker_is_left_behind() -> None:
    list(LocalEngine(1, seconds=60).run(math.sqrt, [1.0]))  # leaves the server of workers
    before = processes()
    running = LocalEngine(2, seconds=60).run(math.sqrt, [float(n) for n in range(9)])
    next(running)
    assert processes() - before
    running.close()
    assert not processes() - before


THREADS_OF_WORKERS = """
import os
from versamammo.data.preparation.local_engine import THREADS, LocalEngine
if __name__ == "__main__":
    print(dict(LocalEngine(1, seconds=60).run(os.getenv, THREADS)))
    print([name for name in THREADS if name in os.environ])
"""


def test_workers_have_one_thread_each_and_who_started_them_keeps_all() -> None:
    # a training that is begun after an archive was prepared is not to be slowed by it
    bare = {name: told for name, told in os.environ.items() if name not in THREADS}
    command = [sys.executable, "-c", THREADS_OF_WORKERS]
    run = subprocess.run(command, env=bare, capture_output=True, text=True, check=True)
    theirs, own = run.stdout.splitlines()
    assert theirs == str(dict.fromkeys(THREADS, "1"))
    assert own == "[]"
