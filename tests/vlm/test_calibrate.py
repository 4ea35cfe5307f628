"""A finished model is tried on other patients by one command."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.vlm.archives import write_archive
from vlm.assembly import save
from vlm.calibrate import main
from vlm.trained_topics import FILE, Competence, read_competence, write_competence


def test_a_model_is_tried_on_its_topics_alone(
    trained, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    images = write_archive(tmp_path / "prepared", patients=3)
    model = tmp_path / "model"
    save(*trained, model)
    write_competence(model, Competence(("Mass", "ACR", "Place", "Report"), 3.0))
    assert main(["--model", str(model), "--images", str(images)]) == 0
    found = read_competence(model)
    assert found.topics == ("Mass", "ACR", "Place", "Report")
    assert [score.topic for score in found.tried] == ["ACR", "Mass"]
    assert found.fitted_on == sum(score.asked for score in found.tried)
    assert found.tried[1].patients == 3
    assert "Mass: it was tried on 6 questions; at least 100" in capsys.readouterr().out


def test_a_damaged_file_ends_with_2_and_is_left_alone(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / FILE).write_text("{")
    assert main(["--model", str(tmp_path), "--images", str(tmp_path)]) == 2
    assert capsys.readouterr().err.startswith("calibrate: competence.json: is not JSON")
    assert (tmp_path / FILE).read_text() == "{"
