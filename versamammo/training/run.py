"""What every training run shares: processes, precision, folder, log, checkpoints, going on.

A run started again in the same folder goes on where it stopped; with other settings it is
refused. A start that fails before its first step leaves the folder to the corrected command.
`metrics.jsonl` holds what follows from data, seed and settings; `speed.jsonl` what
depends on the machine and the hour.
"""

from __future__ import annotations

import importlib.util
import json
import os
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import chain, islice
from pathlib import Path
from typing import Any, Literal, TypeVar

import numpy as np
import torch
import yaml
from accelerate import Accelerator, DistributedDataParallelKwargs, PartialState
from torch import nn
from torch.optim import Optimizer

from versamammo.config import differences, dump, plain, refuse_renamed
from versamammo.data.allocation import keep_memory
from versamammo.data.dataset import Archive
from versamammo.data.source_counts import as_lines
from versamammo.errors import InputError
from versamammo.files import LOCK, alone_in, parse_json, sweep_folders, write_atomically
from versamammo.training.checkpoints import CONFIG, checkpoints_in, restore_newest, save_checkpoint
from versamammo.training.origin import NOTHING, ORIGIN, Inherited, origin_of, read_origin

METRICS, SPEED = "metrics.jsonl", "speed.jsonl"
CHECKPOINTS = "checkpoints"
Batch = TypeVar("Batch")


@dataclass(frozen=True)
class RunSettings:
    """Where a run lives and how it is watched.

    Attributes:
        output: folder of the run.
        seed: of weights, order, crops and masks.
        precision: `auto` is bf16 on a GPU that has it and float32 elsewhere.
        track: who draws the curves, beside the JSON lines that are always written.
        log_every: steps between two readings.
        checkpoint_every: steps between two checkpoints, a multiple of `log_every`.
        save_total_limit: checkpoints left in the folder.
        threads: of each process on a CPU; 0 divides the machine among them.
    """

    output: Path = Path("runs/run")
    seed: int = 0
    precision: Literal["auto", "no", "bf16"] = "auto"
    track: tuple[Literal["tensorboard", "wandb"], ...] = ("tensorboard",)
    log_every: int = 10
    checkpoint_every: int = 100
    save_total_limit: int = 2
    threads: int = 0

    def __post_init__(self) -> None:
        if (
            self.log_every < 1
            or self.save_total_limit < 1
            or self.checkpoint_every % self.log_every
        ):
            raise ValueError(
                f"checkpoint_every needs to be a multiple of log_every, got "
                f"{self.checkpoint_every} and {self.log_every}"
            )
        for name in self.track:
            if importlib.util.find_spec(name) is None:
                raise InputError(
                    "is not installed", field=f"run.track={name}", reason="missing-library"
                )


# What may change between two starts of one run.
FREE = ("run.output", "run.track", "run.save_total_limit", "run.threads")


