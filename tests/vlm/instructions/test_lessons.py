"""What is learned: drawn by seed alone, topics and answers alike, places where the lesion lies."""

from __future__ import annotations

import dataclasses
from collections import Counter

import numpy as np
import pytest

from tests.vlm.archives import LESION, SIZE, write_archive
from versamammo.data.dataset import Archive
from versamammo.errors import InputError
from versamammo.vocabulary import Topic, sentence
from vlm.box_tokens import places_in
from vlm.instructions import LessonPool, Mixture
from vlm.instructions.instruction_samples import NOT_SEEN, SIDE_UNKNOWN, facts, report
from vlm.instructions.topics import BY_NAME, TOPICS

ONLY_CLOSED = {"open": 0.0, "places": 0.0, "reports": 0.0, "turns": 0.0}
NOTHING = {"closed": 0.0, **ONLY_CLOSED}


@pytest.fixture(scope="module")
def archive(tmp_path_factory: pytest.TempPathFactory) -> Archive:
    folder = write_archive(tmp_path_factory.mktemp("lessons") / "prepared")
    return Archive.open(folder, ["train"])


def test_a_draw_follows_from_its_number_alone(archive: Archive) -> None:
    first, second = LessonPool(archive), LessonPool(archive)
    assert [first.draw((0, n)) for n in range(20)] == [second.draw((0, n)) for n in range(20)]
    assert first.draw((0, 1)) != first.draw((1, 1))


def test_topics_and_their_answers_come_alike(archive: Archive) -> None:
    pool = LessonPool(archive, Mixture(**ONLY_CLOSED))
    drawn = [pool.draw((7, n)) for n in range(3000)]
    topics = Counter(lesson.topic for lesson in drawn)
    assert set(topics) == {
        "View", "Laterality", "ACR", "Bi-Rads", "Pathology", "Abnormality", "Mass"
    }  # fmt: skip
    assert max(topics.values()) < 1.25 * min(topics.values())
    masses = Counter(lesson.answer for lesson in drawn if lesson.topic == "Mass")
    # only one patient in three has a mass, yet both answers are learned alike
    assert 0.8 < masses["Yes"] / masses["No"] < 1.25


def test_options_come_in_every_order(archive: Archive) -> None:
    pool = LessonPool(archive, Mixture(**ONLY_CLOSED, topics=("View",)))
    firsts = Counter("A: CC" in pool.draw((1, n)).question for n in range(200))
    assert 60 < firsts[True] < 140


def test_the_place_of_a_mass_leads_back_to_its_box(archive: Archive) -> None:
    pool = LessonPool(archive, Mixture(**NOTHING | {"places": 1, "several": 0}))
    lessons = [pool.draw((0, n)) for n in range(40)]
    placed = [lesson for lesson in lessons if lesson.answer.startswith("Mass at")]
    for lesson in placed:
        ((image, box),) = places_in(lesson.answer, [pool.pictures[lesson.images[0]].crop])
        # two decimals are half a per cent of the picture
        assert np.allclose(box.as_tuple(), list(LESION.values()), atol=0.006 * max(SIZE))
        assert image == 0
    assert 15 < len(placed) < 40
    others = {lesson.answer for lesson in lessons if lesson not in placed}
    assert others <= {"There is no mass.", "There is no calcification.", "There is no finding."}


def test_of_several_views_the_place_names_its_image(archive: Archive) -> None:
    pool = LessonPool(archive, Mixture(**NOTHING | {"places": 1, "several": 1}))
    lessons = [pool.draw((0, n)) for n in range(40)]
    assert all(len(lesson.images) == 2 for lesson in lessons)
    placed = [lesson for lesson in lessons if "Mass at" in lesson.answer]
    crops = [pool.pictures[image].crop for image in placed[0].images]
    assert [image for image, _ in places_in(placed[0].answer, crops)] == [0, 1]


def test_what_one_view_shows_the_exam_shows(archive: Archive) -> None:
    exam = [archive[0], dataclasses.replace(archive[2], patient=archive[0].patient)]
    assert BY_NAME["Mass"].answer(exam) == ("Yes",)
    assert BY_NAME["Bi-Rads"].answer(exam) == ("Bi-Rads 4",)
    assert BY_NAME["Pathology"].answer(exam) == ("Benign",)
    assert BY_NAME["ACR"].answer(exam) is None, "views differ, and nobody can say which is right"


def test_questions_no_mammogram_answers_are_told_so(archive: Archive) -> None:
    pool = LessonPool(archive, Mixture(**NOTHING | {"elsewhere": 1}))
    assert {pool.draw((0, n)).answer for n in range(20)} == {NOT_SEEN}


