"""Spreads work over processes of this machine, and survives the loss of any of them.

The pools of the standard library give up as a whole when one worker is killed, cannot stop a
worker that hangs, and leave orphans behind when the parent is killed. Here each worker has a
pipe of its own: its death is known at once and belongs to one task, a hanging one is killed, and
a worker whose parent is gone reads the end of its pipe and leaves.
"""

from __future__ import annotations

import multiprocessing
import os
import signal
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from functools import partial
from multiprocessing import forkserver
from multiprocessing.connection import Connection, wait
from multiprocessing.context import BaseContext
from multiprocessing.process import BaseProcess
from typing import Any, TypeVar

from versamammo.data.preparation.engine import Lost, with_second_try

T = TypeVar("T")
R = TypeVar("R")

# read by numerical libraries when they are first imported, which workers do on their own
THREADS = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")
PATIENCE = 5.0  # seconds a worker has to leave before it is killed


@dataclass(frozen=True)
class Raised:
    """An exception on its way from a worker to the parent."""

    error: Exception


class Worker:
    """One process, its pipe and the task it is busy with."""

    def __init__(self, context: BaseContext, work: Callable[[Any], Any]) -> None:
        self.pipe, theirs = context.Pipe()
        self.process: BaseProcess = context.Process(  # type: ignore[attr-defined]
            target=serve, args=(theirs, work), daemon=True
        )
        self.process.start()
        theirs.close()  # ours alone keeps the pipe open: the worker's death ends it
        self.task: Any = None
        self.deadline = float("inf")

    def give(self, task: object, seconds: float) -> None:
        """Hand over one task, to be done within `seconds`."""
        self.task = task
        self.deadline = time.monotonic() + seconds
        with suppress(OSError):  # it died before it could start: seen when the pipe is read
            self.pipe.send(task)

    def fate(self) -> tuple[Any] | Lost | None:
        """Return what became of the task: a result, a loss, or None while it is being done."""
        try:
            if self.pipe.poll():
                answer = self.pipe.recv()
                return answer if isinstance(answer, Lost) else (answer,)
        except (EOFError, OSError):  # the end of the pipe, or of half a message
            self.process.join(PATIENCE)
            return Lost("worker-died", f"the worker was lost ({ending(self.process.exitcode)})")
        if time.monotonic() > self.deadline:
            return Lost("timed-out", "the file took longer than the time limit")
        return None

    def dismiss(self) -> None:
        """End the process, whatever it is doing."""
        self.pipe.close()
        if self.task is not None:
            self.process.kill()
        self.process.join(PATIENCE)
        if self.process.is_alive():
            self.process.kill()
            self.process.join()


class LocalEngine:
    """As many worker processes as asked, with a time limit for each task.

    Args:
        workers: how many processes.
        seconds: how long one task may take before its worker is killed.
    """

    def __init__(self, workers: int, seconds: float) -> None:
        self.workers = workers
        self.seconds = seconds

    def run(self, work: Callable[[T], R], tasks: Iterable[T]) -> Iterator[tuple[T, R | Lost]]:
        """Do `work` on every task; see `Engine.run`."""
        return with_second_try(partial(self._round, work), tasks, self.workers)

    def _round(
        self, work: Callable[[T], R], tasks: Iterable[T], workers: int
    ) -> Iterator[tuple[T, R | Lost]]:
        """Do every task once."""
        waiting = iter(tasks)
        with crew() as team:
            while True:
                self._employ(team, work, waiting, workers)
                busy = [worker for worker in team if worker.task is not None]
                if not busy:
                    return
                first = min(worker.deadline for worker in busy) - time.monotonic()
                wait([worker.pipe for worker in busy], timeout=max(0.0, first))
                for worker in busy:
                    fate = worker.fate()
                    if fate is None:
                        continue
                    task = worker.task
                    if isinstance(fate, Lost):
                        team.remove(worker)
                        worker.dismiss()
                        yield task, fate
                        continue
                    worker.task = None
                    if isinstance(fate[0], Raised):
                        raise fate[0].error
                    yield task, fate[0]

    def _employ(
        self, team: list[Worker], work: Callable[[T], R], waiting: Iterator[T], workers: int
    ) -> None:
        """Hand a task to every free worker, and hire while there are more tasks than workers."""
        while (free := next((w for w in team if w.task is None), None)) or len(team) < workers:
            task = next(waiting, None)
            if task is None:
                return
            if free is None:
                free = Worker(context(), work)
                team.append(free)
            free.give(task, self.seconds)


@contextmanager
def crew() -> Iterator[list[Worker]]:
    """Keep a list of workers and dismiss whoever is left in it."""
    team: list[Worker] = []
    try:
        yield team
    finally:
        for worker in team:
            worker.dismiss()


def context() -> BaseContext:
    """Choose how processes are made: from a clean server where there is one, else afresh.

    A plain fork would copy the parent's threads in whatever state they are.
    """
    if "forkserver" not in multiprocessing.get_all_start_methods():
        return multiprocessing.get_context("spawn")
    made = multiprocessing.get_context("forkserver")
    # imported once by the server, shared by all its children
    made.set_forkserver_preload(["versamammo.data.preparation.worker"])
    with one_thread_each():
        forkserver.ensure_running()
    return made


@contextmanager
def one_thread_each() -> Iterator[None]:
    """Let processes that are started here compute with one thread; others' are left alone."""
    added = [name for name in THREADS if name not in os.environ]
    os.environ.update(dict.fromkeys(added, "1"))
    try:
        yield
    finally:
        for name in added:
            del os.environ[name]


def serve(pipe: Connection, work: Callable[[Any], Any]) -> None:
    """Do tasks from the pipe until it ends: the loop of a worker process."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the parent decides when to stop
    while True:
        try:
            task = pipe.recv()
        except (EOFError, OSError):
            return
        try:
            answer: object = work(task)
        except MemoryError:
            answer = Lost.for_memory()
        except Exception as error:
            answer = Raised(error)
        try:
            pipe.send(answer)
        except OSError:
            return


def ending(code: int | None) -> str:
    """Return how a process ended; signal 9 is what the kernel sends when memory runs out."""
    if code is None:
        return "unknown how"
    if code >= 0:
        return f"exit code {code}"
    name = signal.Signals(-code).name
    return f"{name}, as when memory runs out" if name == "SIGKILL" else name