class Run:
    """One training run, from its folder to its last checkpoint.

    Attributes:
        accelerator: devices, processes and precision.
        folder: where everything is written.
    """

    def __init__(
        self,
        settings: RunSettings,
        whole: Any,
        gradient_accumulation_steps: int = 1,
        free: Sequence[str] = (),
    ) -> None:
        """Set up processes; nothing is written before `claim`.

        Args:
            settings: of the run.
            whole: the resolved configuration, kept beside every checkpoint.
            gradient_accumulation_steps: forward passes whose gradients make one step.
            free: further settings that may change when the run goes on.

        Raises:
            InputError: the folder holds a run with other settings, or of an earlier version.
        """
        self.settings = settings
        self.whole = whole
        self.folder = settings.output
        on_cpu = not torch.cuda.is_available()
        self.accelerator = Accelerator(
            cpu=on_cpu,
            mixed_precision=precision_of(settings.precision),
            gradient_accumulation_steps=gradient_accumulation_steps,
            log_with=list(settings.track) or None,
            project_dir=settings.output,
            kwargs_handlers=[DistributedDataParallelKwargs(broadcast_buffers=False)],
        )
        if on_cpu:
            keep_memory()
            torch.set_num_threads(settings.threads or _threads_each())
        self._refuse_another((*FREE, *free))

    @property
    def claimed(self) -> bool:
        """Whether a start of this run, now or earlier, got as far as its first step."""
        return (self.folder / ORIGIN).is_file()

    @property
    def has_checkpoint(self) -> bool:
        """Whether there is something to go on from."""
        return self.claimed and bool(checkpoints_in(self.folder / CHECKPOINTS))

    def _refuse_another(self, free: Sequence[str]) -> None:
        kept = self.folder / CONFIG
        if self.claimed and kept.is_file():
            # read as YAML, so that the comparison sees what another start would see
            before = _read_settings(kept)
            refuse_renamed(before, plain(self.whole), kept)
            changed = differences(before, self.whole, free)
            if changed:
                message = (
                    f"the folder holds a run with other settings ({'; '.join(changed[:4])}); "
                    "choose another run.output"
                )
                raise InputError(message, file=self.folder, field="run.output", reason="other-run")

    def resume(self, model: nn.Module, optimizer: Optimizer) -> int:
        """Fill model and optimiser from the latest checkpoint; returns the steps done, maybe 0."""
        if not self.claimed:
            return 0
        model = self.accelerator.unwrap_model(model)
        return restore_newest(self.folder / CHECKPOINTS, model, optimizer, self.say)

    def claim(self, archive: Archive, done: int, inherited: Inherited = NOTHING) -> None:
        """Make the folder this run's own, once all that it learns from has been opened.

        Written down are the settings, which images are learnt from and by which command; what
        the logs hold of steps after `done` is dropped.

        Args:
            archive: the images.
            done: steps that `resume` found.
            inherited: what a teacher or an earlier training has learnt from.

        Raises:
            InputError: the run began with other images.
        """
        self._refuse_other_images(archive)
        self.accelerator.wait_for_everyone()
        if self.accelerator.is_main_process:
            self.folder.mkdir(parents=True, exist_ok=True)
            sweep_folders(self.folder)
            for name in (METRICS, SPEED):
                _forget_after(self.folder / name, done)
            write_atomically(self.folder / CONFIG, self._settings_text(archive).encode())
            if not self.claimed:
                self._note_origin(archive, inherited)
        self.accelerator.wait_for_everyone()
        self._open_trackers(done)

    def _settings_text(self, archive: Archive) -> str:
        """Print what is learnt from, and spell the settings out below it."""
        lines = as_lines(archive.counts)
        for line in lines:
            self.say(f"learning from {line}")
        return "".join(f"# {line}\n" for line in lines) + dump(self.whole)

    def _open_trackers(self, step: int) -> None:
        options = {"tensorboard": {"purge_step": step + 1}} if step else {}
        self.accelerator.init_trackers("board", _flat(plain(self.whole)), options)

    def _refuse_other_images(self, archive: Archive) -> None:
        if self.claimed and (before := self.origin()["data"]) != archive.digest:
            message = f"the run began with images {before}, now there are {archive.digest}"
            raise InputError(message, file=self.folder, field="data", reason="other-data")

    def _note_origin(self, archive: Archive, inherited: Inherited) -> None:
        text = json.dumps(origin_of(archive, inherited), indent=2)
        # the last file of a claim: without it the folder is anybody's
        write_atomically(self.folder / ORIGIN, text.encode())

    def origin(self) -> dict[str, Any]:
        """Return what `claim` wrote: data (hash), images, sources, counts, command, inherited.

        Raises:
            InputError: the file is damaged.
        """
        return read_origin(self.folder)

    def history(self) -> list[dict[str, Any]]:
        """Return all readings so far, as they lie in the log."""
        path = self.folder / METRICS
        return lines_of(path) if path.is_file() else []

    def log(self, step: int, metrics: Mapping[str, float], speed: Mapping[str, float]) -> None:
        """Write one reading, taken after `step` steps."""
        if self.accelerator.is_main_process:
            _append(self.folder / METRICS, {"step": step, **metrics})
            _append(self.folder / SPEED, {"step": step, **speed})
        self.accelerator.log({**metrics, **speed}, step=step)

    def save(self, step: int, model: nn.Module, optimizer: Optimizer) -> None:
        """Write a checkpoint after `step` steps."""
        save_checkpoint(
            self.folder / CHECKPOINTS, step, self.accelerator.unwrap_model(model), optimizer,
            settings=dump(self.whole),
            save_total_limit=self.settings.save_total_limit,
            writes=self.accelerator.is_main_process,
        )  # fmt: skip
        self.accelerator.wait_for_everyone()

    @property
    def last_checkpoint(self) -> Path:
        """The newest checkpoint's folder."""
        return checkpoints_in(self.folder / CHECKPOINTS)[-1]

    def seed(self, step: int, part: int = 0) -> None:
        """Set torch's random numbers of one step, so that there is no state to keep."""
        key = (self.settings.seed, step, part, self.accelerator.process_index)
        torch.manual_seed(int(np.random.SeedSequence(key).generate_state(1, np.uint64)[0]))

    def say(self, text: str) -> None:
        """Print on the main process."""
        self.accelerator.print(text)


