from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from app import cli


@pytest.fixture(scope="module")
def prepared(phantoms: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("prepared") / "out"
    assert cli.main(["prepare", str(phantoms), "--out", str(out), "--workers", "1"]) == 0
    return out


def test_prepared_phantoms_hang_on_a_sheet(
    prepared: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "sheet.png"
    assert cli.main(["sheet", str(prepared), "--png", str(out), "--exams", "2"]) == 0
    said = capsys.readouterr().out
    assert "2 exams" in said
    assert "not real data" in said
    picture = np.asarray(Image.open(out).convert("L"))
    assert picture.shape[0] > 800
    assert (picture > 60).mean() > 0.1, "breasts are on it"


def test_a_folder_that_was_not_prepared_is_named(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert cli.main(["sheet", str(tmp_path), "--png", str(tmp_path / "a.png")]) == 2
    assert "manifest" in capsys.readouterr().err


def test_no_exam_is_the_callers_mistake(
    prepared: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert cli.main(["sheet", str(prepared), "--png", str(tmp_path / "a.png"), "--exams", "0"]) == 2
    assert "--exams" in capsys.readouterr().err
