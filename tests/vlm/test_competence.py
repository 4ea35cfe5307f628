"""What a model is tried on after training, and what of that is kept beside it."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import torch

from versamammo.errors import InputError
from versamammo.scoring.topic_scores import TopicScore
from versamammo.vqa import Item, Kind
from vlm import trained_topics as competence
from vlm.likelihood import fit_temperature, probabilities
from vlm.trained_topics import (
    FILE,
    Competence,
    calibrate,
    choose_trial,
    read_competence,
    write_competence,
)

MASS = TopicScore("Mass", 200, (("Yes", 80), ("No", 120)), 60, 0.78, 0.71, 0.84, 0.5, 0.8)
KNOWN = Competence(("Mass", "Laterality"), temperature=2.0, fitted_on=10, tried=(MASS,))
OLD = {
    "topics": ["Mass"], "temperature": 1.2, "fitted_on": 12,
    "tried": [{"topic": "Mass", "asked": 12, "right": 8, "by_chance": 6.0}],
}  # fmt: skip


def item(number: int, topic: str, answer: str, options: tuple[str, ...] = ("Yes", "No")) -> Item:
    kind = Kind.YES_NO if "Yes" in options else Kind.SINGLE
    return Item(
        str(number), (f"/{number}.tif",), "phantom", topic, kind, "Is there a mass?",
        options, (answer,), f"p{number // 2}",
    )  # fmt: skip


def items_of(topic: str, counts: dict[str, int]) -> list[Item]:
    answers = [answer for answer, count in counts.items() for _ in range(count)]
    return [item(n, topic, answer, tuple(counts)) for n, answer in enumerate(answers)]


@pytest.mark.parametrize(
    ("given", "asked"),
    [
        ({"Yes": 300, "No": 300}, {"Yes": 100, "No": 100}),
        ({"Yes": 30, "No": 300}, {"Yes": 30, "No": 170}),  # the frequent answer fills up
        ({"Yes": 40, "No": 50}, {"Yes": 40, "No": 50}),  # all that there are
        ({f"Level {n}": 90 for n in range(1, 9)}, {f"Level {n}": 25 for n in range(1, 9)}),
        ({f"Level {n}": 90 for n in range(12)}, {f"Level {n}": 20 for n in range(12)}),
    ],
)
def test_a_trial_asks_enough_of_every_answer(given: dict[str, int], asked: dict[str, int]) -> None:
    chosen = choose_trial(items_of("Mass", given) + items_of("Cancer", {"Yes": 5, "No": 5}), 0)
    assert Counter(one.answer[0] for one in chosen if one.topic == "Mass") == asked
    assert sum(one.topic == "Cancer" for one in chosen) == 10
    assert len({(one.topic, one.id) for one in chosen}) == len(chosen)


def test_a_trial_scores_what_the_likeliest_option_says(monkeypatch: pytest.MonkeyPatch) -> None:
    # a made-up model that knows odd images: right on them, and wrong on every fourth
    def told(_model: Any, _processor: Any, question: Any, options: Any) -> torch.Tensor:
        number = int(question.pictures[0].name)
        right = number % 2 if number % 4 else 1 - number % 2
        return torch.tensor([2.0 if (option == "Yes") == bool(right) else 0 for option in options])

    class Pictures:
        def take(self, path: str) -> SimpleNamespace:
            return SimpleNamespace(name=Path(path).stem, prior=False)

    monkeypatch.setattr(competence, "option_scores", told)
    # the order of options differs from item to item
    asked = [
        item(n, "Mass", "Yes" if n % 2 else "No", ("Yes", "No") if n % 3 else ("No", "Yes"))
        for n in range(120)
    ]
    known = calibrate(None, None, asked, Pictures(), ["Mass"])  # type: ignore[arg-type]
    (score,) = known.tried
    assert known.on("Mass") is score
    assert (score.asked, score.patients, known.fitted_on) == (120, 60, 120)
    assert dict(score.classes) == {"Yes": 60, "No": 60}
    assert (score.sensitivity, score.specificity) == (1, 0.5)
    assert score.balanced_accuracy == 0.75
    assert score.auroc == 0.75
    assert score.above_chance


def test_topics_that_were_not_asked_about_have_no_score() -> None:
    known = calibrate(None, None, [], None, ["Mass"])  # type: ignore[arg-type]
    assert known == Competence(("Mass",))
    assert known.on("Mass") is None


def test_competence_comes_back_from_its_file(tmp_path: Path) -> None:
    write_competence(tmp_path, KNOWN)
    assert read_competence(tmp_path) == KNOWN


def test_counts_of_an_older_file_are_no_trial(tmp_path: Path) -> None:
    (tmp_path / FILE).write_text(json.dumps(OLD))
    assert read_competence(tmp_path) == Competence(("Mass",), 1.2, 12)


@pytest.mark.parametrize(
    ("changed", "field"),
    [
        ({"topics": "Mass"}, "topics"), ({"temperature": 0}, "temperature"),
        ({"temperature": "1"}, "temperature"), ({"temperature": True}, "temperature"),
        ({"fitted_on": -1}, "fitted_on"), ({"tried": {}}, "scores"), ({"more": 1}, "keys"),
        ({"tried": [{"topic": "Mass", "asked": 12}]}, "scores"),
        ({"tried": [MASS.to_dict() | {"low": -1}]}, "Mass: low"),
    ],
)  # fmt: skip
def test_a_damaged_file_is_refused_with_its_name_and_field(
    tmp_path: Path, changed: dict[str, Any], field: str
) -> None:
    write_competence(tmp_path, KNOWN)
    record = json.loads((tmp_path / FILE).read_text())
    (tmp_path / FILE).write_text(json.dumps(record | changed))
    with pytest.raises(InputError, match=rf"competence\.json: .*{field}"):
        read_competence(tmp_path)


def test_a_temperature_is_fitted_to_questions_of_few_and_many_options() -> None:
    # the plain way, question by question
    random = torch.Generator().manual_seed(0)
    scores = [3 * torch.randn(2 + n % 5, generator=random) for n in range(60)]
    truths = [int(one.argmax()) if n % 3 else 0 for n, one in enumerate(scores)]
    candidates = torch.logspace(-1, 1, 81).tolist()
    paid = [
        sum(
            -float(probabilities(one.double(), t)[truth].clamp(min=1e-12).log())
            for one, truth in zip(scores, truths, strict=True)
        )
        for t in candidates
    ]
    assert fit_temperature(scores, truths) == pytest.approx(candidates[paid.index(min(paid))])
