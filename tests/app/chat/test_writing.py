"""Answers in a language model's words: shown where they agree with the record, else not."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import cast

import numpy as np

from app.chat.conversation.answering import Answering
from app.chat.conversation.asked import Asked
from app.chat.conversation.exact_places import OF_THE_BOX
from app.chat.conversation.intent import understand
from app.chat.conversation.program_facts import program_facts
from app.chat.conversation.report_findings import likeliest_lines
from app.chat.conversation.subjects import Subject
from app.chat.conversation.verdict_words import MARKED_IN, NEITHER
from app.chat.conversation.writing import (
    FEW,
    LONGEST,
    LONGEST_OF_MORE,
    REPEATED,
    RecordWriter,
    is_worded,
    record_lines,
    told_as_it_is,
)
from app.chat.evidence.contracts import ChatTurn, Findings, Region, StreamedAnswer
from app.chat.evidence.exam import Exam
from app.chat.evidence.option_likelihoods import LanguageSource
from app.chat.evidence.trials import Trials
from app.conversations.random_exams import Scene, draw_scene
from tests.app.chat.test_answering import CARD, masses
from versamammo.errors import InputError
from versamammo.imaging.mammogram import Box
from vlm.prompts import Turn


class Says:
    """A language model that says what it is told to, word by word."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.asked: list[tuple[str, tuple[Turn, ...], tuple[str, ...]]] = []

    def write(
        self, exam: Exam, question: str, before: Sequence[Turn], facts: Sequence[str], most: int
    ) -> Iterator[str]:
        self.asked.append((question, tuple(before), tuple(facts)))
        words = self.text.split(" ")
        for count in range(1, len(words) + 1):
            yield " ".join(words[:count])


class Fails(Says):
    """One that cannot use the pictures."""

    def write(self, *_: object) -> Iterator[str]:  # type: ignore[override]
        raise InputError("too long", field="question")
        yield ""


def pieces(
    exam: Exam, model: Says, question: str = "Is there a mass?", history: Sequence[ChatTurn] = ()
) -> list[StreamedAnswer]:
    writer = RecordWriter(cast(LanguageSource, model))
    seen = masses(exam, 1)
    return list(Answering(CARD, Trials(), writer).answer(exam, question, history, seen))


def test_what_agrees_is_shown_sentence_by_sentence(exam: Exam) -> None:
    name = exam.names[1]
    model = Says(f"Yes, a mass is marked in {name} (0.80). It was found by the marked places.")
    said = pieces(exam, model)
    assert said[0].text == f"Yes, a mass is marked in {name} (0.80)."
    assert said[-1].text == said[-1].written == model.text
    assert said[-1].evidence, "what it points to comes from the record"
    assert said[-1].confidence is not None
    (question, before, facts) = model.asked[0]
    assert (question, before) == ("Is there a mass?", ())
    assert facts[0].startswith("Mass: ")
    assert said[-1].facts == facts


def test_what_disagrees_gives_way_to_the_record(exam: Exam) -> None:
    model = Says("No mass was found. All is well.")
    said = pieces(exam, model)
    assert len(said) == 1, "the first sentence already disagrees"
    assert said[0].text.startswith("Mass: ")
    assert not said[0].written
    assert "mass is not said to be absent" in said[0].rejected


def test_what_an_answer_leaves_out_is_added_from_the_record(exam: Exam) -> None:
    said = pieces(exam, Says("Here is what was found."))[-1]
    assert said.text == f"{said.facts[0]}\nHere is what was found."
    assert said.facts[0].startswith("Mass: ")
    assert said.written == said.text
    assert said.rejected == ()


def test_small_talk_and_the_program_itself_keep_their_sentences(exam: Exam) -> None:
    model = Says("I am a doctor.")
    for question in ("Hello", "Who are you?", "What can I ask?", "Are you a doctor?"):
        assert not pieces(exam, model, question)[-1].facts
    assert model.asked == [], "it is not asked to word these"
    for question in ("Should I have a biopsy?", "Thank you"):
        said = pieces(exam, model, question)[-1]
        assert not said.written
        assert "the record says nothing of a person who speaks" in said.rejected


def test_a_model_that_cannot_answer_leaves_the_record(exam: Exam) -> None:
    said = pieces(exam, Fails(""))
    assert said[-1].text.startswith("Mass: ")
    assert said[-1].rejected == ("too long",)


