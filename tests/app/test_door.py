"""The door test: cases, questions, words read back, calibration, and the verb itself."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import numpy as np
import pytest

from app import cli
from app.chat.conversation.answering import Answering
from app.chat.evidence.contracts import Card, EvidenceSource, Findings, Region
from app.chat.evidence.exam import Exam
from app.chat.evidence.location_text import in_words
from app.chat.evidence.trials import Domain, Trials, read_trials
from app.chat.session_service import SessionService
from app.door.answer_words import said_of
from app.door.calibrating import Tried, calibrate, fit, trials_of
from app.door.cases import Case, blank, cases, root_of, shuffled
from app.door.questioning import Hearing, hear, on_box
from tests.app.chat.made import density, mass
from tests.app.chat.tiny_models import write_tiny_models
from versamammo.data.preparation.prepare import prepare
from versamammo.data.preparation.prepare_settings import Settings
from versamammo.errors import InputError
from versamammo.imaging.breast import find_breast
from versamammo.imaging.mammogram import Box
from versamammo.phantoms import PhantomSettings, write_phantoms
from versamammo.vocabulary import BY_NAME, NO, TOPICS, YES


@pytest.fixture(scope="module")
def prepared(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("door")
    settings = PhantomSettings(exams=3, seed=5, height=384, lesion_rate=1, malignant_share=1)
    write_phantoms(folder / "phantoms", settings)
    made = Settings(str(folder / "phantoms"), folder / "prepared", size=(384, 256), workers=1,
                    shares=(0, 0, 1))  # fmt: skip
    assert prepare(made) == 0
    return folder / "prepared"


@pytest.fixture(scope="module")
def some(prepared: Path) -> list[Case]:
    return list(cases(prepared, ["test"], root_of(prepared, None)))


def test_cases_are_exams_read_from_the_archives_own_files(some: list[Case]) -> None:
    assert len({case.patient for case in some}) == 3
    for case in some:
        assert len(case.exam.images) == 4
        assert case.exam.phantom
        assert {case.truths["View", n] for n in range(4)} == {"CC", "MLO"}
        assert case.truths["ACR", 0].startswith("Level ")
        assert case.truths["Mass", 0] in (YES, NO)
    assert any(case.boxes for case in some)
    for case in some:
        for topic, number in case.boxes:
            assert case.truths[topic, number] == YES


def test_a_file_that_is_refused_leaves_its_questions_unanswered(
    prepared: Path, tmp_path: Path
) -> None:
    root = shutil.copytree(root_of(prepared, None), tmp_path / "root")
    spoiled = sorted(root.rglob("*.dcm"))[0]
    spoiled.write_bytes(b"no picture")
    found = list(cases(prepared, ["test"], root))
    (refused,) = [one for case in found for one in case.refused]
    assert refused[0] == spoiled.name
    (case,) = [case for case in found if case.refused]
    assert case.unanswered is not None
    assert len(case.unanswered["ACR"]) == 1


@pytest.mark.parametrize("told", ["{", "{}", '{"root": "/nowhere"}'])
def test_an_archive_whose_files_cannot_be_found_is_named(tmp_path: Path, told: str) -> None:
    (tmp_path / "config.json").write_text(told)
    with pytest.raises(InputError, match="--root DIR"):
        root_of(tmp_path, None)


def test_a_folder_that_is_not_there_is_called_so(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no such folder"):
        root_of(tmp_path / "missing", None)


def test_flat_and_other_pictures_keep_the_tags(some: list[Case]) -> None:
    exam, other = some[0].exam, some[1].exam
    flat = blank(exam)
    mixed = shuffled(exam, other)
    assert exam.images
    for number, image in enumerate(exam.images):
        assert flat.images[number].told == image.told == mixed.images[number].told
        assert flat.images[number].levels.shape == image.levels.shape
        levels = flat.images[number].levels.astype(int)
        inside = levels > np.percentile(levels, 5) + 1000
        assert inside.mean() > 0.1
        columns = [c[i] for c, i in zip(levels.T, inside.T, strict=True) if i.sum() > 40]
        assert max(column.std() for column in columns) < 200, "nothing is left but a shade"
        assert find_breast(flat.images[number].mammogram().pixels).box.height > 100
        assert any(np.array_equal(mixed.images[number].levels, one.levels) for one in other.images)


@pytest.mark.parametrize(
    ("text", "topic", "picture", "value", "yes"),
    [
        ("Mass: R CC yes (0.80), marked in the x; L CC no (0.90).", "Mass", "R CC", YES, 0.80),
        ("Mass: R CC yes (0.80), marked in the x; L CC no (0.90).", "Mass", "L CC", NO, 0.10),
        ("Mass: R CC not sure (yes 0.48).", "Mass", "R CC", None, 0.48),
        ("Mass: R CC no (>0.99).", "Mass", "R CC", NO, 0.005),
        ("Mass: not judged, because never tried.", "Mass", "R CC", None, None),
        ("ACR density: B, scattered fibroglandular tissue (0.60); also possible: C 0.2.", "ACR",
         "", "Level B", None),
        ("ACR density: not sure; B 0.38, C 0.35.", "ACR", "", None, None),
        ("Pathology: benign (0.50).", "Pathology", "", "Benign", None),
        ("Cancer: no (0.70).", "Cancer", "", NO, 0.30),
    ],
)  # fmt: skip
def test_the_pages_own_words_are_read_back(
    text: str, topic: str, picture: str, value: str | None, yes: float | None
) -> None:
    said = said_of(text, BY_NAME[topic], picture)
    assert said.value == value
    assert said.yes == (None if yes is None else pytest.approx(yes))


class Told:
    """A finder that says and marks what a case's labels say, or the opposite of one."""

    card = Card("Told", "1", "labels")

    def __init__(self, case: Case, wrong: int | None = None) -> None:
        self.case = case
        self.wrong = wrong

    def find(self, exam: Exam) -> Findings:
        verdicts, regions = [], []
        for number in range(len(exam.images)):
            there = (self.case.truths["Mass", number] == YES) is not (number == self.wrong)
            if there:
                box = self.case.boxes.get(("Mass", number), (Box(0, 0, 9, 9),))[0]
                mark = Region(number, box, "Mass", 0.9, in_words(exam.images[number], box))
                regions.append(mark)
                verdicts.append(mass(number, 0.9, mark))
            else:
                verdicts.append(mass(number, 0.2))
            verdicts.append(density(number, self.case.truths["ACR", number][-1], 0.9))
        return Findings(tuple(verdicts), regions=tuple(regions))


