"""A small archive to prepare, and an engine that a test can reach into."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any

import pytest

Write = Callable[..., Path]


class Here:
    """An engine that works in this process, so that a test can reach into the work."""

    def run(self, work: Callable[[Any], Any], tasks: Iterable[Any]) -> Iterator[tuple[Any, Any]]:
        for task in tasks:
            yield task, work(task)


@pytest.fixture
def here(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("versamammo.data.preparation.prepare.engine", lambda settings: Here())


@pytest.fixture
def archive(tmp_path: Path, picture: Callable[..., Any], write_dicom: Write) -> Path:
    """Three patients with two DICOM files each; every picture differs."""
    root = tmp_path / "archive"
    for patient in range(3):
        (root / f"p{patient}").mkdir(parents=True)
        for side in "LR":
            pixels = picture(12).copy()
            pixels[: 3 + patient, 40:44] += 1 + ord(side)
            uid = f"1.2.3.{patient}.{ord(side)}"
            write_dicom(
                pixels, 12, name=f"archive/p{patient}/{side}.dcm", SOPInstanceUID=uid,
                StudyInstanceUID=f"1.2.3.{patient}", PatientID=f"P{patient}", ImageLaterality=side,
            )  # fmt: skip
    return root
