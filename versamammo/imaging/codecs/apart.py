"""Decoding in a process of its own, for libraries that a damaged stream can crash or hang.

The bytes of the frame go in on stdin; what comes back on stdout is the name of the library that
succeeded and the array, or the failures. Whatever happens there, the caller sees an array or an
exception. It costs a fresh interpreter, so it is only used after the first decoder has failed.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

import numpy as np
from numpy.typing import NDArray

from versamammo.imaging.codecs.decoders import Frame, decode_with
from versamammo.imaging.codecs.memory import is_shortage

CHILD = (
    "import sys; from versamammo.imaging.codecs.apart import serve; sys.exit(serve(*sys.argv[1:]))"
)
# A start of the interpreter, and many times what a decoder takes per pixel.
START_SECONDS = 4.0
SECONDS_PER_PIXEL = 0.4e-6
# What the largest accepted picture needs, with room for a decoder's own working memory.
MEMORY_BYTES = 8 * 2**30
OUT_OF_MEMORY = 3  # what the child exits with


class DecodersFailed(RuntimeError):
    """None of the libraries could open the frame; the message has the reason of each."""


class TookTooLong(DecodersFailed):
    """The child went over its time, as damaged streams make it, and machines that are too busy."""


def decode_apart(
    names: Sequence[str], data: bytes | memoryview, frame: Frame
) -> tuple[NDArray[Any], str]:
    """Let libraries try in turn in a child process; give the array and the name of the winner.

    Raises:
        DecodersFailed: all failed, or the child crashed or took too long.
        MemoryError: memory ran out, or the child could not be started for lack of it.
    """
    command = [sys.executable, "-c", CHILD, ",".join(names), json.dumps(asdict(frame))]
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(filter(None, sys.path))}
    limit = START_SECONDS + SECONDS_PER_PIXEL * frame.rows * frame.columns
    try:
        child = subprocess.run(
            command, input=data, capture_output=True, timeout=limit, env=environment
        )
    except subprocess.TimeoutExpired as error:
        raise TookTooLong(f"{' or '.join(names)}: longer than {limit:.0f} s") from error
    except OSError as error:
        raise MemoryError(f"a decoder's process could not be started: {error}") from error
    if child.returncode in (OUT_OF_MEMORY, -signal.SIGKILL) or unstarted(child):
        raise MemoryError(f"{' or '.join(names)}: memory ran out")
    answer, _, array = child.stdout.partition(b"\n")
    if child.returncode:
        reason = answer.decode(errors="replace") or f"crashed ({child.returncode})"
        raise DecodersFailed(reason)
    said = json.loads(answer)
    pixels: NDArray[Any] = np.frombuffer(array, said["dtype"]).reshape(said["shape"]).copy()
    return pixels, said["decoder"]


def unstarted(child: subprocess.CompletedProcess[bytes]) -> bool:
    """Return whether a child ended before it could try anything, as Python does without memory."""
    return child.returncode == 1 and not child.stdout


def serve(names: str, frame_json: str) -> int:
    """Decode stdin inside the child: the name and the array, or the failures, go to stdout."""
    frame = Frame(**json.loads(frame_json))
    _limit_memory()
    # Some libraries print to stdout, which must carry nothing but the answer.
    with os.fdopen(os.dup(sys.stdout.fileno()), "wb") as out:
        os.dup2(sys.stderr.fileno(), sys.stdout.fileno())
        data, failures = sys.stdin.buffer.read(), []
        for name in names.split(","):
            try:
                pixels = np.ascontiguousarray(decode_with(name, data, frame))
            except Exception as error:  # a C library may raise anything
                if is_shortage(error):
                    return OUT_OF_MEMORY
                failures.append(f"{name}: {' '.join(str(error).split()) or type(error).__name__}")
                continue
            said = {"decoder": name, "dtype": pixels.dtype.str, "shape": pixels.shape}
            out.write(json.dumps(said).encode() + b"\n" + pixels.tobytes())
            return 0
        out.write("; ".join(failures).encode())
    return 1


def _limit_memory() -> None:
    """Bound the memory of this process, where the system can."""
    if sys.platform == "win32":
        return
    import resource

    soft, hard = resource.getrlimit(resource.RLIMIT_AS)
    limit = MEMORY_BYTES if soft == resource.RLIM_INFINITY else min(MEMORY_BYTES, soft)
    resource.setrlimit(resource.RLIMIT_AS, (limit, hard))
