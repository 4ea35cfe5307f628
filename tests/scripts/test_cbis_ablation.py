"""The ablation on real films: each recipe changes what it says, and seeds are averaged in pairs."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from sklearn.metrics import roc_auc_score

from pretrain import stage2
from pretrain.settings.stage2_config import Stage2
from scripts.cbis_ablation import CONFIG, QUESTIONS, RECIPES, START, Answers, above, main, sections
from scripts.cbis_report.figures import Asked, asked
from versamammo.config import load


def settings(name: str) -> Stage2:
    return load(Stage2, ["--config", str(CONFIG), *RECIPES[name].options])


def scores(seed: int, signal: float) -> Asked:
    random = np.random.default_rng(seed)
    truth = np.arange(120) % 2
    said = signal * truth + random.normal(size=120)
    return asked(said, truth, [f"p{n // 2}" for n in range(120)])


def test_a_recipe_changes_its_part_and_nothing_else() -> None:
    first = settings(START)
    assert not first.needs_teacher
    assert first.student.weights is not None
    full = settings("+ teacher, all terms")
    terms = full.terms
    assert all((terms.pooled, terms.relational, terms.dense, terms.consistency))
    assert replace(full, terms=first.terms) == first
    nothing = settings("from nothing")
    assert nothing.student.weights is None
    assert replace(nothing, student=first.student) == first
    bare = settings("without close-ups")
    assert replace(bare, terms=first.terms, views=first.views) == first
    assert not bare.terms.lesion_pathology
    assert all(RECIPES[name].taught == settings(name).needs_teacher for name in RECIPES)


def test_the_areas_of_seeds_are_averaged_and_compared_on_the_same_patients() -> None:
    new, old = [scores(n, 2.0) for n in range(3)], [scores(n, 0.5) for n in range(3, 5)]

    found = above("area", new, old)

    areas = [roc_auc_score(one.truth, one.said) for one in (*new, *old)]
    assert found.value == pytest.approx(np.mean(areas[:3]) - np.mean(areas[3:]))
    assert found.low < found.value < found.high
    assert found.low > 0
    assert found.p is not None
    assert found.p < 0.01
    assert found.patients == 60


def test_every_recipe_but_the_first_is_set_against_the_first() -> None:
    def told(seed: int) -> Answers:
        one = scores(seed, 1.0)
        classes = replace(one, said=(one.said > 0.5).astype(float), classes=2)
        return Answers(dict(zip(QUESTIONS, (one, one, classes), strict=True)), [])

    runs = {START: {0: told(0), 1: told(1)}, "from nothing": {0: told(2)}}
    names = [name for name, _ in sections(runs)]
    assert names == [
        f"{START}, seed 0", f"{START}, seed 1", "from nothing, seed 0",
        f"from nothing minus {START}",
    ]  # fmt: skip


def test_a_recipe_that_needs_a_folder_is_refused_without_it(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for name, word in (("with phantoms", "--phantoms"), ("+ teacher, dense term", "--teacher")):
        with pytest.raises(SystemExit):
            main(["--data", "films", "--out", str(tmp_path), "--recipes", name])
        assert f"{name}: {word} is needed" in capsys.readouterr().err


def test_phantoms_are_seen_beside_the_films_and_by_their_recipe_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    said: list[list[str]] = []

    def train(words: list[str]) -> int:
        said.append(words)
        Path(words[words.index("--run.output") + 1]).mkdir()
        return 0

    monkeypatch.setattr(stage2, "main", train)
    monkeypatch.setattr("scripts.cbis_ablation.report", lambda *_: None)
    told = ["--data", "films", "--phantoms", "drawn", "--out", str(tmp_path), "--seeds", "0"]
    main([*told, "--recipes", START, "with phantoms"])
    assert [words[words.index("--data") + 1 :][:2] for words in said] == [
        ["films", "--run.output"], ["films", "drawn:0.5"],
    ]  # fmt: skip
