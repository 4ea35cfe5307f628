"""Model folders: found, opened, named, and never run."""

from __future__ import annotations

import json
import pickle
import shutil
from pathlib import Path

import pytest

from app.chat.contracts import Answer
from app.chat.exam import Exam
from app.chat.facts import Facts
from app.chat.models import bundled, figures_of, load_models
from tests.app.chat.tiny_models import score, write_tiny_models
from versamammo.configuration import Training
from versamammo.errors import InputError
from versamammo.head_scores import HeadScore, write_head_scores
from vlm.competence import FILE, Competence, write_competence


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_tiny_models(tmp_path_factory.mktemp("models") / "tiny")


def test_without_a_folder_tags_and_measurements_speak() -> None:
    models = load_models(None)
    assert isinstance(models.answerer, Facts)
    assert models.finder is None


def test_a_folder_of_both_answers_and_looks_and_names_its_weights(folder: Path) -> None:
    models = load_models(folder)
    assert models.finder is not None
    cards = (models.answerer.card, models.finder.card)
    assert [card.name for card in cards] == ["Tiny, language model", "Tiny, encoder"]
    assert cards[0].version != cards[1].version
    assert all(card.version.startswith("0 weights ") and card.phantoms_only for card in cards)


@pytest.mark.parametrize("part", ["vlm", "encoder"])
def test_each_part_alone_is_enough(folder: Path, part: str, exam: Exam) -> None:
    models = load_models(folder / part)
    assert models.finder is not None
    findings = models.finder.find(exam)
    *_, said = models.answerer.answer(exam, "How dense is the breast?", (), findings)
    assert said.text.startswith("ACR density: ")
    assert models.answerer.card.data == "not written down in the model's folder"


def test_a_question_in_words_is_streamed_and_boxes_become_words(folder: Path, exam: Exam) -> None:
    models = load_models(folder)
    pieces = list(models.answerer.answer(exam, "Describe the R CC picture.", (), None))
    assert pieces[-1].text.startswith("R CC: ")
    assert "[" not in pieces[-1].text


def test_what_training_wrote_of_itself_is_heard(folder: Path, tmp_path: Path, exam: Exam) -> None:
    copied = shutil.copytree(folder / "encoder", tmp_path / "encoder")
    write_head_scores(copied, (HeadScore("density", 0.846), HeadScore("mass", 0.512)))
    config = json.loads((copied / "config.json").read_text())
    config["training"] = Training(sources=("phantom",)).to_dict()
    (copied / "config.json").write_text(json.dumps(config))
    models = load_models(copied)
    assert models.answerer.card.data == "phantom"
    assert models.answerer.card.phantoms_only
    assert models.finder is not None
    findings = models.finder.find(exam)
    told = {one.name: one for one in findings.attributes}
    assert told["density"].auroc == pytest.approx(0.846)
    assert not told["density"].guessing
    assert told["mass"].guessing
    assert told["view"].guessing  # not among what was tested
    *_, said = models.answerer.answer(exam, "Is there a mass?", (), findings)
    assert "not answered" in said.text


def test_a_readme_is_not_read(folder: Path, tmp_path: Path) -> None:
    copied = shutil.copytree(folder / "encoder", tmp_path / "encoder")
    (copied / "README.md").write_text(
        "| data | 8 images of phantom |\n\n| attribute | figure |\n|---|---|\n| mass | 0.990 |\n"
    )
    models = load_models(copied)
    assert models.answerer.card.data == "not written down in the model's folder"
    assert figures_of(copied) == {}


def test_damaged_figures_are_refused_with_the_files_name(folder: Path, tmp_path: Path) -> None:
    copied = shutil.copytree(folder, tmp_path / "copied")
    (copied / "encoder" / "head_scores.json").write_text('{"scores": [{"attribute": "mass"}]}')
    with pytest.raises(InputError, match=r"head_scores\.json: scores"):
        load_models(copied)


def test_the_bundled_encoder_has_figures_of_its_heads() -> None:
    place = bundled()
    assert place is not None
    figures = figures_of(place / "encoder")
    assert (figures["density"], figures["mass"], figures["lesion"]) == (0.962, 0.852, 0.979)
    assert "rank" not in figures


