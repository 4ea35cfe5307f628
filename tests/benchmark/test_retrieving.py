from __future__ import annotations

import numpy as np
import pytest
from sklearn.metrics import average_precision_score

from benchmark import retrieving
from benchmark.retrieving import Collection, rank, search
from versamammo.errors import InputError


def some(n: int, random: np.random.Generator, patients: int = 9, classes: int = 3) -> Collection:
    vectors = random.normal(size=(n, 8)).astype(np.float32)
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    shown = random.random((n, classes)) < 0.4
    exams = random.integers(-1, 5, n)
    return Collection(vectors, shown, random.integers(0, patients, n), exams)


def test_every_query_equals_brute_force_and_scikit_learn() -> None:
    random = np.random.default_rng(0)
    queries, gallery = some(30, random), some(200, random)

    found = search(queries, gallery)

    for q in range(30):
        other = (gallery.patients != queries.patients[q]) & (
            (gallery.exams != queries.exams[q]) | (gallery.exams < 0)
        )
        alike = gallery.vectors[other] @ queries.vectors[q]
        hits = (gallery.classes[other] & queries.classes[q]).any(1)
        assert found.kept[q] == other.sum()
        assert found.relevant[q] == hits.sum()
        if not hits.any():
            assert np.isnan(found.average_precision[q])
            continue
        assert found.average_precision[q] == pytest.approx(average_precision_score(hits, alike))
        np.testing.assert_array_equal(found.ranked[q], hits[np.argsort(-alike)][:10])


def test_the_own_patient_and_the_own_exam_are_never_shown() -> None:
    same = np.array([[1.0, 0.0]] * 3, np.float32)
    yes = np.ones((3, 1), np.bool_)
    gallery = Collection(same, yes, np.array([7, 8, 8]), np.array([1, 2, -1]))
    query = Collection(same[:1], yes[:1], np.array([7]), np.array([2]))

    found = search(query, gallery)

    assert found.kept[0] == 1  # neither the patient's image nor that of exam 2
    assert found.ranked[0, :1].all()


def test_of_equal_similarities_the_irrelevant_come_first() -> None:
    likeness = np.array([[0.5, 0.5, -0.2, -0.0, 0.0]], np.float32)
    relevant = np.array([[True, False, True, True, False]])

    found = rank(likeness, relevant, np.ones((1, 5), np.bool_))

    assert found.ranked[0, :5].tolist() == [False, True, False, True, True]
    assert found.average_precision[0] == pytest.approx((1 / 2 + 2 / 4 + 3 / 5) / 3)


def test_negative_similarities_keep_their_order() -> None:
    likeness = np.array([[-0.9, -0.1, 0.3, -0.5]], np.float32)
    relevant = np.array([[False, True, False, False]])

    assert rank(likeness, relevant, np.ones((1, 4), np.bool_)).ranked[0, :4].tolist() == [
        False, True, False, False,
    ]  # fmt: skip


def test_beyond_a_million_an_index_is_asked_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(retrieving, "LARGE", 10)
    monkeypatch.setitem(__import__("sys").modules, "faiss", None)
    random = np.random.default_rng(0)

    with pytest.raises(InputError, match="pip install faiss-cpu") as caught:
        search(some(2, random), some(20, random))

    assert caught.value.reason == "missing-faiss"
