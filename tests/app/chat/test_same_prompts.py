"""What the door puts to a language model is, token for token, what training put to it."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from app.chat.evidence.exam import Exam
from app.chat.evidence.option_likelihoods import LanguageSource
from app.chat.evidence.queueing import OneAtATime
from tests.app.chat.tiny_models import write_tiny_models
from versamammo.data.labels import Labels
from versamammo.input.geometry import Crop
from versamammo.vqa import Item, Kind
from versamammo.vqa.asking import prompt_of
from vlm import likelihood
from vlm.assistant import Assistant
from vlm.instructions.instruction_samples import closed_turn
from vlm.instructions.topics import TOPICS, LabelledTopic
from vlm.prompts import Question

LABELS = Labels(
    density=2, birads=2, pathology=1, masking=3, subtlety=4, tissue=1, cancer=0, invasive=0,
    mass=1, calcification=0, asymmetry=0, distortion=0, skin_thickening=0, skin_retraction=0,
    nipple_retraction=0, lymph_node=0,
)  # fmt: skip


class InOrder:
    """A random source that keeps options in their order and takes the first wording."""

    def permutation(self, count: int) -> np.ndarray[Any, Any]:
        return np.arange(count)

    def integers(self, *_: int) -> int:
        return 0

    def random(self) -> float:
        return 1.0


@dataclass
class Labelled:
    """A picture as lessons see it."""

    labels: Labels = LABELS
    laterality: str = "R"
    view: str = "CC"
    crop: Crop | None = None


@pytest.fixture(scope="module")
def assistant(tmp_path_factory: pytest.TempPathFactory) -> Assistant:
    folder = write_tiny_models(tmp_path_factory.mktemp("same") / "tiny")
    return Assistant.load(folder / "vlm")


@pytest.mark.parametrize("topic", TOPICS, ids=lambda topic: topic.name)
def test_the_door_asks_with_the_tokens_of_training_calibration_and_benchmark(
    assistant: Assistant, exam: Exam, monkeypatch: pytest.MonkeyPatch, topic: LabelledTopic
) -> None:
    processor = assistant.processor
    turn = closed_turn(topic, [Labelled()], InOrder())  # type: ignore[list-item, arg-type]
    (picture,) = assistant.look([exam.images[0].mammogram()])
    # calibration and benchmark put items, as `prompt_of` words them
    item = Item("1", ("/a",), "phantom", topic.name, topic.kind, topic.wordings[0],
                topic.offered([Labelled()]), (topic.options[0],))  # type: ignore[list-item]  # fmt: skip
    assert prompt_of(item) == turn.question
    if topic.kind is Kind.MULTIPLE:
        return  # the page asks each finding alone
    learned = processor.example(Question(turn.question, (picture,), (), False), turn.answer)

    seen: list[Any] = []
    answers: list[list[int]] = []
    collate, words = processor.collate, likelihood._words
    monkeypatch.setattr(
        processor, "collate", lambda examples: (seen.extend(examples), collate(examples))[1]
    )
    monkeypatch.setattr(
        likelihood, "_words", lambda *given: (answers.append(words(*given)), answers[-1])[1]
    )
    LanguageSource(assistant, OneAtATime()).weigh(exam, 0, topic)
    assert len(seen) == 1, "the question is read once for all its options"
    assert len(answers) == len(topic.options) > 1
    answer = tuple(answers[topic.options.index(turn.answer)])
    assert (*seen[0].input_ids, *answer) == tuple(learned.input_ids)
    assert tuple(learned.labels[-len(answer) :]) == answer


def test_yes_and_no_are_asked_as_yes_and_no_by_whoever_asks(
    assistant: Assistant, exam: Exam, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The fault of the first release: the page put yes/no questions as single choice."""
    asked: list[str] = []
    render = assistant.processor.render
    monkeypatch.setattr(
        assistant.processor, "render", lambda one: (asked.append(one.text), render(one))[1]
    )
    pictures = assistant.look([exam.images[0].mammogram()])
    assistant.choose(pictures, "Is there a mass?", ["Yes", "No"], context=False)
    mass = next(topic for topic in TOPICS if topic.name == "Mass")
    assistant.weigh(pictures, mass)
    assert len(set(asked)) == 1
    assert asked[0].startswith("Answer with yes or no")


def test_lessons_of_the_smallest_archive_are_put_like_items(tmp_path: Path) -> None:
    from tests.vlm.archives import write_archive
    from versamammo.data.dataset import Archive
    from vlm.instructions import LessonPool, Mixture, make_items

    archive = write_archive(tmp_path / "archive")
    pool = LessonPool(Archive.open(archive, ["train"]), Mixture(closed=1, open=0, places=0,
                      reports=0, turns=0, several=0))  # fmt: skip
    drawn = {pool.draw((0, number)).question for number in range(300)}
    items = make_items(archive, ("train",), exams=False)
    put = {prompt_of(item) for item in items}
    assert len(put) > 5
    words = {text.partition("### Options")[0] for text in drawn}
    assert {text.partition("### Options")[0] for text in put} <= words
