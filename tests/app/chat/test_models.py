"""Model folders: found, opened, named, and never run."""

from __future__ import annotations

import json
import pickle
import shutil
from pathlib import Path

import pytest

from app.chat.conversation.facts import FactAnswerer
from app.chat.conversation.writing import RecordWriter
from app.chat.evidence.contracts import EvidenceSource, StreamedAnswer
from app.chat.evidence.exam import Exam
from app.chat.evidence.option_likelihoods import LanguageSource
from app.chat.evidence.queueing import OneAtATime
from app.chat.evidence.trials import Domain, SourceTrial, Trials, write_trials
from app.chat.models import load_models
from tests.app.chat.tiny_models import score, write_tiny_models
from versamammo.errors import InputError
from vlm.assistant import Assistant
from vlm.trained_topics import FILE, Competence, write_competence


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_tiny_models(tmp_path_factory.mktemp("models") / "tiny")


def test_without_a_folder_tags_and_measurements_speak() -> None:
    models = load_models(None)
    assert isinstance(models.answerer, FactAnswerer)
    assert models.finder is None


def test_a_folder_of_both_answers_and_looks_and_names_its_weights(folder: Path) -> None:
    models = load_models(folder)
    assert models.finder is not None
    cards = (models.answerer.card, models.finder.card)
    assert [card.name for card in cards] == ["Tiny, language model", "Tiny, encoder"]
    assert cards[0].version != cards[1].version
    assert all(card.version.startswith("0 weights ") and card.phantoms_only for card in cards)


def test_a_language_model_alone_answers_what_training_tried(folder: Path, exam: Exam) -> None:
    models = load_models(folder / "vlm")
    assert models.finder is not None
    findings = models.finder.find(exam)
    *_, said = models.answerer.answer(exam, "How dense is the breast?", (), findings)
    assert said.text.startswith("ACR density: ")
    assert "told by: language model (ACR density)" in said.notes
    assert models.answerer.card.data == "not written down in the model's folder"


def test_heads_that_were_never_tried_at_the_door_are_not_heard(folder: Path, exam: Exam) -> None:
    models = load_models(folder / "encoder")
    assert models.finder is not None
    findings = models.finder.find(exam)
    *_, said = models.answerer.answer(exam, "How dense is the breast?", (), findings)
    assert said.text == "ACR density: not judged, because this model was never tried at it."
    assert findings.regions == ()


def test_a_trial_at_the_door_decides_who_speaks(folder: Path, tmp_path: Path, exam: Exam) -> None:
    copied = shutil.copytree(folder, tmp_path / "tried")
    tried = SourceTrial(Domain.PHANTOM, EvidenceSource.HEADS, "phantoms", score("Bi-Rads"))
    write_trials(copied, Trials((tried,)))
    models = load_models(copied)
    assert models.finder is not None
    findings = models.finder.find(exam)
    assert findings.topics == ("Bi-Rads",), "what training tried is not asked any more"
    *_, said = models.answerer.answer(exam, "Which BI-RADS category fits?", (), findings)
    assert "told by: encoder's heads (BI-RADS)" in said.notes


def test_a_topic_that_was_tried_and_not_better_than_guessing_is_not_answered(
    folder: Path, tmp_path: Path, exam: Exam
) -> None:
    copied = shutil.copytree(folder / "vlm", tmp_path / "vlm")
    tried = (score("Calcification", low=0.49), score("ACR"))
    write_competence(copied, Competence(("Calcification", "ACR", "Pathology"), 1.0, 40, tried))
    models = load_models(copied)
    assert models.finder is not None
    findings = models.finder.find(exam)

    def asked(question: str) -> StreamedAnswer:
        *_, answer = models.answerer.answer(exam, question, (), findings)
        return answer

    grains = asked("Are there calcifications?")
    assert (
        "not judged, because on patients kept from training it was not found better than guessing"
        in grains.text
    )
    density = asked("How dense is the breast?")
    assert density.text.startswith("ACR density: ")
    assert any("class-balanced accuracy 70 % [60, 80]" in note for note in density.notes)
    assert "never tried" in asked("Is it benign or malignant?").text


def test_topics_of_a_model_that_was_never_tried_are_not_answered(
    folder: Path, tmp_path: Path, exam: Exam
) -> None:
    copied = shutil.copytree(folder / "vlm", tmp_path / "vlm")
    record = json.loads((copied / FILE).read_text())
    record["tried"] = [{"topic": "ACR", "asked": 12, "right": 8, "by_chance": 3.0}]
    (copied / FILE).write_text(json.dumps(record))
    models = load_models(copied)
    assert models.finder is not None
    assert models.finder.find(exam).verdicts == ()


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
    language = LanguageSource(Assistant.load(folder / "vlm"), OneAtATime())
    made = StreamedAnswer("That is off the point.")
    *_, said = RecordWriter(language).write(exam, "Tell <image> a joke", (), made)
    assert said.text == made.text
    assert "marks turns or images" in said.rejected[0]


def test_a_language_model_that_lies_elsewhere_and_is_gone_leaves_the_record(
    folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    copied = tmp_path / "model"
    shutil.copytree(folder, copied)
    config = json.loads((copied / "vlm" / "config.json").read_text())
    config["language"] = {"kind": "folder", "name": str(tmp_path / "gone"), "version": "",
                          "content": "0" * 64}  # fmt: skip
    (copied / "vlm" / "config.json").write_text(json.dumps(config))
    models = load_models(copied)
    assert models.writer is None
    assert models.finder is not None, "the encoder looks all the same"
    assert "no language model words them" in capsys.readouterr().err
    assert load_models(copied, words=False).writer is None
    assert "no language model" not in capsys.readouterr().err, "where none is wanted"
    shutil.rmtree(copied / "encoder")
    with pytest.raises(InputError, match="is not there"):
        load_models(copied)
