"""Spreads the same work over the machines of a Ray cluster (extra `cluster`).

Every machine needs this package, and the source and the output folder under the same paths.
Without a cluster (`RAY_ADDRESS` unset) Ray starts one on this machine, which is slower than the
local engine and of use for trying it out.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterable, Iterator
from functools import partial
from types import ModuleType
from typing import Any, TypeVar

from versamammo.data.preparation.engine import Lost, with_second_try
from versamammo.errors import InputError

T = TypeVar("T")
R = TypeVar("R")


class RayEngine:
    """As many tasks in flight on the cluster as asked, with a time limit for each.

    Args:
        workers: how many tasks at a time; each asks for one CPU.
        seconds: how long one task may take, its start included, before it is cancelled.

    Raises:
        InputError: ray is not installed.
    """

    def __init__(self, workers: int, seconds: float) -> None:
        self.workers = workers
        self.seconds = seconds
        self.ray = import_ray()

    def run(self, work: Callable[[T], R], tasks: Iterable[T]) -> Iterator[tuple[T, R | Lost]]:
        """Do `work` on every task; see `Engine.run`."""
        cluster = os.environ.get("RAY_ADDRESS")
        self.ray.init(
            address=cluster,
            num_cpus=None if cluster else self.workers,
            include_dashboard=False,
            log_to_driver=False,
            logging_level="ERROR",
        )
        try:
            yield from with_second_try(partial(self._round, work), tasks, self.workers)
        finally:
            self.ray.shutdown()

    def _round(
        self, work: Callable[[T], R], tasks: Iterable[T], workers: int
    ) -> Iterator[tuple[T, R | Lost]]:
        """Do every task once, never more than `workers` at a time."""
        remote = self.ray.remote(num_cpus=1, max_retries=0)(call)
        shared = self.ray.put(work)
        waiting = iter(tasks)
        running: dict[Any, tuple[T, float]] = {}
        while True:
            while len(running) < workers and (task := next(waiting, None)) is not None:
                running[remote.remote(shared, task)] = (task, time.monotonic() + self.seconds)
            if not running:
                return
            first = min(deadline for _, deadline in running.values()) - time.monotonic()
            self.ray.wait(list(running), num_returns=1, timeout=max(0.0, first))
            ready, _ = self.ray.wait(list(running), num_returns=len(running), timeout=0)
            for reference in ready:
                task, _ = running.pop(reference)
                yield task, self._result(reference)
            for reference, (task, deadline) in list(running.items()):
                if time.monotonic() > deadline:
                    self.ray.cancel(reference, force=True)
                    del running[reference]
                    yield task, Lost("timed-out", "the file took longer than the time limit")

    def _result(self, reference: Any) -> Any:
        """Fetch what a finished task gave, or how it was lost; its own exception is raised."""
        gone = self.ray.exceptions
        try:
            return self.ray.get(reference)
        except gone.RayTaskError as error:
            if isinstance(error.cause, MemoryError):
                return Lost.for_memory()
            raise error.cause from None
        except (gone.WorkerCrashedError, gone.OutOfMemoryError, gone.NodeDiedError) as error:
            return Lost("worker-died", f"the worker was lost ({type(error).__name__})")


def call(work: Callable[[T], R], task: T) -> R:
    """Do one task: what a Ray worker runs."""
    return work(task)


def import_ray() -> ModuleType:
    """Import ray, or say how to get it."""
    try:
        import ray
    except ModuleNotFoundError as error:
        raise InputError(
            "ray is not installed; install the extra `cluster` (pip install 'versamammo[cluster]')",
            field="--engine", reason="missing-package",
        ) from error  # fmt: skip
    module: ModuleType = ray
    return module
