from __future__ import annotations

import os
import sys
from types import SimpleNamespace

import pytest

from versamammo.training import launching


@pytest.mark.parametrize(
    ("command", "expected"),
    [
        (["accelerate", "launch", "--num_processes", "2", "stage1.py"], 2),
        (["accelerate", "launch", "--num_processes=4", "stage1.py"], 4),
        (["accelerate", "launch", "stage1.py"], 1),
    ],
)
def test_the_number_of_processes_is_read_from_the_command(
    command: list[str], expected: int
) -> None:
    assert launching.processes_asked_for(command) == expected


def test_a_process_alone_among_several_starts_them_all(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in {"ACCELERATE_MIXED_PRECISION": "no", "MASTER_PORT": "1"}.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("MASTER_ADDR", "127.0.0.1")
    monkeypatch.delenv("WORLD_SIZE", raising=False)
    parent = SimpleNamespace(cmdline=lambda: ["accelerate", "launch", "--num_processes", "3"])
    monkeypatch.setattr(launching.psutil, "Process", lambda: SimpleNamespace(parent=lambda: parent))
    started: list[list[str]] = []
    monkeypatch.setattr(os, "execv", lambda _, command: started.append(command))
    monkeypatch.setattr(sys, "argv", ["stage1.py", "--optim.max_steps", "5"])

    launching.start_all_processes()

    assert started[0][-5:] == ["--nproc_per_node", "3", "stage1.py", "--optim.max_steps", "5"]


def test_an_ordinary_start_is_left_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("ACCELERATE_MIXED_PRECISION", raising=False)
    monkeypatch.setattr(os, "execv", lambda *_: pytest.fail("started another process"))

    launching.start_all_processes()
