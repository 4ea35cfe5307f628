from __future__ import annotations

import errno
import types

import pytest

from app import cli
from versamammo.errors import InputError


def with_verb(monkeypatch: pytest.MonkeyPatch, error: BaseException | None, code: int = 0) -> None:
    """Plant a verb that raises or returns."""
    import jsonargparse

    def run(args: jsonargparse.Namespace) -> int:
        if error is not None:
            raise error
        return code

    module = types.SimpleNamespace(parser=jsonargparse.ArgumentParser, run=run)
    monkeypatch.setitem(cli.VERBS, "planted", cli.Verb("nowhere", "for this test"))
    monkeypatch.setattr(cli.importlib, "import_module", lambda name: module)


@pytest.mark.parametrize(
    ("error", "code", "words"),
    [
        (InputError("missing", file="/secret/a.dcm", field="Rows"), 2, "a.dcm: Rows: missing"),
        (OSError(errno.ENOSPC, "No space left on device"), 2, "disk is full"),
        (MemoryError(), 1, "out of memory"),
        (RuntimeError("odd"), 1, "internal error: RuntimeError: odd"),
        (KeyboardInterrupt(), 130, "stopped"),
    ],
)
def test_an_error_becomes_a_sentence_and_an_exit_code(
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    error: BaseException,
    code: int,
    words: str,
) -> None:
    with_verb(monkeypatch, error)
    assert cli.main(["planted"]) == code
    said = capsys.readouterr().err
    assert words in said
    assert "Traceback" not in said
    assert "/secret" not in said


def test_debug_shows_the_traceback(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    with_verb(monkeypatch, RuntimeError("odd"))
    assert cli.main(["planted", "--debug"]) == 1
    assert "Traceback" in capsys.readouterr().err


def test_the_verbs_own_exit_code_is_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    with_verb(monkeypatch, None, code=2)
    assert cli.main(["planted"]) == 2


def test_an_unknown_verb_is_named(capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["frobnicate"]) == 2
    said = capsys.readouterr().err
    assert "frobnicate" in said
    assert "inspect" in said


def test_no_verb_prints_the_usage(capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main([]) == 2
    assert "usage: versamammo" in capsys.readouterr().out


@pytest.mark.parametrize("verb", cli.VERBS)
def test_the_help_of_every_verb_names_types_as_people_do(
    verb: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit, match="0"):
        cli.main([verb, "--help"])
    said = " ".join(capsys.readouterr().out.split())
    assert f"usage: versamammo {verb}" in said
    assert "<class" not in said
    assert "type: Path" not in said