def test_a_topic_that_was_tried_and_not_better_than_guessing_is_not_answered(
    folder: Path, tmp_path: Path, exam: Exam
) -> None:
    copied = shutil.copytree(folder / "vlm", tmp_path / "vlm")
    tried = (score("Calcification", low=0.49), score("ACR"))
    write_competence(
        copied, Competence(("Calcification", "ACR", "Pathology", "Report"), 1.0, 40, tried)
    )
    answerer = load_models(copied).answerer
    *_, grains = answerer.answer(exam, "Are there calcifications?", (), None)
    assert "not answered; it was not found better than guessing: tried on 120" in grains.text
    *_, density = answerer.answer(exam, "How dense is the breast?", (), None)
    assert density.text.startswith("ACR density: ")
    assert any("class-balanced accuracy 70 % [60, 80]" in note for note in density.notes)
    *_, untried = answerer.answer(exam, "Is it benign or malignant?", (), None)
    assert untried.text.startswith("I do not answer that")
    assert "Describe the pictures." in answerer.suggested


def test_topics_of_a_model_that_was_never_tried_are_not_answered(
    folder: Path, tmp_path: Path, exam: Exam
) -> None:
    copied = shutil.copytree(folder / "vlm", tmp_path / "vlm")
    record = json.loads((copied / FILE).read_text())
    record["tried"] = [{"topic": "ACR", "asked": 12, "right": 8, "by_chance": 3.0}]
    (copied / FILE).write_text(json.dumps(record))
    *_, said = load_models(copied).answerer.answer(exam, "How dense is the breast?", (), None)
    assert any("the language model does not tell" in note for note in said.notes)


@pytest.mark.parametrize(
    ("told", "message"),
    [("{", "cannot be read"), ('{"code": "x"}', "expected"), ('["x"]', "expected"),
     ('{"phantoms_only": "yes"}', "expected"), (json.dumps({"name": "x" * 400}), "expected")],
)  # fmt: skip
def test_a_bad_about_is_refused(folder: Path, tmp_path: Path, told: str, message: str) -> None:
    spoiled = shutil.copytree(folder, tmp_path / "spoiled")
    (spoiled / "about.json").write_text(told)
    with pytest.raises(InputError, match=message):
        load_models(spoiled)


def test_a_missing_or_empty_folder_is_refused_in_words(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no such folder"):
        load_models(tmp_path / "absent")
    with pytest.raises(InputError, match="neither vlm/ nor encoder/"):
        load_models(tmp_path)


class _Evil:
    def __init__(self, mark: Path) -> None:
        self.mark = mark

    def __reduce__(self) -> tuple[object, ...]:
        return (Path.touch, (self.mark,))


@pytest.mark.parametrize("part", ["vlm", "encoder"])
def test_neither_a_pickle_nor_code_in_a_model_folder_is_run(
    folder: Path, tmp_path: Path, part: str
) -> None:
    spoiled = shutil.copytree(folder / part, tmp_path / "spoiled")
    mark = tmp_path / "it_ran"
    (spoiled / "evil.py").write_text(f"open({str(mark)!r}, 'w')\n")
    config = json.loads((spoiled / "config.json").read_text())
    config["auto_map"] = {"AutoModel": "evil.Model", "AutoConfig": "evil.Config"}
    (spoiled / "config.json").write_text(json.dumps(config))
    load_models(spoiled)
    (spoiled / "model.safetensors").unlink()
    (spoiled / "pytorch_model.bin").write_bytes(pickle.dumps(_Evil(mark)))
    with pytest.raises((InputError, OSError)):
        load_models(spoiled)
    assert not mark.exists()


def test_a_mark_of_the_template_in_a_question_is_refused_in_words(folder: Path, exam: Exam) -> None:
    # a model whose language was learnt elsewhere may be asked anything
    models = load_models(folder / "vlm")
    judge = models.answerer.judge  # type: ignore[attr-defined]
    judge._assistant.model.config.language_name = "large"
    said: list[Answer] = list(models.answerer.answer(exam, "Tell <image> a joke", (), None))
    assert "could not be answered" in said[-1].text
