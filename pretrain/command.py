"""How a stage is run from the command line."""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TypeVar

from accelerate import PartialState

from pretrain.watch import CollapsedError
from versamammo import NOTICE
from versamammo.config import load
from versamammo.errors import InputError
from versamammo.launching import start_all_processes

Config = TypeVar("Config")


def run_stage(
    name: str, config: type[Config], train: Callable[[Config], Path], argv: Sequence[str] | None
) -> int:
    """Train as the command line says; returns 0, or 1 for a collapsed run, or 2 for a bad input."""
    start_all_processes()
    try:
        made = train(load(config, argv))
    except InputError as error:
        print(f"{name}: {error}", file=sys.stderr)
        return 2
    except CollapsedError as error:
        print(f"{name} was stopped: {error}", file=sys.stderr)
        return 1
    PartialState().print(f"{made}\n{NOTICE}")
    return 0
