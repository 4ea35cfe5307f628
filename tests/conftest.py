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

HERE = Path(__file__).resolve().parent
REAL = HERE.parents[1] / "shared" / "data" / "real"

# what takes longest begins first, so that no worker is left alone with it at the end
LONGEST = (
    "vlm/test_train.py",
    "pretrain/test_stage2.py",
    "contracts/test_encoder_contract.py",
    "versamammo/data/sources/archives/test_broken_twins.py",
    "versamammo/data/sources/archives/test_twins.py",
    "benchmark/test_run.py",
    "journeys/test_prepare_journey.py",
    "versamammo/imaging/breast/test_finder.py",
    "versamammo/model/test_onnx.py",
    "vlm/test_fresh_process.py",
    "benchmark/test_probing.py",
    "benchmark/test_detecting.py",
    "benchmark/test_questions.py",
    "pretrain/test_stage1.py",
    "versamammo/phantoms/test_phantom_writing.py",
    "versamammo/phantoms/test_phantom_exam.py",
    "benchmark/test_segmenting.py",
    "benchmark/test_finetuning.py",
    "benchmark/test_exam_probing.py",
    "pretrain/test_two_processes.py",
    "vlm/test_model.py",
    "vlm/test_saving.py",
    "vlm/test_shareable.py",
    "app/test_door.py",
    "app/chat/test_sessions.py",
    "app/chat/test_server.py",
    "app/chat/test_consistent.py",
    "versamammo/training/test_stopping.py",
)
assert not (gone := [name for name in LONGEST if not (HERE / name).is_file()]), gone


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Begin with the longest files; the order within a file and of the others stays."""
    places = {HERE / name: place for place, name in enumerate(LONGEST)}
    items.sort(key=lambda item: places.get(item.path, len(places)))


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
