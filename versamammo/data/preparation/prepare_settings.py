"""The settings of one preparation and how the command line spells them."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Literal, TypeVar

import jsonargparse

from versamammo import NOTICE
from versamammo.config import command_parser
from versamammo.data.splits.draw import DEFAULT_SHARES, check_shares
from versamammo.errors import InputError

N = TypeVar("N", int, float)


@dataclass(frozen=True)
class Settings:
    """What to prepare, and how; the parser's help says more of each.

    Attributes:
        size: (rows, columns) that the breast is fitted within.
        columns: our field -> the caller's column.
        shares: of the patients, for train, val and test.
    """

    source: str
    out: Path
    root: Path | None = None
    labels: Path | None = None
    columns: Mapping[str, str] = field(default_factory=dict)
    name: str | None = None
    size: tuple[int, int] = (1536, 1024)
    window: int | None = None
    for_processing: bool = False
    splits: str | None = None
    seed: int = 0
    shares: tuple[float, float, float] = DEFAULT_SHARES
    limit: int | None = None
    engine: Literal["local", "ray"] = "local"
    workers: int = 1
    seconds_per_file: float = 120.0
    plan: bool = False

    def __post_init__(self) -> None:
        check_shares(self.shares)
        positive: dict[str, float | None] = {
            "--workers": self.workers,
            "--limit": self.limit,
            "--seconds-per-file": self.seconds_per_file,
            "--size": min(self.size),
        }
        for option, value in positive.items():
            if value is not None and value <= 0:
                raise InputError(
                    f"expected more than 0, got {value}", field=option, reason="bad-option"
                )

    def to_config(self) -> dict[str, Any]:
        """Spell the settings as a file for `--config`."""
        found = asdict(self) | {
            "size": joined(self.size),
            "shares": joined(self.shares),
            "columns": ",".join(f"{ours}={theirs}" for ours, theirs in self.columns.items()),
        }
        return {
            key: str(value) if isinstance(value, Path) else value
            for key, value in found.items()
            if value not in (None, "")
        }


def parser() -> jsonargparse.ArgumentParser:
    """Describe the verb's arguments."""
    made = command_parser(
        description=f"Turn an archive into a manifest and a cache of breast crops. {NOTICE}"
    )
    add, path, number = made.add_argument, Path | None, int | None
    add("--config", action="config", help="settings from a file, such as OUT/config.json")
    add("source", help="a folder, a CSV beside images, or with --root the name of a source")
    add("--out", type=Path, required=True, help="folder for what is made; may not be in the source")
    add("--root", type=path, default=None, help="where the files lie, if SOURCE does not say")
    add("--labels", type=path, default=None, help="a CSV that describes images of the folder")
    add("--columns", type=str, default="", help="field=column,... for columns that are not "
        "recognised; field==word says it for all rows, field==- leaves a field out")  # fmt: skip
    add("--name", type=str | None, default=None, help="what the manifest calls the source")
    add("--size", type=str, default=joined(Settings.size),
        help="rows,columns the breast is fitted within; never enlarged")  # fmt: skip
    add("--window", type=number, default=None, help="which VOI window of the files, from 0")
    add("--for-processing", action="store_true", help="accept FOR PROCESSING images")
    add("--splits", type=str | None, default=None, help="TABLE.csv or "
        "published:TABLE.csv[#DATASET], or drawn; by default the archive's own test stays test and "
        "the rest is drawn by patient")  # fmt: skip
    add("--seed", type=int, default=Settings.seed, help="of the drawn splits")
    add("--shares", type=str, default=joined(Settings.shares), help="of patients: train,val,test")
    add("--limit", type=number, default=None, help="only the first files, in order of paths")
    add("--engine", choices=["local", "ray"], default=Settings.engine, help="who does the work")
    add("--workers", type=int, default=cores(), help="files at a time; all cores by default")
    add("--plan", action="store_true",
        help="say what it would cost in disk and hours, from a sample; write nothing")  # fmt: skip
    add("--seconds-per-file", type=float, default=Settings.seconds_per_file,
        help="a file that takes longer is tried once more, alone, and then given up")  # fmt: skip
    return made


def cores() -> int:
    """Count the processors that this process may use, where the system says so."""
    allowed = getattr(os, "sched_getaffinity", None)
    return len(allowed(0)) if allowed is not None else os.cpu_count() or 1


def from_arguments(args: jsonargparse.Namespace) -> Settings:
    """Take the settings from a parsed command line.

    Raises:
        InputError: an option makes no sense.
    """
    plain = {name: args[name] for name in Settings.__dataclass_fields__}
    plain["columns"] = pairs(args.columns)
    train, val, test = numbers("--shares", args.shares, float, 3)
    rows, wide = numbers("--size", args.size, int, 2)
    return Settings(**plain | {"shares": (train, val, test), "size": (rows, wide)})


def joined(values: Iterable[object]) -> str:
    """Spell several values as one option."""
    return ",".join(map(str, values))


def numbers(option: str, text: str, kind: Callable[[str], N], wanted: int) -> list[N]:
    """Read so many numbers, parted by commas."""
    try:
        found = [kind(word) for word in text.split(",")]
    except ValueError:
        found = []
    if len(found) != wanted:
        raise InputError(
            f"expected {wanted} numbers parted by commas, got {text!r}",
            field=option, reason="bad-option",
        )  # fmt: skip
    return found


def pairs(text: str) -> dict[str, str]:
    """Read `field=column,field=column`."""
    found: dict[str, str] = {}
    for part in filter(None, text.split(",")):
        ours, equals, theirs = part.partition("=")
        if not equals or not theirs.strip():
            raise InputError(
                f"expected field=column, got {part!r}", field="--columns", reason="bad-option"
            )
        found[ours.strip()] = theirs.strip()
    return found
