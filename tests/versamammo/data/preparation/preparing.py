"""How tests prepare a small archive, and read what came of it."""

from __future__ import annotations

import csv
import json
from pathlib import Path
from typing import Any

from versamammo.data.preparation.prepare_settings import Settings


def settings(source: Path, out: Path, **more: Any) -> Settings:
    return Settings(**{"source": str(source), "out": out, "size": (64, 48), "workers": 1} | more)


def quarantine(out: Path) -> dict[str, dict[str, str]]:
    with (out / "quarantine.csv").open() as stream:
        return {row["path"]: row for row in csv.DictReader(stream)}


def counts(out: Path) -> dict[str, int]:
    found: dict[str, int] = json.loads((out / "summary.json").read_text())["counts"]
    return found


def contents(out: Path) -> dict[str, bytes]:
    """Everything a preparation may show to the outside, byte for byte."""
    shown = [path for path in out.rglob("*") if path.is_file() and path.name not in (
        "runs.jsonl", "config.json", "journal.jsonl", ".lock"
    )]  # fmt: skip
    return {str(path.relative_to(out)): path.read_bytes() for path in shown}


def table(archive: Path, text: str) -> Path:
    path = archive.parent / "labels.csv"
    path.write_text(text)
    return path
