"""Shared fixtures: small, seeded, offline."""

from __future__ import annotations

import os
from pathlib import Path

# nothing here may wait for a hub; and workers that share the cores take one thread each, which
# they have to be told before torch is imported
os.environ.setdefault("HF_HUB_OFFLINE", "1")
if "PYTEST_XDIST_WORKER" in os.environ:
    os.environ.setdefault("OMP_NUM_THREADS", "1")
# a `make` that is called below `make test` would otherwise print which folders it enters and leaves
os.environ.pop("MAKEFLAGS", None)
os.environ.pop("MAKELEVEL", None)

import pytest

from versamammo.phantoms import PhantomSettings, write_phantoms

REAL = Path(__file__).resolve().parents[2] / "shared" / "data" / "real"


@pytest.fixture(scope="session")
def real() -> Path:
    """The folder of openly licensed real mammograms, which is not part of the repository."""
    if not (REAL / "manifest.csv").is_file():
        pytest.skip(f"real mammograms are not at {REAL.parent}")
    return REAL


@pytest.fixture(scope="session")
def phantoms(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of two small phantom exams, as `versamammo phantom` writes it."""
    folder = tmp_path_factory.mktemp("phantoms") / "archive"
    write_phantoms(folder, PhantomSettings(exams=2, seed=3, height=384))
    return folder
