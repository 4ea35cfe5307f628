"""From nothing to a model that answers: phantoms, teacher, student, language, scores, card.

    python scripts/pipeline.py --config configs/pipeline/smoke.yaml

Each step is the command that a person would type; it is printed before it runs. A step that was
finished is not done again, and one that was stopped goes on. The result is one folder with
`encoder/`, `vlm/`, `trial.json` (what may be answered), `door.json` (how the chat answered when it
was asked as users ask) and a card that shows these figures. Phantoms are not real data, and
neither are figures on them clinical results.
"""

from __future__ import annotations

import json
import os
import shlex
import shutil
import subprocess
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from versamammo import NOTICE, __version__
from versamammo.config import dump, load
from versamammo.errors import InputError
from versamammo.files import write_atomically
from versamammo.phantoms.default_phantoms import PhantomArchive, phantom_archive
from versamammo.training.stopping import run_command

TRIAL = "trial.json"
LARGEST_FILE = 15_000_000  # bytes; a repository wants no larger ones


@dataclass(frozen=True)
class Pipeline:
    """Make a small model from nothing.

    Attributes:
        out: folder of the runs.
        result: folder of the finished model; replaced as a whole.
        phantoms: that are learned from; their test share is not touched here.
        tried: other phantom patients, on whom each source is tried and calibrated.
        held_out: others again, all of whom are asked about at the door.
        stage1: settings of the teacher.
        stage2: of the student, which becomes the encoder.
        stage2_options: more of them, as on its command line.
        vlm: of projector, adapter and language model.
    """

    out: Path = Path("runs/pipeline")
    result: Path = Path("runs/pipeline/model")
    phantoms: PhantomArchive = field(
        default_factory=lambda: PhantomArchive(exams=160, size=(384, 256), shares=(0.8, 0.1, 0.1))
    )
    tried: PhantomArchive = field(
        default_factory=lambda: PhantomArchive(
            exams=60, seed=9002, size=(384, 256), shares=(0, 0, 1)
        )
    )
    held_out: PhantomArchive = field(
        default_factory=lambda: PhantomArchive(
            exams=60, seed=9001, size=(384, 256), shares=(0, 0, 1)
        )
    )
    stage1: Path = Path("configs/pretrain/stage1_smoke.yaml")
    stage2: Path = Path("configs/pretrain/stage2_smoke.yaml")
    stage2_options: tuple[str, ...] = ()
    vlm: Path = Path("configs/vlm/smoke.yaml")


class Steps:
    """Runs commands in turn, each at most once to its end, and remembers how long they took."""

    def __init__(self, folder: Path) -> None:
        self.file = folder / "steps.json"
        self.done: dict[str, dict[str, Any]] = (
            json.loads(self.file.read_text()) if self.file.is_file() else {}
        )

    def run(self, name: str, *command: str | Path, output: Path | None = None) -> None:
        """Run a command unless that very command was finished before.

        Raises:
            InputError: it ended with an error.
        """
        words = [str(word) for word in command]
        if self.done.get(name, {}).get("command") == shlex.join(words):
            return
        print(f"\n== {name}\n$ {shlex.join(words)}", flush=True)
        began = time.perf_counter()
        with (output or Path(os.devnull)).open("w") as stream:
            code = subprocess.run(words, stdout=stream if output else None, check=False).returncode
        if code:
            message = f"ended with code {code}; the same command goes on from there"
            raise InputError(message, field=name, reason="step-failed")
        self.note(name, shlex.join(words), time.perf_counter() - began)

    def note(self, name: str, command: str, seconds: float) -> None:
        """Remember that a step is done."""
        before = self.done.get(name, {}).get("seconds", 0.0) if not command else 0.0
        self.done[name] = {"command": command, "seconds": round(before + seconds, 1)}
        write_atomically(self.file, (json.dumps(self.done, indent=1) + "\n").encode())

    @property
    def minutes(self) -> float:
        """How long all of it took."""
        return sum(float(step["seconds"]) for step in self.done.values()) / 60


def make(config: Pipeline) -> Path:
    """Do every step; returns the folder of the finished model.

    Raises:
        InputError: a step failed.
    """
    config.out.mkdir(parents=True, exist_ok=True)
    write_atomically(config.out / "pipeline.yaml", dump(config).encode())
    steps = Steps(config.out)
    began = time.perf_counter()
    data, tried, held_out = map(phantom_archive, (config.phantoms, config.tried, config.held_out))
    if "phantoms" not in steps.done:
        steps.note("phantoms", "made on the way", time.perf_counter() - began)
    teach(config, steps, data)
    fresh = gather(config)
    door = examine(config, steps, fresh, tried, held_out)
    return finish(config, steps, fresh, door)


