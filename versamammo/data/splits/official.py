"""Keeps an archive's own split: what is officially test stays test, and nobody is on two sides.

Archives part images or lesions, and some part patients by it: 31 of the 1,566 patients of CBIS-DDSM
have a mass in one part and a calcification in the other. Such a patient goes where its most held
back image is: to the test before the validation before the training part.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from versamammo.data.splits.draw import Member, split_by_patient

HELD_BACK = ("test", "val", "train")


def split_officially(
    members: Iterable[Member], official: Mapping[str, str], seed: int, shares: Sequence[float]
) -> dict[str, str]:
    """Return every image a split that agrees with the official one wherever patients allow.

    Where the archive names no validation part, one is drawn from its training part, as large beside
    the rest of it as `shares` says. Patients it does not speak of are drawn like all others.

    Args:
        members: the images, in any order.
        official: image -> "train", "val" or "test", of those the archive places.
        seed: of what is drawn.
        shares: of the groups, for train, val and test.

    Returns:
        image -> split.
    """
    listed = list(members)
    fixed = by_group(listed, official)
    if "val" not in official.values():
        # what is officially training is shared out between training and validation
        fixed = {group: split for group, split in fixed.items() if split == "test"}
    placed = {m.image: fixed[m.group] for m in listed if m.group in fixed}
    known = {m.group for m in listed if m.image in official}
    train, val, _ = shares
    kept = train + val or 1.0
    inner = [m for m in listed if m.group in known and m.group not in fixed]
    others = [m for m in listed if m.group not in known]
    return (
        placed
        | split_by_patient(inner, seed, (train / kept, 1 - train / kept, 0.0))
        | split_by_patient(others, seed, shares)
    )


def by_group(members: Iterable[Member], official: Mapping[str, str]) -> dict[str, str]:
    """Send each group to the most held back split that one of its images is in."""
    found: dict[str, str] = {}
    for member in members:
        split = official.get(member.image)
        if split is not None:
            before = found.get(member.group, "train")
            found[member.group] = min(before, split, key=HELD_BACK.index)
    return found
