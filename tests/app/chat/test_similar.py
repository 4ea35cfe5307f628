from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest
import torch

from app.chat.conversation.report import record
from app.chat.evidence.exam import Exam
from app.chat.evidence.similar import Index, build_index, open_index
from app.chat.models import load_models
from app.chat.page.similar_panel import similar_html
from tests.app.chat.tiny_models import tiny_encoder, write_tiny_models
from versamammo.errors import InputError


@pytest.fixture(scope="module")
def index(prepared: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("similar") / "index"
    build_index(prepared, folder, tiny_encoder(), "abc")
    return folder


def test_the_nearest_of_a_feature_is_itself_and_the_view_is_kept(index: Path) -> None:
    opened = open_index(index, "abc")
    for number in (0, 5):
        found = opened.nearest(opened.features[number], opened.cases[number]["view"], 3)
        assert found[0].score == pytest.approx(1, abs=1e-4)
        assert found[0].told == opened.cases[number]["told"]
        assert found[0].thumb[:2] == b"\xff\xd8"
        scores = [one.score for one in found]
        assert scores == sorted(scores, reverse=True)
        assert all(opened.cases[number]["view"] in one.told for one in found)


def test_neighbours_are_those_of_largest_cosine() -> None:
    features = torch.nn.functional.normalize(torch.tensor([[1.0, 0], [1, 1], [0, 1]]), dim=1)
    cases = tuple({"view": view, "told": view} for view in ("CC", "MLO", "CC"))

    class Bare(Index):
        def _thumb(self, number: int) -> bytes:
            return b""

    found = Bare(Path(), features, cases).nearest(torch.tensor([0.2, 2.0]), None)
    cosines = torch.nn.functional.cosine_similarity(features, torch.tensor([[0.2, 2.0]]))
    assert [one.score for one in found] == pytest.approx(cosines.sort(descending=True).values)


def test_an_index_names_no_patient(index: Path, prepared: Path) -> None:
    import pyarrow.parquet as pq

    told = (index / "cases.json").read_text()
    table = pq.read_table(prepared / "manifest.parquet")
    for column in ("patient_id", "exam_id", "image_id"):
        assert not any(str(value) in told for value in table[column].to_pylist() if value)
    assert "from phantom" in told


def test_an_index_of_other_weights_or_a_spoiled_one_is_refused(index: Path, tmp_path: Path) -> None:
    with pytest.raises(InputError, match="made with weights abc"):
        open_index(index, "def")
    spoiled = shutil.copytree(index, tmp_path / "spoiled")
    record = json.loads((spoiled / "cases.json").read_text())
    (spoiled / "cases.json").write_text(json.dumps({**record, "cases": record["cases"][1:]}))
    with pytest.raises(InputError, match="features"):
        open_index(spoiled, "abc")
    with pytest.raises(InputError, match="no index"):
        open_index(tmp_path, "abc")


def test_a_model_with_an_index_shows_like_pictures(
    prepared: Path, tmp_path: Path, exam: Exam
) -> None:
    folder = write_tiny_models(tmp_path / "tiny")
    models = load_models(folder, tmp_path / "index", prepared)
    assert models.comparer is not None
    found = models.comparer.find(exam)
    assert [len(own) for own in found] == [4, 4, 4, 4]
    assert all("CC" in one.told for one in found[0])
    html = similar_html(exam, found)
    assert html.count("<figure>") == 16
    assert "need not be alike" in html
    told = record(exam, None, (), (), found)
    assert len(told["similar"][0]) == 4  # type: ignore[index]
    with pytest.raises(InputError, match="need a model"):
        load_models(None, tmp_path / "index")
