"""Damaged files never crash the reader, never hang it, and never pass with a wrong size."""

import json
import subprocess
import sys
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[3]
HANG_SECONDS = 5
PEAK_MB = 600


def read_damaged(first, count, folder):
    """Read `count` damaged files in a process of its own; give one record per file."""
    command = [
        sys.executable,
        "-m",
        "tests.versamammo.imaging.hostile",
        str(first),
        str(count),
        folder,
    ]
    child = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    lines = [json.loads(line) for line in child.stdout.splitlines() if line.startswith("{")]
    assert child.returncode == 0, f"stopped at {lines[-1:]}: {child.stderr[-2000:]}"
    assert lines[-1]["peak_mb"] < PEAK_MB
    return [before | after for before, after in zip(lines[:-1:2], lines[1:-1:2], strict=True)]


def check(records):
    reasons = Counter(record["reason"] for record in records)
    print(f"\n{len(records)} damaged files: {dict(reasons.most_common())}")
    print(f"slowest: {max(record['seconds'] for record in records):.2f} s")
    wrong = [r for r in records if r["reason"] == "read" and r["size"] != [90, 70]]
    hung = [r for r in records if r["seconds"] > HANG_SECONDS]
    assert not wrong
    assert not hung
    return reasons


def test_some_damaged_files_are_read_or_refused(tmp_path):
    reasons = check(read_damaged(0, 100, tmp_path))

    assert reasons["read"] > 10
    assert reasons["truncated"] > 5


@pytest.mark.slow
def test_two_thousand_damaged_files_are_read_or_refused(tmp_path):
    with ThreadPoolExecutor(2) as pool:
        parts = pool.map(lambda first: read_damaged(first, 500, tmp_path), range(1000, 3000, 500))
    records = [record for part in parts for record in part]

    assert len(records) == 2000
    check(records)
