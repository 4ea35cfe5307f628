"""Shared fixtures: small, seeded, offline."""

from __future__ import annotations

from pathlib import Path

import pytest

REAL = Path(__file__).resolve().parents[2] / "shared" / "data" / "real"


@pytest.fixture(scope="session")
def real() -> Path:
    """The folder of openly licensed real mammograms, which is not part of the repository."""
    if not (REAL / "manifest.csv").is_file():
        pytest.skip(f"real mammograms are not at {REAL.parent}")
    return REAL
