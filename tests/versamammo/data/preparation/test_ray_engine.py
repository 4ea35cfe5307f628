"""The same stories as of the local engine, on a cluster of one machine."""

from __future__ import annotations

import math
import signal
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from versamammo.data.preparation.engine import Lost
from versamammo.data.preparation.prepare import prepare
from versamammo.data.preparation.prepare_settings import Settings
from versamammo.data.preparation.ray_engine import RayEngine
from versamammo.errors import InputError

PRIVATE = ("runs.jsonl", "config.json", "journal.jsonl", ".lock")  # may differ from run to run


def test_without_ray_the_extra_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "ray", None)
    with pytest.raises(InputError, match="cluster") as caught:
        RayEngine(1, seconds=60)
    assert caught.value.reason == "missing-package"


@pytest.mark.slow
class TestOnACluster:
    @pytest.fixture(autouse=True)
    def _ray(self) -> None:
        pytest.importorskip("ray", reason="ray is not installed (extra `cluster`)")

    def test_every_task_is_done_once(self) -> None:
        tasks = [float(n) for n in range(20)]
        assert dict(RayEngine(2, seconds=60).run(math.sqrt, tasks)) == {
            n: math.sqrt(n) for n in tasks
        }

    def test_a_lost_worker_costs_its_own_task_alone(self) -> None:
        tasks = [0, signal.SIGKILL, 0, signal.SIGSTOP]
        done = list(RayEngine(2, seconds=8).run(signal.raise_signal, tasks))
        lost = {task: result for task, result in done if isinstance(result, Lost)}
        assert {task: result.reason for task, result in lost.items()} == {
            signal.SIGKILL: "worker-died",
            signal.SIGSTOP: "timed-out",
        }
        assert len(done) == 4

    def test_an_exception_of_the_work_reaches_the_caller(self) -> None:
        with pytest.raises(ValueError, match=r"math domain error|nonnegative"):
            list(RayEngine(1, seconds=60).run(math.sqrt, [-1.0]))

    def test_several_workers_leave_the_bytes_that_one_leaves(
        self, phantoms: Path, tmp_path: Path
    ) -> None:
        kept = {}
        for engine, workers in (("local", 1), ("ray", 3)):
            out = tmp_path / engine
            settings = Settings(str(phantoms), out, size=(256, 192), workers=workers)
            assert prepare(replace(settings, engine=engine)) == 0
            kept[engine] = {
                path.relative_to(out): path.read_bytes()
                for path in sorted(out.rglob("*"))
                if path.is_file() and path.name not in PRIVATE
            }
        assert len(kept["local"]) == 8 + 3  # pictures; manifest, quarantine and summary
        assert kept["ray"] == kept["local"]
