"""How a stage is run from the command line."""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TypeVar

from accelerate import PartialState

from pretrain.monitoring.running_metrics import CollapsedError
from versamammo import NOTICE
from versamammo.config import load
from versamammo.training.launching import start_all_processes
from versamammo.training.stopping import run_command

Config = TypeVar("Config")


def run_stage(
    name: str, config: type[Config], train: Callable[[Config], Path], argv: Sequence[str] | None
) -> int:
    """Train as the command line says; returns 1 for a collapsed run, else as `run_command`."""
    start_all_processes()

    def work() -> int:
        try:
            made = train(load(config, argv))
        except CollapsedError as error:
            print(f"{name} was stopped: {error}", file=sys.stderr)
            return 1
        PartialState().print(f"{made}\n{NOTICE}")
        return 0

    return run_command(name, work, resumes=True)
