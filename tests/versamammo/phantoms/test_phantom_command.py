from __future__ import annotations

from pathlib import Path

import pytest

from versamammo.errors import InputError
from versamammo.phantoms.phantom_command import parser, run


def test_the_command_writes_phantoms_and_says_what_they_are_not(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    words = [str(tmp_path / "out"), "--exams", "1", "--height", "160", "--workers", "1"]
    assert run(parser().parse_args(words)) == 0
    assert len(list((tmp_path / "out").rglob("*.dcm"))) == 4
    said = capsys.readouterr().out
    assert "not real data" in said
    assert "1 phantom exams, 4 images" in said


def test_no_exams_are_a_mistake_of_the_caller(tmp_path: Path) -> None:
    with pytest.raises(InputError) as caught:
        run(parser().parse_args([str(tmp_path / "out"), "--exams", "0"]))
    assert caught.value.field == "exams"
    assert not (tmp_path / "out").exists()


def test_settings_may_come_from_a_file(tmp_path: Path) -> None:
    config = tmp_path / "phantoms.yaml"
    config.write_text("exams: 3\ndensity_prior: [0.25, 0.25, 0.25, 0.25]\n")
    args = parser().parse_args(["--config", str(config), str(tmp_path), "--exams", "4"])
    assert args.exams == 4
    assert args.density_prior == (0.25, 0.25, 0.25, 0.25)


def test_an_unknown_option_is_refused(tmp_path: Path) -> None:
    with pytest.raises(SystemExit) as caught:
        parser().parse_args([str(tmp_path), "--exmas", "4"])
    assert caught.value.code == 2
