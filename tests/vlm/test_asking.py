"""`versamammo ask`: what is printed, and what is said about input that cannot be used."""

from __future__ import annotations

import io
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tifffile

from app.cli import main
from tests.app.chat.tiny_models import score
from vlm.assembly import save
from vlm.trained_topics import Competence, write_competence


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory, trained: Any) -> str:
    folder = tmp_path_factory.mktemp("ask") / "model"
    save(*trained, folder)
    write_competence(folder, Competence(("Mass",), 1.5, 20, (score("Mass"),)))
    return f"--model={folder}"


@pytest.fixture(scope="module")
def views(phantoms: Path) -> list[str]:
    return [str(file) for file in sorted(next((phantoms / "images").glob("*/*")).glob("*.dcm"))]


def test_the_answer_is_the_chats_with_its_notes_and_the_notice(
    model: str, views: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["ask", *views[:2], "any lump?", model]) == 0
    said = capsys.readouterr().out
    assert said.startswith("Mass: ")
    assert "→ looked at: L CC, L MLO" in said
    assert "Note: told by: language model (Mass)" in said
    assert "not for diagnosis" in said


def test_json_is_that_of_the_api_and_holds_the_evidence(
    model: str, views: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["ask", views[0], "Is there a mass?", model, "--json"]) == 0
    said = json.loads(capsys.readouterr().out)
    assert said["answer"].startswith("Mass: L CC ")
    (verdict,) = said["findings"]["pictures"]
    assert verdict["topic"] == "Mass"
    assert sum(verdict["probabilities"].values()) == pytest.approx(1)
    assert said["findings"]["not_judged"]["ACR"] == "this model was never tried at it"


def test_without_a_model_the_bundled_one_answers(
    views: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["ask", views[0], "how dense is this breast"]) == 0
    said = capsys.readouterr().out
    assert "C, heterogeneously dense" in said.splitlines()[0]
    assert "2000 phantom patients" in said


def test_a_conversation_knows_what_was_said_before(
    model: str, views: list[str], capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    typed = "Is there a mass?\nhow sure are you?\n\nnever asked\n"
    monkeypatch.setattr("sys.stdin", io.StringIO(typed))
    assert main(["ask", "--chat", *views[:2], model]) == 0
    said = capsys.readouterr().out
    assert said.startswith("Ask about these pictures")
    assert "not for diagnosis" in said
    assert said.count("→ looked at: L CC, L MLO") == 2
    assert "calibrated as if" in said  # the second question is about the mass, too

    monkeypatch.setattr("sys.stdin", io.StringIO(f"{'why? ' * 500}\nIs there a mass?\n"))
    assert main(["ask", "--chat", "--json", *views[:2], model]) == 0
    said, complaint = capsys.readouterr()
    (line,) = said.strip().splitlines()
    assert json.loads(line)["findings"]["pictures"][0]["topic"] == "Mass"
    assert "at most 2000" in complaint


def test_without_any_model_tags_answer(
    views: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["ask", views[0], "Which side and view is it?", "--model=none"]) == 0
    assert "the tags say side left, view CC" in capsys.readouterr().out


def test_json_holds_every_option_with_its_probability(
    model: str, views: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    command = ["ask", views[0], "Is there a mass?", model, "--json", "--options=Yes; No"]
    assert main([*command, "--sure-enough=0"]) == 0
    said = json.loads(capsys.readouterr().out)
    assert said["choice"] in ("Yes", "No")
    assert sum(chance for _, chance in said["probabilities"]) == pytest.approx(1)
    assert said["trained"] is True


def test_a_question_the_model_was_not_tried_at_is_said_to_be_so(
    model: str, views: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["ask", views[0], "How dense is the breast?", model]) == 0
    assert (
        "ACR density: not judged, because this model was never tried at it."
        in capsys.readouterr().out
    )


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["Is there a mass?"], "expected the images of one exam and then the question"),
        ([*["{0}"] * 9, "Mass?"], "9 images; at most 8"),
        (["{0}", "{0}"], "is a file; the question comes last"),
        (["{0}", "mass " * 500], "2500 characters; at most 2000"),
        (["{0}", " "], "is empty"),
        (["{0}", "Mass?", "--options=Yes"], "two or more"),
        (["{0}", "--chat", "--options=Yes; No"], "are for one question"),
        (["{0}", "Mass?", "--model=nowhere"], "there is no such folder"),
        (
            ["{noise}", "Mass?"],
            "noise.tif: no breast was found: the picture is blank or holds nothing but noise",
        ),
        (["absent.dcm", "Mass?"], "absent.dcm"),
    ],
)
def test_what_cannot_be_used_is_named(
    model: str, views: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str],
    arguments: list[str], message: str,
) -> None:  # fmt: skip
    noise = tmp_path / "noise.tif"
    tifffile.imwrite(noise, np.random.default_rng(0).integers(0, 65535, (400, 300), np.uint16))
    given = [one.format(views[0], noise=noise) for one in arguments]
    assert main(["ask", model, *given]) == 2
    said = capsys.readouterr()
    assert message in said.err
    assert "Traceback" not in said.err + said.out