def teach(config: Pipeline, steps: Steps, data: Path) -> None:
    """Train teacher, student and language, one after the other."""
    launch = (sys.executable, "-m", "accelerate.commands.launch", "--num_processes", "1")
    steps.run(
        "stage 1: teacher", *launch, "pretrain/stage1.py", "--config", config.stage1,
        "--data", data, "--run.output", config.out / "stage1",
    )  # fmt: skip
    steps.run(
        "stage 2: encoder", *launch, "pretrain/stage2.py", "--config", config.stage2,
        "--data", data, "--teacher", config.out / "stage1", "--run.output", config.out / "stage2",
        *config.stage2_options,
    )  # fmt: skip
    steps.run(
        "language", *launch, "vlm/train.py", "--config", config.vlm, "--data", data,
        "--encoder", config.out / "stage2" / "encoder", "--run.output", config.out / "vlm",
    )  # fmt: skip


def gather(config: Pipeline) -> Path:
    """Put encoder, language model and a line on both into one folder; returns it.

    Raises:
        InputError: a file would be too large for a repository.
    """
    fresh = config.out / "model"
    shutil.rmtree(fresh, ignore_errors=True)
    shutil.copytree(config.out / "stage2" / "encoder", fresh / "encoder")
    shutil.copytree(config.out / "vlm" / "model", fresh / "vlm")
    write_atomically(fresh / "about.json", (json.dumps(about(config), indent=1) + "\n").encode())
    for file in fresh.rglob("*"):
        if file.is_file() and file.stat().st_size > LARGEST_FILE:
            message = f"has {file.stat().st_size:,} bytes; expected {LARGEST_FILE:,} at most"
            raise InputError(message, file=file, reason="too-large")
    return fresh


def examine(
    config: Pipeline, steps: Steps, fresh: Path, tried: Path, held_out: Path
) -> tuple[dict[str, Any], str]:
    """Try each source on some patients, then ask about others at the door, with controls."""
    door = config.out / "door"
    versamammo = (sys.executable, "-m", "app.cli", "doortest", "--model", fresh)
    kept = config.out / TRIAL
    steps.run("trial", *versamammo, "--data", tried, "--calibrate")
    if (fresh / TRIAL).is_file():
        shutil.copy(fresh / TRIAL, kept)
    shutil.copy(kept, fresh / TRIAL)
    steps.run("door test", *versamammo, "--data", held_out, "--out", door)
    found: dict[str, Any] = json.loads((door / "door.json").read_text())
    return found, (door / "door.md").read_text()


def finish(config: Pipeline, steps: Steps, fresh: Path, door: tuple[dict[str, Any], str]) -> Path:
    """Write figures and card, and swap the finished folder in."""
    told, text = door
    write_atomically(fresh / "door.json", (json.dumps(told, indent=1) + "\n").encode())
    write_atomically(fresh / "README.md", card(config, steps, text).encode())
    shutil.rmtree(config.result, ignore_errors=True)
    config.result.parent.mkdir(parents=True, exist_ok=True)
    shutil.copytree(fresh, config.result)
    return config.result


def about(config: Pipeline) -> dict[str, Any]:
    """Return who speaks, for the chat to show beside every answer."""
    return {
        "name": f"VersaMammo small model ({config.result.name})",
        "version": __version__,
        "data": f"{config.phantoms.exams} phantom patients, which are not real data",
        "phantoms_only": True,
    }


def card(config: Pipeline, steps: Steps, door: str) -> str:
    """Write what it is, how it was made and how well it answers about phantoms."""
    rows = "\n".join(
        f"| {step} | {_shown(record['command'])} | {record['seconds']:.0f} |"
        for step, record in steps.done.items()
    )
    _, _, figures = door.partition("\n")
    return f"""# A small model for trying things out

**{NOTICE} It has seen nothing but phantoms, invented pictures that are not real data. What it
says of a real mammogram is worth nothing: it must not be used on patients.**

`encoder/` is a stage 2 encoder with its heads, `vlm/` a vision-language model on the same encoder,
`trial.json` tells which topics may be answered and who speaks for them.
`versamammo chat --model FOLDER`, `versamammo find --model FOLDER`, `versamammo ask --model FOLDER`.

## How it was made

versamammo {__version__}, {config.phantoms.exams} phantom patients (seed {config.phantoms.seed}) of
four views, {steps.minutes:.0f} minutes in all on {len(os.sched_getaffinity(0))} processor cores:
`python scripts/pipeline.py` with the settings in `pipeline.yaml`.

| step | command | seconds |
|---|---|---|
{rows}

## What it says at the door

{config.held_out.exams} phantom patients of another seed ({config.held_out.seed}), asked as users
ask, through the service behind the page.
{figures}"""


def _shown(command: str) -> str:
    """Show a command without the place of Python on this machine."""
    python, _, rest = command.partition(" ")
    return f"`python {rest}`" if python == sys.executable else command


def main(argv: Sequence[str] | None = None) -> int:
    """Run from the command line; returns 0, or 2 for a bad input or a step that failed."""

    def work() -> int:
        config = load(Pipeline, argv)
        folder = make(config)
        shutil.copy(config.out / "pipeline.yaml", folder / "pipeline.yaml")
        print(f"\n{folder}\n{NOTICE}")
        return 0

    return run_command("pipeline", work, resumes=True)


if __name__ == "__main__":
    sys.exit(main())
