"""Patient-level, label-stratified, seeded splits; nobody stands on two sides.

A patient is first sent to a split by a hash of the seed and its own id, so that it does not
matter who else is there. Then the fewest patients are moved that even out the labels (steepest
descent on the squared deviation of every label's share). The result depends on neither the order
of rows nor the number of workers, and a new patient moves few of the others, though not none.
"""

from __future__ import annotations

import hashlib
import math
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from versamammo.data.labels import Labels
from versamammo.errors import InputError

SPLITS = ("train", "val", "test")
DEFAULT_SHARES = (0.7, 0.1, 0.2)
STRATIFIED = ("density", "birads", "pathology")


@dataclass(frozen=True)
class Member:
    """One image as the splitting sees it.

    Attributes:
        image: a key that is unique within the manifest.
        group: who must not be parted: the patient, else the exam, else the image itself.
    """

    image: str
    group: str
    labels: Labels


def group_key(image: str, patient_id: str | None, exam_id: str | None) -> str:
    """Name the group of an image: its patient; where unknown its exam; where unknown itself."""
    if patient_id is not None:
        return f"patient {patient_id}"
    return f"exam {exam_id}" if exam_id is not None else f"image {image}"


def split_by_patient(
    members: Iterable[Member], seed: int, shares: Sequence[float] = DEFAULT_SHARES
) -> dict[str, str]:
    """Return every image a split such that no group is parted.

    Args:
        members: the images, in any order.
        seed: another seed, another split.
        shares: of the groups, for train, val and test; they sum to 1.

    Returns:
        image -> "train", "val" or "test".

    Raises:
        InputError: the shares are not three fractions that sum to 1.
    """
    check_shares(shares)
    listed = list(members)
    classes: dict[str, set[str]] = {}
    for member in listed:
        classes.setdefault(member.group, set()).update(strata(member.labels))
    split = split_groups(classes, seed, shares)
    return {member.image: split[member.group] for member in listed}


def split_groups(
    classes: Mapping[str, set[str]], seed: int, shares: Sequence[float]
) -> dict[str, str]:
    """Return every group's split, by the classes that its images have."""
    # in the order of the hash, a tie between two patients is broken the same way everywhere
    groups = sorted(classes, key=lambda group: (chance(seed, group), group))
    start = np.searchsorted(np.cumsum(shares)[:-1], [chance(seed, g) for g in groups], "right")
    presence = membership([classes[group] for group in groups])  # [G, C]
    found = even_out(presence, start, np.asarray(shares))
    return dict(zip(groups, (SPLITS[index] for index in found), strict=True))


def check_shares(shares: Sequence[float]) -> None:
    """Stop at shares that are not three fractions with sum 1."""
    good = len(shares) == 3 and all(0 <= share <= 1 for share in shares)
    if not good or not math.isclose(sum(shares), 1.0, abs_tol=1e-6):
        raise InputError(
            f"expected three fractions that sum to 1, got {tuple(shares)}",
            field="--shares", reason="bad-shares",
        )  # fmt: skip


def chance(seed: int, group: str) -> float:
    """Draw a number in [0, 1) that belongs to one group under one seed."""
    digest = hashlib.sha256(f"{seed}\0{group}".encode()).digest()
    return int.from_bytes(digest[:6], "big") / 2**48


def strata(labels: Labels) -> set[str]:
    """Name the classes an image counts for; unknown is a class of its own."""
    return {f"{name} {getattr(labels, name)}" for name in STRATIFIED}


def membership(classes: Sequence[set[str]]) -> NDArray[np.float64]:
    """Return which group has which class, 1 or 0 [G, C]; the last class is everybody.

    A class of one group cannot be shared out and is left aside: it would always choose the
    largest split, and of a few dissimilar patients none would reach the test.
    """
    counts = Counter(name for has in classes for name in has)
    names = sorted(name for name, count in counts.items() if count > 1)
    rows = [[float(name in has) for name in names] + [1.0] for has in classes]
    return np.array(rows).reshape(len(classes), len(names) + 1)


def even_out(
    presence: NDArray[np.float64], start: NDArray[np.intp], shares: NDArray[np.float64]
) -> NDArray[np.intp]:
    """Move groups between splits while that brings the labels' shares closer to their targets.

    Minimises the sum over classes c and splits s of w[c] (count[c, s] - share[s] N[c])^2 / N[c];
    w is 1, and for the last class, everybody, the number of labels that are evened out.

    Args:
        presence: [G, C], who has which class.
        start: [G], the split each group starts in.
        shares: [S], target fractions.

    Returns:
        [G] the split each group ends in.
    """
    place = start.copy()
    if not len(place):
        return place
    total = presence.sum(axis=0)  # [C]
    sides = np.arange(len(shares))
    weight = 1 / total
    weight[-1] *= len(STRATIFIED)
    excess = np.stack([presence[place == s].sum(axis=0) - shares[s] * total for s in sides])
    # groups with the same classes are alike: reckon once per kind [K, C], not once per group
    kinds, kind = np.unique(presence, axis=0, return_inverse=True)
    own = (kinds**2 * weight).sum(axis=1)  # [K]
    while True:
        pull = (kinds * weight) @ excess.T  # [K, S]
        # moving one of kind k from a to b changes the sum by 2 (pull[k, b] - pull[k, a] + own[k])
        change = 2 * (pull[:, None, :] - pull[:, :, None] + own[:, None, None])  # [K, S, S]
        there = np.zeros((len(kinds), len(shares)), bool)
        there[kind, place] = True
        change[~there] = np.inf
        # rounding hides the last bits, in which two machines may differ
        best = np.unravel_index(int(np.argmin(np.round(change, 9))), change.shape)
        if change[best] > -1e-9:
            return place
        which, here, target = best
        # the order of the groups is that of their hashes: whoever comes first moves
        place[np.flatnonzero((kind == which) & (place == here))[0]] = target
        excess[here] -= kinds[which]
        excess[target] += kinds[which]


@dataclass(frozen=True)
class Leakage:
    """How many of a kind of group (patients, exams) stand in more than one split."""

    kind: str
    groups: int
    parted: int
    train_and_test: int

    def __str__(self) -> str:
        if not self.groups:
            return f"no {self.kind} are known, so theirs cannot be counted"
        return (
            f"{self.parted} of {self.groups} {self.kind} ({self.parted / self.groups:.1%}) stand "
            f"in more than one split, {self.train_and_test} of them in both train and test"
        )


def leakage(kind: str, pairs: Iterable[tuple[str, str]]) -> Leakage:
    """Count the groups whose images stand in more than one split, from (group, split) pairs."""
    seen: dict[str, set[str]] = {}
    for group, split in pairs:
        seen.setdefault(group, set()).add(split)
    return Leakage(
        kind,
        groups=len(seen),
        parted=sum(len(splits) > 1 for splits in seen.values()),
        train_and_test=sum({"train", "test"} <= splits for splits in seen.values()),
    )


def assert_nobody_is_parted(members: Iterable[Member], splits: Mapping[str, str]) -> None:
    """Check the promise of this module on its own result.

    Raises:
        AssertionError: a group stands in two splits; a fault of ours.
    """
    found = leakage("groups", ((m.group, splits[m.image]) for m in members))
    if found.parted:
        raise AssertionError(f"a patient is on two sides: {found}")