def test_right_words_score_right_and_marks_are_counted(some: list[Case], tmp_path: Path) -> None:
    case = next(case for case in some if ("Mass", 0) in case.truths and case.boxes)
    hearing = Hearing()
    for wrong in (None, 0):
        finder = Told(case, wrong)
        desk = SessionService(
            tmp_path / "home", answerer=Answering(finder.card, Trials()), finder=finder
        )
        hear(desk, case, case.exam, hearing)
    heard = hearing.pictures["Mass"]
    right = [said.value == truth for said, truth in zip(heard.said, heard.truths, strict=True)]
    assert right == [True] * 4 + [False] + [True] * 3
    assert all(s.value == t for s, t in zip(hearing.pictures["ACR"].said,
               hearing.pictures["ACR"].truths, strict=True))  # fmt: skip
    assert all(said.value is None for said in hearing.pictures["Calcification"].said)
    assert hearing.marks["Mass"].contradictions == []
    assert len(hearing.exams["ACR"].truths) == 2
    assert desk.shelf.get(None) is None


def test_a_mark_hits_by_its_centre_or_by_overlap() -> None:
    true = Box(10, 10, 20, 20)
    assert on_box(Box(14, 14, 16, 16), true)
    assert on_box(Box(5, 5, 20, 20), true)
    assert not on_box(Box(0, 0, 11, 11), true)


def test_every_topic_that_can_be_judged_is_asked_about() -> None:
    from app.chat.evidence.examining import JUDGED

    assert {topic.name for topic in TOPICS if topic.asked} == {topic.name for topic in JUDGED}


def test_calibration_finds_the_curve_that_made_the_answers() -> None:
    random = np.random.default_rng(0)
    odds = random.normal(0, 2, 40_000)
    even = 1 / (1 + np.exp(-(0.7 * odds + 0.4)))  # what it is at even odds
    yes = random.random(len(odds)) < even
    found = fit(1 / (1 + np.exp(-odds)), yes)
    share = yes.mean()  # weighing both answers alike shifts the curve by the log odds of yes
    shift = 0.4 - np.log(share / (1 - share))
    assert found.slope == pytest.approx(0.7, abs=0.03)
    assert found.shift == pytest.approx(shift, abs=0.05)


def test_a_source_is_tried_on_patients_it_was_not_calibrated_on() -> None:
    random = np.random.default_rng(1)
    yes = random.random(400) < 0.3
    noise = random.random(400)
    weights = [{YES: float(x), NO: 1 - float(x)} for x in noise]
    truths = [YES if one else NO for one in yes]
    tried = Tried(weights, truths, [f"p{n // 4}" for n in range(400)])
    table = {(EvidenceSource.MARKS, "Mass"): tried}
    (trial,) = trials_of(table, Domain.PHANTOM, "noise", calibrated=False)
    assert not trial.score.above_chance
    assert trial.score.auroc == pytest.approx(0.5, abs=0.1)
    assert set(calibrate(table)) == {(EvidenceSource.MARKS, "Mass")}


def test_the_verb_calibrates_a_model_and_then_scores_it(
    prepared: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    model = write_tiny_models(tmp_path / "tiny")
    asked = ["doortest", "--data", str(prepared), "--model", str(model)]
    assert cli.main([*asked, "--calibrate"]) == 0
    trials = read_trials(model)
    assert trials.trials
    assert (EvidenceSource.MARKS, "Mass") in trials.calibrations
    assert "12 questions" in capsys.readouterr().out
    assert cli.main([*asked, "--out", str(tmp_path / "out"), "--limit", "2"]) == 0
    text = capsys.readouterr().out
    assert "8 pictures in 2 exams of 2 patients; 0 files refused" in text
    told = json.loads((tmp_path / "out" / "door.json").read_text())
    assert told["controls"]["page"]["pictures"]["ACR"]["answered"] == 0, "twelve are too few"
    assert told["counts"]["exams"] == 2
    assert cli.main([*asked, "--splits", '["train"]']) == 2
    assert cli.main(["doortest", "--data", str(prepared), "--model", "none"]) == 2
    assert "no model to try" in capsys.readouterr().err
