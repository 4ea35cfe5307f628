from __future__ import annotations

import pytest

from versamammo.vqa import Item, Kind
from versamammo.vqa.asking import AskedItem, combine, groups_of

ABNORMAL = ("Normal", "Mass", "Calcification", "Skin thickening")


def put(kind: Kind, options: tuple[str, ...]) -> AskedItem:
    item = Item("1", ("/a",), "x", "ACR", kind, "What?", options, options[:1])
    return AskedItem(item, options, item)


@pytest.mark.parametrize(
    ("replies", "answer"),
    [
        (["Level A", "Level B", "Level B"], "Level B"),
        (["Level C", "Level A"], "Level C"),  # of equally many the first
        (["b", "B: Level B", "Level C."], "Level B"),
        (["I cannot tell", "Level C"], "Level C"),
        (["I cannot tell", "nor can I"], "I cannot tell"),
        (["Level A, Level B", "Level C"], "Level C"),
        (["whatever it says"], "whatever it says"),
    ],
)
def test_of_single_choices_most_groups_decide(replies: list[str], answer: str) -> None:
    assert combine(put(Kind.SINGLE, ("Level A", "Level B", "Level C")), replies) == answer


@pytest.mark.parametrize(
    ("replies", "answer"),
    [
        (["Calcification", "Normal", "Mass"], "Mass, Calcification"),
        (["Normal", "A"], "Normal"),
        (["B, D", "Mass"], "Mass, Skin thickening"),
    ],
)
def test_of_multiple_choices_all_that_any_group_saw(replies: list[str], answer: str) -> None:
    assert combine(put(Kind.MULTIPLE, ABNORMAL), replies) == answer


@pytest.mark.parametrize(
    ("count", "most", "sizes"), [(1, 4, [1]), (8, 4, [4, 4]), (9, 4, [3, 3, 3]), (9, 0, [9])]
)
def test_groups_are_few_and_even(count: int, most: int, sizes: list[int]) -> None:
    groups = groups_of(range(count), most)

    assert [len(group) for group in groups] == sizes
    assert [one for group in groups for one in group] == list(range(count))
