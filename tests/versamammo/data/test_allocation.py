"""Large blocks that are freed and asked for again cost the system nothing."""

from __future__ import annotations

import platform
import subprocess
import sys

import pytest

# libc alone, since Python's and torch's own small blocks may come to lie between
COUNTED = """
import ctypes, resource
from versamammo.data.allocation import keep_memory
libc = ctypes.CDLL(None)
libc.malloc.restype = ctypes.c_void_p
size = 2**26  # more than 32 MiB

def use():
    block = ctypes.c_void_p(libc.malloc(ctypes.c_size_t(size)))
    libc.memset(block, 1, ctypes.c_size_t(size))
    libc.free(block)

if {kept}:
    assert keep_memory()
for _ in range(3):
    use()
before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
for _ in range(4):
    use()
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