def test_words_that_were_not_read_are_told_by_the_page_itself(exam: Exam) -> None:
    model = Says(f"A mass is marked in {exam.names[1]} (0.80).")
    said = pieces(exam, model, "Is there a spiculated mass?")[-1]
    assert said.text == f"Not taken into account: “spiculated”.\n{model.text}"
    assert not any("Not taken" in fact for fact in model.asked[0][2])


def test_a_report_keeps_its_form_and_no_picture_is_no_answer(exam: Exam) -> None:
    model = Says("Nothing.")
    assert "Composition:" in pieces(exam, model, "Write a report")[-1].text
    assert "no such picture" in pieces(exam, model, "Is there a mass in picture 9?")[-1].text
    assert model.asked == []


def test_earlier_turns_are_read_with_their_records(exam: Exam) -> None:
    name = exam.names[1]
    first = Says(f"A mass is marked in {name} (0.80).")
    made = pieces(exam, first)[-1]
    second = Says(f"The mass lies in {name}.")
    pieces(exam, second, "Where?", [ChatTurn("Is there a mass?", made)])
    assert second.asked[0][1] == (Turn("Is there a mass?", first.text, made.facts),)


def test_the_last_answer_is_not_repeated_for_another_question(exam: Exam) -> None:
    made = StreamedAnswer("Mass: not judged here.")
    writer = RecordWriter(cast(LanguageSource, Says("Mass is not judged here.")))
    said = list(writer.write(exam, "Is there a mass?", (), made))[-1]
    assert said.written

    def after(facts: tuple[str, ...], question: str) -> StreamedAnswer:
        before = [ChatTurn("Any mass?", replace(said, facts=facts))]
        return list(writer.write(exam, question, before, made))[-1]

    other = after(("Mass: none.",), "How large is it?")
    assert (other.text, other.rejected) == (made.text, (REPEATED,))
    assert after(said.facts, "Is there a mass?").written, "of the same record"
    assert after(("Mass: none.",), "any mass?").written, "asked again"


def test_record_lines_leave_out_what_the_page_says_itself() -> None:
    text = "Not taken into account: “big”.\nMass: no.\n\nSee also: cyst."
    assert record_lines(text) == ("Mass: no.",)


def test_a_long_record_keeps_its_form_sooner_where_there_are_many_pictures(exam: Exam) -> None:
    made = StreamedAnswer("Mass: not judged, because " + "nothing was tried " * 35)
    assert LONGEST_OF_MORE < len(made.text) < LONGEST
    for count, asked in ((len(exam.images), 0), (FEW, 1)):
        model = Says("Mass is not judged here.")
        few = replace(exam, images=exam.images[:count])
        writer = RecordWriter(cast(LanguageSource, model))
        *_, said = writer.write(few, "Is there a mass?", (), made)
        assert len(model.asked) == asked
        assert bool(said.written) == bool(asked)


def test_warnings_stand_below_the_models_words_on_quality_as_they_are(exam: Exam) -> None:
    first, *rest = exam.images
    told = replace(first.told, warnings=("the window was made from the pixels",))
    warned = replace(exam, images=(replace(first, told=told), *rest))
    model = Says("The quality is not judged here.")
    said = pieces(warned, model, "Is the quality sufficient?")
    warning = f"{exam.names[0]}: the window was made from the pixels"
    assert said[-1].written == model.text
    assert said[-1].text.splitlines() == [model.text, warning]
    assert len(model.asked[0][2]) == 1, "warnings are not to be worded"


def test_the_place_of_a_lesion_is_not_worded_beside_a_finding_asked_for(exam: Exam) -> None:
    model = Says("Whether there is a calcification is not judged, because it was not tried.")
    place = Region(0, Box(10.0, 10.0, 40.0, 40.0), "Mass", 0.4, "upper third")
    seen = Findings(silent={"Calcification": "it was not tried"}, suspects=(place,))
    answering = Answering(CARD, Trials(), RecordWriter(cast(LanguageSource, model)))
    *_, said = answering.answer(exam, "Any calcifications?", (), seen)
    assert not any("likely" in line for line in model.asked[0][2]), "it is not told of the place"
    assert said.written == model.text
    assert said.text.splitlines()[1].startswith("If there is a lesion, it most likely lies here")


