"""The command that folds an adapter in, and what it refuses."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch

from vlm.adapter import has_adapter
from vlm.assembly import load, save
from vlm.merge import main
from vlm.trained_topics import Competence, read_competence, write_competence


@pytest.fixture(scope="module")
def adapted(tmp_path_factory: pytest.TempPathFactory, trained: Any) -> Path:
    folder = tmp_path_factory.mktemp("merge") / "adapted"
    save(*trained, folder)
    write_competence(folder, Competence(("Mass",), 1.5, 20))
    return folder


def test_the_merged_folder_answers_the_same_and_knows_the_same(
    adapted: Path, trained: Any, small: Any, tmp_path: Path
) -> None:
    out = tmp_path / "merged"
    assert main([str(adapted), str(out)]) == 0
    model, processor = load(out)
    assert not has_adapter(model)
    assert read_competence(out) == read_competence(adapted)
    batch = processor.encode(small.questions)
    with torch.no_grad():
        found, expected = model(**batch).logits, trained[0](**batch).logits
    torch.testing.assert_close(found, expected, rtol=0, atol=1e-5)


def test_what_cannot_be_merged_is_named(
    adapted: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main([str(adapted), str(adapted)]) == 2
    assert "is not empty" in capsys.readouterr().err
    assert main([str(adapted), str(tmp_path / "merged")]) == 0
    assert main([str(tmp_path / "merged"), str(tmp_path / "again")]) == 2
    assert "nothing to fold in" in capsys.readouterr().err
