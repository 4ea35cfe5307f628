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
from versamammo.training.resource_plan import PLAN, Plan
from versamammo.training.stopping import run_command

Config = TypeVar("Config")


def run_stage(
    name: str,
    config: type[Config],
    train: Callable[[Config], Path],
    plan: Callable[[Config], Plan],
    argv: Sequence[str] | None,
) -> int:
    """Train, or plan, as the command line says.

    Returns:
        1 for a collapsed run, else as `run_command`.
    """
    start_all_processes()

    def work() -> int:
        words = list(sys.argv[1:] if argv is None else argv)
        settings = load(config, [one for one in words if one != PLAN])
        if PLAN in words:
            PartialState().print(plan(settings).text())
            return 0
        try:
            made = train(settings)
        except CollapsedError as error:
            print(f"{name} was stopped: {error}", file=sys.stderr)
            return 1
        PartialState().print(f"{made}\n{NOTICE}")
        return 0

    return run_command(name, work, resumes=True)
