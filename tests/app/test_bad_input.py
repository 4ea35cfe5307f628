"""A missing model, a taken port and a full disk: one sentence and exit code 2, no traceback."""

from __future__ import annotations

import errno
import subprocess
import sys
from pathlib import Path

import pytest

from app import cli, reporting
from app.chat import chat_command

GONE = "nowhere"


def one_sentence(said: str) -> str:
    (line,) = [one for one in said.splitlines() if one.startswith("versamammo: ")]
    assert "Traceback" not in said
    assert "internal error" not in line
    return line


@pytest.fixture
def picture(phantoms: Path) -> str:
    return str(next((phantoms / "images").rglob("*.dcm")))


@pytest.mark.parametrize("verb", ["chat", "ask", "find", "report"])
def test_a_model_that_is_not_there_is_named(
    verb: str, picture: str, capsys: pytest.CaptureFixture[str]
) -> None:
    words = {"chat": ["--port", "0"], "ask": [picture, "Is there a mass?"]}.get(verb, [picture])
    assert cli.main([verb, *words, "--model", GONE]) == 2
    line = one_sentence(capsys.readouterr().err)
    assert line == (
        "versamammo: nowhere: --model: there is no such folder; `--model none` goes without a model"
    )


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["find", "{picture}", "--encoder", GONE], "nowhere"),
        (["export", "encoder", GONE], "nowhere"),
        (["doortest", "--data", GONE, "--model", GONE], "nowhere: --data: no such folder"),
        (["bench", "run", "--encoder", GONE, "--data", GONE, "--out", "{out}"], "nowhere"),
        (["chat", "--model", "{out}", "--port", "0"], "holds neither vlm/ nor encoder/"),
    ],
)
def test_other_folders_of_models_are_named_too(
    words: list[str], told: str, picture: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert cli.main([word.format(picture=picture, out=tmp_path) for word in words]) == 2
    assert told in one_sentence(capsys.readouterr().err)


def full(*_: object, **__: object) -> None:
    raise OSError(errno.ENOSPC, "No space left on device", "/private/Doe_Jane")


FULL = "versamammo: the disk is full; free some space and run the same command again"


def test_a_chat_without_room_for_its_private_folder_ends_in_a_sentence(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(chat_command, "claim", full)
    assert cli.main(["chat", "--port", "0", "--model", "none"]) == 2
    assert one_sentence(capsys.readouterr().err) == FULL


def test_a_chat_that_cannot_start_on_a_full_disk_leaves_no_folder(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    home = tmp_path / "home"
    home.mkdir()
    lock = (tmp_path / "lock").open("w")
    monkeypatch.setattr(chat_command, "claim", lambda: (home, lock))
    monkeypatch.setattr(chat_command, "serve", full)
    assert cli.main(["chat", "--port", "0", "--model", "none"]) == 2
    assert one_sentence(capsys.readouterr().err) == FULL
    assert not home.exists()


def test_a_report_that_does_not_fit_ends_in_a_sentence(
    picture: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:  # fmt: skip
    monkeypatch.setattr(reporting, "write_atomically", full)
    assert cli.main(["report", picture, "--model", "none", "--out", str(tmp_path)]) == 2
    assert one_sentence(capsys.readouterr().err) == FULL


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="a device of Linux")
def test_output_into_a_full_disk_ends_in_a_sentence() -> None:
    with Path("/dev/full").open("w") as nowhere:
        done = subprocess.run(
            [sys.executable, "-m", "app.cli", "sources"], stdout=nowhere,
            stderr=subprocess.PIPE, text=True, check=False, cwd=Path(__file__).parents[2],
        )  # fmt: skip
    assert done.returncode == 2
    assert done.stderr == f"{FULL}\n"
