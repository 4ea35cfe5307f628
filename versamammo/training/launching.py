"""As many processes as were asked for, on machines without GPUs too.

`accelerate launch --num_processes 2` starts one process where it finds no GPU, and says nothing.
"""

from __future__ import annotations

import ctypes
import os
import signal
import sys
from collections.abc import Mapping, Sequence

import psutil

STARTED_BY_ACCELERATE = "ACCELERATE_MIXED_PRECISION"
PR_SET_PDEATHSIG = 1  # of prctl(2)


def processes_asked_for(command: Sequence[str]) -> int:
    """Read `--num_processes N` from accelerate's command line; 1 if it is not there."""
    for word, following in zip(command, [*command[1:], ""], strict=True):
        name, _, value = word.partition("=")
        if name in ("--num_processes", "--num-processes"):
            return int(value or following)
    return 1


def lacks_company(environment: Mapping[str, str]) -> bool:
    """Return whether accelerate was told of several processes and started this one alone."""
    return (
        STARTED_BY_ACCELERATE in environment
        and "MASTER_PORT" in environment
        and "WORLD_SIZE" not in environment
    )


def start_all_processes() -> None:
    """Replace this process by torchrun with as many as accelerate was told; or do nothing."""
    if not lacks_company(os.environ):
        return
    parent = psutil.Process().parent()
    wanted = processes_asked_for(parent.cmdline() if parent is not None else [])
    if wanted < 2:
        return
    torchrun = [sys.executable, "-m", "torch.distributed.run", "--standalone"]
    # torchrun chooses a free port of its own
    for name in ("MASTER_ADDR", "MASTER_PORT"):
        del os.environ[name]
    end_with_launcher()  # torchrun keeps this, and ends what it has started
    os.execv(sys.executable, [*torchrun, "--nproc_per_node", str(wanted), *sys.argv])


def end_with_launcher() -> None:
    """Have this process told to end once `accelerate launch` has died; Linux only.

    The launcher dies of a SIGTERM without passing it on, and its process would train on alone.
    """
    if STARTED_BY_ACCELERATE in os.environ and sys.platform == "linux":
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGTERM)
