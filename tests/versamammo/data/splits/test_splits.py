from __future__ import annotations

import random
from collections import Counter

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from versamammo.data.labels import UNKNOWN, Labels
from versamammo.data.splits.draw import (
    SPLITS,
    Member,
    assert_nobody_is_parted,
    group_key,
    leakage,
    split_by_patient,
    strata,
)
from versamammo.errors import InputError

numbers = st.sampled_from([0.0, 1.0, 2.0, UNKNOWN])
labels = st.builds(Labels, density=numbers, birads=numbers, pathology=numbers)


@st.composite
def archives(draw: st.DrawFn) -> list[Member]:
    """Up to thirty patients with up to six images each, labelled anyhow."""
    members = []
    for patient in range(draw(st.integers(1, 30))):
        for image in range(draw(st.integers(1, 6))):
            members.append(Member(f"{patient}/{image}", f"patient {patient}", draw(labels)))
    return members


def population(patients: int, seed: int = 0) -> list[Member]:
    """Four images of each patient, with rare and common labels and some unknown."""
    draw = random.Random(seed)
    members = []
    for patient in range(patients):
        seen = Labels(
            density=draw.choices([1, 2, 3, 4, UNKNOWN], [10, 35, 35, 10, 10])[0],
            birads=draw.choices([0, 1, 2, 3, 4, 5, UNKNOWN], [5, 40, 30, 10, 7, 3, 5])[0],
            pathology=draw.choices([0, 1, 2, UNKNOWN], [60, 20, 10, 10])[0],
        )
        members += [Member(f"{patient}/{view}", f"patient {patient}", seen) for view in range(4)]
    return members


@given(archives(), st.integers(0, 5))
@settings(max_examples=60, deadline=None)
def test_no_patient_stands_on_two_sides(members: list[Member], seed: int) -> None:
    found = split_by_patient(members, seed)
    assert found.keys() == {member.image for member in members}
    assert set(found.values()) <= set(SPLITS)
    sides: dict[str, set[str]] = {}
    for member in members:
        sides.setdefault(member.group, set()).add(found[member.image])
    assert all(len(side) == 1 for side in sides.values())


@given(archives(), st.randoms(use_true_random=False))
@settings(max_examples=60, deadline=None)
def test_the_order_of_rows_does_not_matter(members: list[Member], chance: random.Random) -> None:
    shuffled = list(members)
    chance.shuffle(shuffled)
    assert split_by_patient(shuffled, 3) == split_by_patient(members, 3)


@pytest.mark.parametrize("patients", [40, 400])
def test_every_label_is_shared_out_as_asked(patients: int) -> None:
    members = population(patients)
    found = split_by_patient(members, seed=1)
    named = {name for member in members for name in strata(member.labels)}
    assert named
    for name in named:
        has = Counter(found[m.image] for m in members[::4] if name in strata(m.labels))
        for split, share in zip(SPLITS, (0.7, 0.1, 0.2), strict=True):
            assert abs(has[split] - share * has.total()) < 2.0, (name, split)


def test_sizes_are_met_to_the_patient() -> None:
    found = split_by_patient(population(300), seed=5)
    assert Counter(found.values()) == {"train": 840, "val": 120, "test": 240}


def test_a_few_patients_still_leave_one_to_test() -> None:
    for patients in (3, 4, 5):
        assert "test" in split_by_patient(population(patients), seed=0).values()


def test_another_seed_gives_another_split() -> None:
    members = population(100)
    assert split_by_patient(members, 1) != split_by_patient(members, 2)
    assert split_by_patient(members, 1) == split_by_patient(members, 1)


def test_a_new_patient_moves_few_of_the_others() -> None:
    members = population(400)
    before = split_by_patient(members, seed=1)
    after = split_by_patient([*members, Member("new", "patient new", Labels(birads=5))], seed=1)
    moved = sum(before[member.image] != after[member.image] for member in members[::4])
    assert moved < 40


def test_unknown_is_a_class_of_its_own() -> None:
    assert strata(Labels()) == {"density nan", "birads nan", "pathology nan"}


def test_an_image_without_patient_goes_with_its_exam() -> None:
    assert group_key("i", "p", "e") == group_key("j", "p", "f")
    assert group_key("i", None, "e") == group_key("j", None, "e")
    assert group_key("i", None, None) != group_key("j", None, None)


@pytest.mark.parametrize("shares", [(0.7, 0.1, 0.1), (0.7, 0.3), (1.2, -0.1, -0.1)])
def test_shares_that_make_no_whole_are_refused(shares: tuple[float, ...]) -> None:
    with pytest.raises(InputError, match="sum to 1") as caught:
        split_by_patient(population(3), 0, shares)
    assert caught.value.reason == "bad-shares"


def test_leakage_counts_groups_in_more_than_one_split() -> None:
    found = leakage("patients", [("a", "train"), ("a", "test"), ("b", "train"), ("b", "val"),
                                 ("c", "test"), ("c", "test")])  # fmt: skip
    assert (found.groups, found.parted, found.train_and_test) == (3, 2, 1)
    assert "2 of 3 patients (66.7%)" in str(found)
    assert "cannot be counted" in str(leakage("exams", []))


def test_a_parted_patient_is_our_own_fault() -> None:
    members = [Member("a", "patient 1", Labels()), Member("b", "patient 1", Labels())]
    with pytest.raises(AssertionError, match="two sides"):
        assert_nobody_is_parted(members, {"a": "train", "b": "test"})
