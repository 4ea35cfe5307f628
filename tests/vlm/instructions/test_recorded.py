"""Conversations from a file: read, refused, drawn, and put before the model with their records."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest
import torch

from tests.vlm.archives import write_archive
from versamammo.data.dataset import Archive
from versamammo.errors import InputError
from versamammo.imaging.mammogram import Laterality, View
from vlm.instructions import LessonPool, Mixture
from vlm.instructions.recorded import read_recorded
from vlm.prompts import FACTS, PromptImage, Question, Turn, to_messages

LINE = {
    "views": ["R CC", "R MLO"],
    "turns": [
        {"question": "Is there a mass?", "facts": ["Mass: R CC no (0.9)."], "answer": "No mass."},
        {"question": "Where?", "facts": [], "answer": "Nothing is marked."},
    ],
}


def written(folder: Path, *lines: object) -> Path:
    file = folder / "conversations.jsonl"
    file.write_text("\n".join(json.dumps(line) for line in lines))
    return file


def test_a_file_is_read(tmp_path: Path) -> None:
    (one,) = read_recorded(written(tmp_path, LINE))
    assert one.views == ("R CC", "R MLO")
    assert one.turns[0] == Turn("Is there a mass?", "No mass.", ("Mass: R CC no (0.9).",))


@pytest.mark.parametrize(
    "broken",
    [
        {"views": [], "turns": LINE["turns"]},
        {"views": ["R XX"], "turns": LINE["turns"]},
        {"views": ["R CC"], "turns": []},
        {"views": ["R CC"], "turns": [{"question": "", "facts": [], "answer": "a"}]},
        {"views": ["R CC"], "turns": [{"question": "q", "facts": [1], "answer": "a"}]},
        {"views": ["R CC"], "turns": [{"question": "q", "answer": "a"}]},
        {**LINE, "more": 1},
        "text",
    ],
)
def test_a_line_that_is_no_conversation_is_refused_by_its_number(
    tmp_path: Path, broken: object
) -> None:
    with pytest.raises(InputError) as refused:
        read_recorded(written(tmp_path, LINE, broken))
    assert refused.value.field == "line 2"
    assert refused.value.file is not None


def test_an_empty_file_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no conversation"):
        read_recorded(written(tmp_path))


def test_a_share_of_what_is_learned_comes_from_the_file(tmp_path: Path) -> None:
    archive = Archive.open(write_archive(tmp_path / "prepared"), ["train"])
    pool = LessonPool(archive, Mixture(recorded=0.5), read_recorded(written(tmp_path, LINE)))
    drawn = [pool.draw((1, number)) for number in range(60)]
    told = [lesson for lesson in drawn if lesson.topic == "Recorded"]
    assert 15 < len(told) < 45
    for lesson in told:
        assert [pool.pictures[image].view for image in lesson.images] == ["CC", "MLO"]
        assert lesson.history == (Turn("Is there a mass?", "No mass.", ("Mass: R CC no (0.9).",)),)
        assert lesson.views == ("R CC", "R MLO")
    listing = pool.mixture.listing(0.5)
    alone = [pool.draw((1, number), listing).topic for number in range(30)]
    assert "Recorded" not in alone


def test_the_record_stands_behind_each_question() -> None:
    picture = PromptImage(torch.zeros(1, 4, 4), Laterality.RIGHT, View.CC)
    before = Turn("Is there a mass?", "No mass.", ("Mass: R CC no (0.9).",))
    question = Question("Sure?", (picture,), (before,), facts=("Mass: R CC no (0.9).", "Tried."))
    first, answered, last = to_messages(question)
    assert first["content"].endswith(f"Is there a mass?\n{FACTS}\nMass: R CC no (0.9).")
    assert answered["content"] == "No mass."
    assert last["content"] == f"Sure?\n{FACTS}\nMass: R CC no (0.9).\nTried."
    assert FACTS not in to_messages(replace(question, facts=(), history=()))[0]["content"]