@contextmanager
def sole_run(folder: Path) -> Iterator[None]:
    """Keep every other run out of a run's folder; one that fails at once leaves no new folder.

    Raises:
        InputError: another run is at work in the folder, or it cannot be written.
    """
    if not PartialState(cpu=not torch.cuda.is_available()).is_main_process:
        yield
        return
    with alone_in(folder, "run.output"):
        try:
            yield
        finally:
            if [entry.name for entry in folder.iterdir()] == [LOCK]:
                (folder / LOCK).unlink()
                folder.rmdir()


def _read_settings(file: Path) -> dict[str, Any]:
    problem = "it holds no settings"
    try:
        found = yaml.safe_load(file.read_text())
    except (OSError, ValueError, yaml.YAMLError) as error:
        found, problem = None, str(error).partition("\n")[0]
    if isinstance(found, dict):
        return found
    message = f"is damaged ({problem}); delete this file, and the same command goes on"
    raise InputError(message, file=file, reason="damaged-run")


def precision_of(wanted: str) -> str:
    """Return `bf16` or `no` for a setting of `RunSettings.precision`, on this machine."""
    if wanted != "auto":
        return wanted
    return "bf16" if torch.cuda.is_available() and torch.cuda.is_bf16_supported() else "no"


def _threads_each() -> int:
    return max(1, len(os.sched_getaffinity(0)) // int(os.environ.get("LOCAL_WORLD_SIZE", "1")))


def _append(path: Path, line: Mapping[str, Any]) -> None:
    with path.open("a", encoding="utf-8") as log:
        log.write(json.dumps(line) + "\n")


def opened(batches: Iterator[Batch]) -> Iterator[Batch]:
    """Return the batches once the first of them is made, so that bad data show before a claim."""
    return chain(list(islice(batches, 1)), batches)


def lines_of(path: Path) -> list[dict[str, Any]]:
    """Read JSON lines; a last line that a killed run left unfinished is no line.

    Raises:
        InputError: another line is damaged.
    """
    whole, _, _ = path.read_text(encoding="utf-8", errors="replace").rpartition("\n")
    found = []
    for number, line in enumerate(whole.splitlines(), 1):
        try:
            found.append(parse_json(line))
        except ValueError as error:
            message = f"line {number} is damaged; delete that line, and the same command goes on"
            raise InputError(message, file=path, reason="damaged-run") from error
    return found


def _forget_after(path: Path, step: int) -> None:
    """Drop what was logged after the checkpoint that a run goes on from."""
    if path.is_file():
        # a run that starts again from nothing also takes its first probe again
        kept = [line for line in lines_of(path) if step and line["step"] <= step]
        write_atomically(path, "".join(json.dumps(line) + "\n" for line in kept).encode())


def _flat(tree: Mapping[str, Any], above: str = "") -> dict[str, str | float]:
    """Name nested settings with dots, as trackers want them."""
    found: dict[str, str | float] = {}
    for key, value in tree.items():
        if isinstance(value, dict):
            found |= _flat(value, f"{above}{key}.")
        else:
            found[f"{above}{key}"] = value if isinstance(value, int | float) else str(value)
    return found
