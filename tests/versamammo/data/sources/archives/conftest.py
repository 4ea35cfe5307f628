"""One small set of phantoms, laid out as every archive."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import pytest

from versamammo.data.quarantine import Quarantined
from versamammo.data.sources import SOURCES
from versamammo.data.sources.source_contract import ImageRecord, SourceOptions
from versamammo.phantoms.phantom_exam import PhantomExam, make_exam
from versamammo.phantoms.phantom_settings import PhantomSettings
from versamammo.phantoms.twins import write_twin
from versamammo.phantoms.twins.twin_writer import TwinImage

# chosen so that normal, benign and malignant breasts, masses and calcifications all occur
SETTINGS = PhantomSettings(exams=4, seed=2, height=192, dates=2, lesion_rate=0.9,
                           malignant_share=0.5)  # fmt: skip


@dataclass(frozen=True)
class Twin:
    """A twin on disk and what is true of it."""

    layout: str
    root: Path
    shown: list[TwinImage]

    @property
    def source(self) -> str:
        return self.layout.removesuffix("-jpeg")

    def read(self) -> tuple[dict[str, ImageRecord], list[Quarantined]]:
        """Return what the adapter lists, and what it keeps out."""
        entries = list(SOURCES[self.source].records(self.root, SourceOptions()))
        kept = {entry.path: entry for entry in entries if isinstance(entry, ImageRecord)}
        return kept, [entry for entry in entries if isinstance(entry, Quarantined)]


@pytest.fixture(scope="session")
def exams() -> Sequence[PhantomExam]:
    return [make_exam(SETTINGS, index) for index in range(SETTINGS.exams)]


@pytest.fixture
def twin(tmp_path: Path, exams: Sequence[PhantomExam]) -> Callable[[str], Twin]:
    """Write the twin of one archive: `twin("cmmd")`."""

    def write(layout: str) -> Twin:
        root = tmp_path / layout
        return Twin(layout, root, write_twin(root, layout, SETTINGS, exams))

    return write
