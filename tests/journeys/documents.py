"""What README and docs print in fences, and the shell that types it."""

from __future__ import annotations

import os
import re
import select
import subprocess
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
SHELL, PYTHON = ("sh", "bash"), ("python",)
SHOWN_ONLY = ("json",)  # languages that nobody types
FENCE = re.compile(r"^```(\S*)[^\n]*\n(.*?)^```", re.MULTILINE | re.DOTALL)
# an indented block is code too, and nothing would say that it is a command
INDENTED = re.compile(
    r"^(?: {4}|\t)(versamammo|accelerate|python|make|git|pip|docker|scripts/)\b.*$", re.MULTILINE
)


@dataclass(frozen=True)
class Block:
    """One fenced block of a document."""

    document: str
    line: int
    language: str
    text: str

    @property
    def commands(self) -> tuple[str, ...]:
        """What is typed: the lines of a shell without their comments, or a whole program."""
        if self.language in PYTHON:
            return (self.text,)
        lines = re.sub(r"\\\n\s*", "", self.text).splitlines()
        bare = [re.sub(r"(^|\s+)#\s.*$", "", line).rstrip() for line in lines]
        return tuple(line for line in bare if line)


def documents() -> list[str]:
    """Return the documents' paths, in the order in which they are read."""
    return ["README.md", *sorted(str(path.relative_to(ROOT)) for path in ROOT.glob("docs/*.md"))]


def blocks_of(document: str) -> list[Block]:
    """Return the fenced blocks of a document, in order."""
    text = (ROOT / document).read_text()
    return [
        Block(document, text[: found.start()].count("\n") + 1, found[1], found[2])
        for found in FENCE.finditer(text)
    ]


def indented_commands(document: str) -> list[str]:
    """Return the commands that stand in an indented block instead of a fence."""
    text = FENCE.sub("", (ROOT / document).read_text())
    return [found[0].strip() for found in INDENTED.finditer(text)]


@dataclass(frozen=True)
class Typed:
    """How one command ended."""

    code: int
    output: str


class Shell:
    """One bash that lives as long as a document, so that activation and variables hold."""

    def __init__(self, folder: Path, logs: Path, environment: Mapping[str, str]) -> None:
        """Start in `folder`; what commands print goes to files in `logs`."""
        logs.mkdir(parents=True, exist_ok=True)
        self.logs, self.number = logs, 0
        self.process = subprocess.Popen(
            ["bash", "--norc", "--noprofile"], cwd=folder, env={**os.environ, **environment},
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, bufsize=1,
        )  # fmt: skip

    def type(self, command: str, seconds: float = 900) -> Typed:
        """Run a command to its end.

        Raises:
            TimeoutError: it takes longer than `seconds`.
        """
        log = self._next_log()
        return Typed(int(self._ask(f"{{ {command}\n}} </dev/null >'{log}' 2>&1", seconds)),
                     log.read_text(errors="replace"))  # fmt: skip

    def start(self, command: str) -> tuple[int, Path]:
        """Start a command that stays; returns its process and where it prints."""
        log = self._next_log()
        self._ask(f"{command} </dev/null >'{log}' 2>&1 &", 60)
        return int(self._ask("true $!; printf '%s ' $!", 60).split()[0]), log

    def wait(self, process: int, seconds: float = 120) -> int:
        """Wait for what was started; returns its exit code."""
        return int(self._ask(f"wait {process}", seconds))

    def close(self) -> None:
        """End the shell."""
        assert self.process.stdin is not None
        self.process.stdin.close()
        self.process.wait(10)

    def _next_log(self) -> Path:
        self.number += 1
        return self.logs / f"{self.number:02d}.txt"

    def _ask(self, command: str, seconds: float) -> str:
        """Return the line that follows a command: what it printed itself, and its exit code."""
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        self.process.stdin.write(f"{command}\necho $?\n")
        self.process.stdin.flush()
        ready, _, _ = select.select([self.process.stdout], [], [], seconds)
        if not ready:
            raise TimeoutError(f"took longer than {seconds:.0f} s: {command}")
        return self.process.stdout.readline().strip()


def words_of(commands: Iterator[str]) -> set[str]:
    """Return every word that is typed, without quotes and what they are joined to by `=`."""
    return {word for line in commands for word in re.split(r"[\s\"'=()\[\],<>]+", line) if word}
