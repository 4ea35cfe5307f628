"""Who has what: the rule by which phantoms get their labels, its noise, and the ceilings it sets.

1. An exam has a lesion with probability `lesion_rate`; which breast is a toss.
2. The lesion is malignant with probability `malignant_share`.
3. Its category is drawn from CATEGORY_SHARES given the pathology; benign and malignant overlap,
   so a perfect reader of the image still cannot be sure of the pathology.
4. Its appearance is drawn among those of the category (`appearances`), and drawn on the images.
5. The reader's BI-RADS is the category, moved to a neighbour with probability `label_noise`; a
   breast without a lesion is category 1.
6. ACR composition A to D fixes the distribution of the glandular share (`anatomy.GLAND_SHARE`),
   whose neighbours overlap.
Ceilings are the best figures anyone can reach from a single image under this rule, seeing all
lesions; they are exact sums over the tables, not simulations.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from versamammo.phantoms.anatomy import GLAND_SHARE, SIDE_SPREAD
from versamammo.phantoms.appearances import CATEGORIES, Appearance, of_category
from versamammo.phantoms.phantom_settings import PhantomSettings

# Probability of each category 2, 3, 4A, 4B, 4C, 5 given the pathology. With a malignant share of
# 0.4, the likelihoods of malignancy are 0, 5, 26, 50, 83 and 97 %, in the order and mostly in the
# ranges of the 5th edition.
CATEGORY_SHARES = {
    "benign": (0.45, 0.25, 0.15, 0.10, 0.04, 0.01),
    "malignant": (0.0, 0.02, 0.08, 0.15, 0.30, 0.45),
}
COMPANION_RATE = 0.12  # a second lesion in the same breast, always benign and of category 2
OTHER_BREAST_RATE = 0.10  # a category 2 lesion in the other breast
# Signs that go with a lesion of a high category, benign or malignant, so they tell no more than it.
SIGN_CATEGORIES = ("4C", "5")
SIGN_RATES = {
    "skin_thickening": 0.15, "nipple_retraction": 0.15, "skin_retraction": 0.10, "lymph_node": 0.15,
}  # fmt: skip

# Probability of each of SUBTYPES (HER2-enriched, Luminal A, Luminal B, triple negative) in cancers.
SUBTYPE_SHARES = {
    "calcification": (0.50, 0.20, 0.25, 0.05),
    "spiculated": (0.05, 0.60, 0.30, 0.05),
    "other": (0.15, 0.20, 0.25, 0.40),
}
INVASIVE_SHARES = {"calcification": 0.40, "spiculated": 0.97, "other": 0.85}

MASKING_STEP = 0.08  # glandular share per masking level, 1 to 8
TISSUE_LIMITS = (0.12, 0.40)  # glandular shares between fatty, fatty-glandular, dense-glandular


def category_number(category: str) -> int:
    """Return the assessment category as a number; 4A, 4B and 4C are 4."""
    return int(category[0])


def cancer_group(appearance: Appearance) -> str:
    """Return which row of the subtype and invasion tables holds for a malignant lesion."""
    if appearance.kind == "calcification":
        return "calcification"
    return "spiculated" if appearance.margin == "spiculated" else "other"


def misread(rng: np.random.Generator, value: int, noise: float, low: int, high: int) -> int:
    """Move a grade to a neighbour with probability `noise`, within low..high."""
    if rng.random() >= noise:
        return value
    neighbours = [v for v in (value - 1, value + 1) if low <= v <= high]
    return int(rng.choice(neighbours))


def masking_level(gland_share: float) -> int:
    """Grade how easily a tumour could hide, 1 to 8, from the glandular share (after CSAW-M)."""
    return min(8, 1 + int(gland_share / MASKING_STEP))


def tissue_class(gland_share: float) -> int:
    """Class the background as 0 fatty, 1 fatty-glandular or 2 dense-glandular."""
    return int(np.searchsorted(TISSUE_LIMITS, gland_share, side="right"))


@dataclass(frozen=True)
class Ceiling:
    """The best accuracy, and the best mean of the classes' recalls, that a label allows."""

    accuracy: float
    balanced_accuracy: float