def test_without_the_tags_nobody_knows_the_side(archive: Archive) -> None:
    open_only = NOTHING | {"open": 1, "topics": ("Laterality",), "several": 0}
    told = LessonPool(archive, Mixture(**open_only, without_context=0))
    withheld = LessonPool(archive, Mixture(**open_only, without_context=1))
    assert {withheld.draw((0, n)).answer for n in range(9)} == {SIDE_UNKNOWN}
    assert SIDE_UNKNOWN not in {told.draw((0, n)).answer for n in range(9)}
    closed = Mixture(**ONLY_CLOSED, topics=("Laterality",), several=0, without_context=1)
    pool = LessonPool(archive, closed)
    assert all(pool.draw((0, n)).context for n in range(9)), "guessing is not taught"


def test_lists_take_the_share_they_are_given(archive: Archive) -> None:
    mixture = Mixture().listing(0.5)
    pool = LessonPool(archive, mixture)
    topics = Counter(pool.draw((0, n)).topic for n in range(1000))
    assert 440 < topics["List"] < 560


@pytest.mark.parametrize("topic", TOPICS, ids=lambda topic: topic.name)
def test_every_answer_makes_a_sentence(topic: Topic) -> None:
    answers = [(option,) for option in topic.options]
    for turn in range(2):
        said = [sentence(topic, answer, turn) for answer in answers]
        assert all(text.endswith(".") and "{" not in text for text in said)
        assert len(set(said)) == len(said), "two answers sound alike"


def test_a_report_says_composition_findings_with_place_and_assessment(archive: Archive) -> None:
    texts = [report([picture]) for picture in archive]
    assert texts[0] == (
        "Composition: ACR D. Findings: mass at [0.17, 0.31, 0.42, 0.50]. Assessment: BI-RADS 4."
    )
    assert texts[2] == "Composition: ACR A. Findings: none. Assessment: BI-RADS 1."


def test_two_turns_are_about_the_same_images_and_two_topics(archive: Archive) -> None:
    pool = LessonPool(archive, Mixture(**ONLY_CLOSED | {"open": 1, "turns": 98}))
    lessons = [pool.draw((0, n)) for n in range(60)]
    assert Counter(len(lesson.history) for lesson in lessons)[2] > 15
    assert all(turn.question != lesson.question for lesson in lessons for turn in lesson.history)


def test_a_long_conversation_asks_no_topic_twice_and_never_guesses_the_side(
    archive: Archive,
) -> None:
    pool = LessonPool(archive, Mixture(**NOTHING | {"closed": 1e-9, "turns": 1, "longest": 6}))
    lengths = set()
    for n in range(200):
        lesson = pool.draw((0, n))
        lengths.add(1 + len(lesson.history))
        asked = [_options(turn.question) for turn in lesson.history] + [_options(lesson.question)]
        yes_no = asked.count(("No", "Yes"))
        assert len(asked) - len(set(asked)) == max(0, yes_no - 1), "a topic is asked twice"
        assert lesson.context or ("Left", "Right") not in asked[:-1]
    assert lengths == {2, 3, 4, 5, 6}


def test_earlier_answers_come_alike_however_rare_they_are(archive: Archive) -> None:
    topics = ("View", "Laterality", "Mass", "ACR")
    mixture = Mixture(**NOTHING | {"closed": 1e-9, "turns": 1, "longest": 2, "topics": topics})
    pool = LessonPool(archive, mixture)
    drawn = (pool.draw((3, n)) for n in range(3000))
    before = Counter(
        turn.answer
        for lesson in drawn
        if lesson.topic in ("View", "Laterality")
        for turn in lesson.history
    )
    # one patient in three has a mass; drawn as they come, the ratio were 0.5
    assert 0.65 < before["Yes"] / before["No"] < 1.5


def _options(question: str) -> tuple[str, ...]:
    listed = question.partition("### Options: ")[2].partition(". ### Answer")[0]
    return tuple(sorted(option.partition(": ")[2] for option in listed.split(", ")))


def test_facts_tell_what_is_there_and_what_is_not(archive: Archive) -> None:
    told = facts(archive[0], np.random.default_rng(0))
    assert "Mass [0.17, 0.31, 0.42, 0.50]" in told
    assert "no calcification" in told
    assert "asymmetry" not in told, "nobody looked for it"
    assert "Right" not in told, "the side belongs to the exam context"
    assert "View" in told
    tagged = facts(archive[0], np.random.default_rng(0), tagged=True)
    assert "View" not in tagged, "a view that the tags tell is to be read there"
    assert "Mass [0.17, 0.31, 0.42, 0.50]" in tagged


def test_an_unknown_topic_is_refused_by_name() -> None:
    with pytest.raises(InputError, match="no topic 'Colour'"):
        Mixture(topics=("Colour",))
