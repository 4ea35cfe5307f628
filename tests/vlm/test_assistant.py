"""Answers with what was looked at, how sure, and whether such questions were trained."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch

from versamammo.errors import InputError
from versamammo.scoring.topic_scores import TopicScore
from vlm.assistant import Assistant
from vlm.likelihood import fit_temperature, option_scores, probabilities
from vlm.prompts import Question
from vlm.trained_topics import Competence, topic_of

MASS = TopicScore("Mass", 200, (("Yes", 80), ("No", 120)), 60, 0.78, 0.71, 0.84, 0.5)
GUESSED = replace(MASS, topic="Calcification", balanced_accuracy=0.52, low=0.45, high=0.59)
KNOWN = Competence(
    ("Mass", "Calcification", "Laterality"), temperature=2.0, fitted_on=10, tried=(MASS, GUESSED)
)


@pytest.fixture
def assistant(trained) -> Assistant:
    return Assistant(*trained, KNOWN)


def test_an_answer_names_what_was_looked_at(assistant: Assistant, small) -> None:
    said = assistant.answer([small.picture(1), small.picture(2)], "Is there a mass?", most_words=6)
    assert said.looked_at == ("Image 1 (image)", "Image 2 (image)")
    assert said.trained is True


def test_a_question_without_training_is_said_to_be_so(assistant: Assistant, small) -> None:
    said = assistant.answer([small.picture(1)], "What is the weather like?", most_words=4)
    assert said.trained is False
    assert any("not trained for such questions" in note for note in said.notes)


def test_a_long_answer_stops_and_says_that_it_was_cut(assistant: Assistant, small) -> None:
    said = assistant.answer([small.picture(1)], "Is there a mass?", most_words=1)
    assert not said.complete
    assert any("cut off" in note for note in said.notes)


def test_a_choice_is_the_likeliest_option_and_chances_sum_to_one(
    assistant: Assistant, small
) -> None:
    said = assistant.choose([small.picture(1)], "Is there a mass?", ["Yes", "No"], sure_enough=0)
    chances = dict(said.probabilities)
    assert said.choice == max(chances, key=chances.__getitem__)
    assert sum(chances.values()) == pytest.approx(1)


def test_an_unsure_model_abstains(assistant: Assistant, small) -> None:
    said = assistant.choose([small.picture(1)], "Is there a mass?", ["Yes", "No"], sure_enough=1)
    assert said.choice is None
    assert said.text == ""
    assert said.confidence is not None


@pytest.mark.parametrize("options", [["Yes"], ["Yes", "yes"], ["Yes", " "]])
def test_options_that_cannot_be_chosen_among_are_refused(
    assistant: Assistant, small, options: list[str]
) -> None:
    with pytest.raises(InputError, match="two or more"):
        assistant.choose([small.picture(1)], "Is there a mass?", options)


def test_the_score_of_an_option_does_not_depend_on_its_company(trained, small) -> None:
    question = Question("Is there a mass?", (small.picture(1),))
    both = option_scores(*trained, question, ["Yes, a mass.", "No."])
    alone = option_scores(*trained, question, ["No."])
    torch.testing.assert_close(both[1:], alone, rtol=1e-4, atol=1e-4)


def test_overconfident_scores_are_cooled_and_timid_ones_sharpened() -> None:
    # always 4 to 0, right three times in four: calibrated at log 3
    scores = [torch.tensor([4.0, 0.0])] * 4
    temperature = fit_temperature(scores, [0, 0, 0, 1])
    assert probabilities(scores[0], temperature)[0] == pytest.approx(0.75, abs=0.01)


@pytest.mark.parametrize(
    ("question", "topic"),
    [
        ("How dense is the breast?", "ACR"),
        ("Is there a mass?", "Mass"),
        ("Where is the mass?", "Place"),
        ("Write a short report.", "Report"),
        ("Which breast is shown?", "Laterality"),
        ("How old is the patient?", None),
    ],
)
def test_free_questions_are_sorted_by_topic(question: str, topic: str | None) -> None:
    assert topic_of(question) == topic


def test_an_answer_says_how_such_questions_went(assistant: Assistant, small) -> None:
    said = assistant.choose([small.picture(1)], "Is there a mass?", ["Yes", "No"])
    assert f"such questions were {MASS}" in said.notes
    other = assistant.choose([small.picture(1)], "Which breast is shown?", ["Right", "Left"])
    assert not any("guessing" in note for note in other.notes)
    assert "how well it answers such questions was never measured" in other.notes


def test_an_answer_no_better_than_guessing_is_not_to_be_relied_on(
    assistant: Assistant, small
) -> None:
    said = assistant.choose([small.picture(1)], "Are there calcifications?", ["Yes", "No"])
    assert f"do not rely on the answer: {GUESSED.why_not()}" in said.notes