@dataclass(frozen=True)
class LabelCeilings:
    """What the phantoms' label noise allows, per label, for one image at a time.

    Attributes:
        subtype: among cancers.
    """

    density: Ceiling
    birads: Ceiling
    pathology: Ceiling
    cancer: Ceiling
    subtype: Ceiling
    masking: Ceiling


def label_ceilings(settings: PhantomSettings) -> LabelCeilings:
    """Compute the Bayes ceilings of the rule under these settings."""
    pathology = pathology_given_category(settings)
    reading = np.stack([
        _misreading(settings.label_noise, grade, 1, 5)
        for grade in (1, *(category_number(c) for c in CATEGORIES))
    ])  # fmt: skip
    shares = pathology.sum(axis=1)
    cancers = pathology[:, 2]
    return LabelCeilings(
        density=_ceiling(_density_joint(settings)),
        birads=_ceiling(shares[:, None] * reading),
        pathology=_ceiling(pathology),
        cancer=_ceiling(np.stack([shares - cancers, cancers], axis=1)),
        subtype=_ceiling(_subtype_joint()),
        masking=_ceiling(_masking_joint(settings)),
    )


def pathology_given_category(settings: PhantomSettings) -> NDArray[np.float64]:
    """Joint probability [category 1, 2, 3, 4A, 4B, 4C, 5; normal, benign, malignant]."""
    joint = np.zeros((1 + len(CATEGORIES), 3))
    hit = settings.lesion_rate / 2
    joint[1:, 1] = hit * (1 - settings.malignant_share) * np.array(CATEGORY_SHARES["benign"])
    joint[1:, 2] = hit * settings.malignant_share * np.array(CATEGORY_SHARES["malignant"])
    joint[1, 1] += hit * OTHER_BREAST_RATE
    joint[0, 0] = 1 - joint.sum()
    return joint


def _misreading(noise: float, value: int, low: int, high: int) -> NDArray[np.float64]:
    """Probability of every grade low..high when `value` is read with noise."""
    chance = np.zeros(high - low + 1)
    chance[value - low] = 1 - noise
    neighbours = [v for v in (value - 1, value + 1) if low <= v <= high]
    for neighbour in neighbours:
        chance[neighbour - low] += noise / len(neighbours)
    return chance


def _density_joint(settings: PhantomSettings) -> NDArray[np.float64]:
    """Joint probability [glandular share, composition] of what one image shows."""
    shares = np.linspace(0.001, 0.999, 999)
    columns = []
    for prior, (mean, deviation) in zip(settings.density_prior, GLAND_SHARE, strict=True):
        # the patient's share, then one relative deviation per breast and one per view
        seen = np.hypot(deviation, mean * SIDE_SPREAD * 2**0.5)
        chance = np.exp(-0.5 * ((shares - mean) / seen) ** 2)
        columns.append(prior * chance / chance.sum())
    return np.stack(columns, axis=1)


def _masking_joint(settings: PhantomSettings) -> NDArray[np.float64]:
    """Joint probability [true level, noted level] of masking."""
    shares = np.linspace(0.001, 0.999, 999)
    chance = _density_joint(settings).sum(axis=1)
    level = np.array([masking_level(float(s)) for s in shares])
    return np.stack([
        chance[level == k].sum() * _misreading(settings.label_noise, k, 1, 8) for k in range(1, 9)
    ])  # fmt: skip


def _subtype_joint() -> NDArray[np.float64]:
    """Joint probability [group, subtype] among cancers."""
    groups = dict.fromkeys(SUBTYPE_SHARES, 0.0)
    for category, share in zip(CATEGORIES, CATEGORY_SHARES["malignant"], strict=True):
        looks = of_category(category)
        total = sum(a.weight for a in looks)
        for look in looks:
            groups[cancer_group(look)] += share * look.weight / total
    return np.stack([groups[g] * np.array(SUBTYPE_SHARES[g]) for g in SUBTYPE_SHARES])


def _ceiling(joint: NDArray[np.float64]) -> Ceiling:
    """Best accuracy and balanced accuracy from a joint table [what is seen, class]."""
    frequency = joint.sum(axis=0)
    present = frequency > 0
    recall = joint[:, present] / frequency[present]
    return Ceiling(
        float(joint.max(axis=1).sum() / joint.sum()),
        float(recall.max(axis=1).sum() / present.sum()),
    )
