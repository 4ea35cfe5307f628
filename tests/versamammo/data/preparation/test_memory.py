"""A file that memory was too short for is tried again; its entry says that it is not final."""

import csv
from functools import partial

import pytest

from versamammo.data.preparation import worker
from versamammo.data.preparation.engine import Lost
from versamammo.data.preparation.local_engine import LocalEngine
from versamammo.data.preparation.outcome import Failure
from versamammo.data.preparation.progress import settle
from versamammo.data.preparation.worker import FileTask, Job, Recipe, prepare_file
from versamammo.data.quarantine import Quarantined, write_quarantine


def hungry(tries, task):
    """Run out of memory at the first try."""
    note = tries / str(task)
    if not note.exists():
        note.touch()
        raise MemoryError
    return task


def starved(task):
    raise MemoryError


def test_a_task_without_memory_is_done_again_alone(tmp_path):
    found = dict(LocalEngine(2, 60).run(partial(hungry, tmp_path), range(3)))
    assert found == {0: 0, 1: 1, 2: 2}


def test_a_task_that_never_has_enough_is_lost_and_the_run_goes_on():
    found = dict(LocalEngine(1, 60).run(starved, range(2)))
    assert found == {0: Lost.for_memory(), 1: Lost.for_memory()}


@pytest.mark.parametrize("error", [MemoryError(), RuntimeError("(-4:Insufficient memory) Failed")])
def test_a_worker_passes_a_lack_of_memory_on(error, tmp_path, monkeypatch):
    (tmp_path / "a.dcm").write_bytes(b"x")

    def fail(*_):
        raise error

    monkeypatch.setattr(worker, "look", fail)
    with pytest.raises(MemoryError):
        prepare_file(Job(tmp_path, tmp_path / "out", Recipe()), FileTask("a.dcm"))


def test_only_a_verdict_on_the_file_lasts():
    assert settle(Failure("truncated", "ends early"), None)[1]
    assert not settle(Failure("unreadable", "an error of the disk"), None)[1]
    assert not settle(Lost.for_memory(), None)[1]


def test_the_table_says_what_is_final(tmp_path):
    entries = [
        Quarantined("a", "", "truncated", "ends early"),
        Quarantined("b", "", "out-of-memory", "memory ran out"),
    ]
    write_quarantine(tmp_path / "quarantine.csv", entries)
    with (tmp_path / "quarantine.csv").open() as stream:
        assert [(row["path"], row["final"]) for row in csv.DictReader(stream)] == [
            ("a", "yes"),
            ("b", "no"),
        ]
