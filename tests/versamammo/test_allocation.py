"""Large blocks that are freed and asked for again cost the system nothing."""

from __future__ import annotations

import platform
import subprocess
import sys

import pytest

COUNTED = """
import resource, torch
from versamammo.allocation import keep_memory
torch.set_num_threads(1)
if {kept}:
    assert keep_memory()
for _ in range(3):  # more than 32 MiB
    torch.ones(2**24)
before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
for _ in range(4):
    torch.ones(2**24)
print(resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before)
"""


@pytest.mark.skipif(
    platform.libc_ver()[0] != "glibc", reason="this system's allocator is not glibc"
)
def test_blocks_are_found_again() -> None:
    def pages(kept: bool) -> int:
        script = COUNTED.format(kept=kept)
        done = subprocess.run([sys.executable, "-c", script], check=True, capture_output=True)
        return int(done.stdout)

    assert pages(kept=True) < 0.1 * pages(kept=False)
