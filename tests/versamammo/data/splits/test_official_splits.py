"""Official tests stay test, and still nobody is on two sides."""

from __future__ import annotations

from versamammo.data.labels import Labels
from versamammo.data.splits.draw import DEFAULT_SHARES, Member, leakage
from versamammo.data.splits.official import split_officially

MEMBERS = [Member(f"{n} {side}", f"patient {n}", Labels()) for n in range(90) for side in "LR"]


def drawn(official: dict[str, str]) -> dict[str, str]:
    return split_officially(MEMBERS, official, 0, DEFAULT_SHARES)


def test_a_patient_of_two_parts_is_tested() -> None:
    official = {m.image: "train" for m in MEMBERS} | {"3 L": "test"}
    split = drawn(official)
    assert split["3 L"] == split["3 R"] == "test"
    assert [image for image, side in split.items() if side == "test"] == ["3 L", "3 R"]


def test_validation_is_drawn_from_training_where_none_is_given() -> None:
    official = {m.image: "test" if m.group in ("patient 1", "patient 2") else "train"
                for m in MEMBERS}  # fmt: skip
    split = drawn(official)
    assert sum(side == "test" for side in split.values()) == 4
    assert 10 <= sum(side == "val" for side in split.values()) <= 40


def test_three_official_parts_are_kept_as_they_are() -> None:
    sides = ("train", "val", "test")
    official = {m.image: sides[int(m.group.split()[1]) % 3] for m in MEMBERS}
    assert drawn(official) == official


def test_nobody_is_parted() -> None:
    official = {m.image: ("test", "train")[n % 2] for n, m in enumerate(MEMBERS) if n % 3}
    split = drawn(official)
    assert leakage("patients", ((m.group, split[m.image]) for m in MEMBERS)).parted == 0
    assert len(split) == len(MEMBERS)


def test_without_an_official_split_all_are_drawn() -> None:
    assert set(drawn({}).values()) == {"train", "val", "test"}
