from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

import pytest

from versamammo.errors import InputError
from versamammo.vqa import Item, Kind
from versamammo.vqa.answer_file import IN_A_ROW, answer_into
from versamammo.vqa.asking import AskedItem, under_control


def asked(count: int) -> tuple[AskedItem, ...]:
    items = [
        Item(str(n + 1), (f"/{n}",), "x", "ACR", Kind.SINGLE, "What?", ("A", "B"), ("A",), f"p{n}")
        for n in range(count)
    ]
    return under_control(items, "none", 0)


def failing(faults: dict[str, Exception]) -> object:
    def answer(some: Sequence[AskedItem]) -> list[str]:
        for one in some:
            if one.item.id in faults:
                raise faults[one.item.id]
        return [f"answer {one.item.id}" for one in some]

    return answer


@pytest.mark.parametrize("batch", [1, 3, 16])
def test_faults_of_few_items_are_set_aside(tmp_path: Path, batch: int) -> None:
    faults = {"2": InputError("gone", file="a.png"), "5": RuntimeError("odd size\nand more")}
    out = tmp_path / "answers.jsonl"
    made = answer_into(out, asked(6), failing(faults), batch)  # type: ignore[arg-type]

    assert made.quarantined == (("2", "a.png: gone"), ("5", "RuntimeError: odd size"))
    lines = [json.loads(line) for line in out.read_text().splitlines()]
    assert [line["id"] for line in lines] == list("123456")
    assert [line["answer"] for line in lines] == [
        "answer 1", None, "answer 3", "answer 4", None, "answer 6"
    ]  # fmt: skip


def test_a_fault_of_all_items_ends_the_run_and_spoils_none(tmp_path: Path) -> None:
    out = tmp_path / "answers.jsonl"
    faults = {str(n): RuntimeError("no memory") for n in range(3, 40)}
    with pytest.raises(RuntimeError, match="no memory"):
        answer_into(out, asked(30), failing(faults), 4)  # type: ignore[arg-type]

    assert [json.loads(line)["id"] for line in out.read_text().splitlines()] == ["1", "2"]
    assert answer_into(out, asked(30), failing({}), 4).quarantined == ()  # type: ignore[arg-type]


def test_items_that_are_all_bad_are_all_set_aside(tmp_path: Path) -> None:
    faults = {str(n): InputError("gone") for n in range(1, 40)}
    made = answer_into(tmp_path / "a", asked(2 * IN_A_ROW), failing(faults), 4)  # type: ignore[arg-type]

    assert len(made.quarantined) == made.items == 2 * IN_A_ROW


def test_what_is_no_error_of_an_item_goes_through(tmp_path: Path) -> None:
    class Outage(Exception):
        pass

    out = tmp_path / "answers.jsonl"
    with pytest.raises(Outage):
        answer_into(out, asked(6), failing({"4": Outage()}), 2)  # type: ignore[arg-type]
    assert out.read_text().count("\n") == 2