def scene_of_two_views(spaced: bool) -> Scene:
    """Draw scenes until two views tell the one place of a lesion together."""
    for seed in range(400):
        scene = draw_scene(np.random.default_rng([5, seed]))
        lines = likeliest_lines(scene.exam, scene.seen, scene.exam.current)
        whole = len(lines) == 1 and MARKED_IN in lines[0] and "; " not in lines[0]
        if whole and (scene.exam.images[0].told.spacing_mm is not None) is spaced:
            return scene
    raise AssertionError("no such scene was drawn")


def test_a_place_that_two_views_tell_is_worded_and_its_boxes_stand_below() -> None:
    scene = scene_of_two_views(spaced=True)
    place = "If there is a lesion, it most likely lies"
    model = Says("It cannot be told.")
    answering = Answering(CARD, Trials(), RecordWriter(cast(LanguageSource, model)))
    *_, said = answering.answer(scene.exam, "In which quadrant does it lie?", (), scene.seen)
    ((_, _, facts),) = model.asked
    assert facts[0].startswith(("Right breast: ", "Left breast: "))
    assert not any("pixels from the upper left" in one for one in facts)
    assert OF_THE_BOX not in said.text
    *_, said = answering.answer(scene.exam, "Quadrant, and the boxes?", (), scene.seen)
    assert not any(one.endswith(OF_THE_BOX) for one in model.asked[-1][2])
    boxes = [one for one in said.text.splitlines() if one.endswith(OF_THE_BOX)]
    assert len(boxes) == 2
    assert [one.split(":")[0] for one in boxes] == list(scene.exam.names)
    *_, said = answering.answer(scene.exam, "Where is it?", (), scene.seen)
    assert model.asked[-1][2][0].startswith(place)


def test_how_large_a_place_of_two_views_is_stands_in_millimetres() -> None:
    scene = scene_of_two_views(spaced=True)
    *_, said = Answering(CARD, Trials()).answer(scene.exam, "How large is it?", (), scene.seen)
    sizes = [
        f"{scene.exam.names[one.image]} {size[0]:.0f} x {size[1]:.0f} mm"
        for one in scene.seen.suspects
        if (size := scene.exam.images[one.image].millimetres(one.box))
    ]
    assert len(sizes) == 2
    assert f"Width x height: {'; '.join(sizes)}." in said.text.splitlines()
    scene = scene_of_two_views(spaced=False)
    *_, said = Answering(CARD, Trials()).answer(scene.exam, "How large is it?", (), scene.seen)
    assert "Width x height in pixels" in said.text
    assert " mm" not in said.text


def test_commands_and_a_models_own_figures_keep_their_form(exam: Exam) -> None:
    texts = {name: one.text for name, one in program_facts().items()}
    own = replace(CARD, facts=(("licence", "Ours is free to use."),))
    images = tuple(range(len(exam.images)))
    for name, worded in (("false_alarms", True), ("own_data", False), ("licence", False)):
        assert ("`" in texts[name]) is (name == "own_data")
        asked = Asked(Subject.PROGRAM, images=images, program_fact=name)
        assert is_worded(asked, exam, own) is worded
        assert not is_worded(replace(asked, brief=True), exam, own)
    plain = Asked(Subject.TOPIC, images=images, topics=("ACR",))
    assert is_worded(plain, exam, own)
    for form in ({"table": True}, {"one_line": True}, {"bare": True}):
        assert not is_worded(replace(plain, **form), exam, own)  # type: ignore[arg-type]


def test_what_stands_before_the_record_stands_above_the_models_words() -> None:
    scene = scene_of_two_views(spaced=False)
    lines = likeliest_lines(scene.exam, scene.seen, scene.exam.current)
    model = Says(lines[0])
    answering = Answering(CARD, Trials(), RecordWriter(cast(LanguageSource, model)))
    *_, said = answering.answer(scene.exam, "Is this one normal?", (), scene.seen)
    told = said.text.splitlines()
    assert told[0].startswith(NEITHER)
    assert told.index(lines[0]) > 0


def test_several_values_of_an_exposure_stay_as_they_are(exam: Exam) -> None:
    same = StreamedAnswer("R CC: the tags say 30 kVp, 30 mAs.")
    both = understand("What were the kVp and the mAs?", exam)
    assert told_as_it_is(both, same) == (same.text,)
    one = understand("What was the kVp?", exam)
    assert told_as_it_is(one, StreamedAnswer("R CC: the tags say 30 kVp.")) == ()
