"""Which lesions a patient has, what they are like, and where they lie in both views of a breast."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from versamammo.data.labels import UNKNOWN
from versamammo.imaging.mammogram import View
from versamammo.phantoms import rule
from versamammo.phantoms.anatomy import SIDES, Patient, Retraction, ViewPlan
from versamammo.phantoms.appearances import CATEGORIES, Appearance, of_category
from versamammo.phantoms.phantom_settings import PhantomSettings, Stream, random_stream

# Radius of the body or cluster, mm, (least, most), by kind or by the words that fix it.
RADII_MM = {
    "mass": (4.0, 14.0), "spiculated": (8.0, 19.0), "distortion": (11.0, 19.0),
    "asymmetry": (8.0, 14.0), "focal asymmetry": (8.0, 16.0), "global asymmetry": (20.0, 28.0),
    "grouped": (4.0, 9.0), "linear": (8.0, 14.0), "segmental": (14.0, 22.0),
    "regional": (14.0, 20.0), "diffuse": (22.0, 32.0), "vascular": (14.0, 22.0),
    "coarse or popcorn-like": (4.0, 8.0),
    "lymph_node": (6.0, 11.0), "skin_thickening": (18.0, 34.0),
    "nipple_retraction": (8.0, 10.0), "skin_retraction": (8.0, 12.0),
}  # fmt: skip
# Absorption added, (least, most); gland adds about 0.2. Calcium absorbs far more, but is small.
CONTRASTS = {
    "mass": (0.10, 0.28), "spiculated": (0.19, 0.36), "distortion": (0.14, 0.30),
    "asymmetry": (0.11, 0.22), "global asymmetry": (0.12, 0.22), "calcification": (0.35, 1.1),
    "lymph_node": (0.14, 0.28), "skin_thickening": (0.10, 0.20),
    "nipple_retraction": (0.0, 0.0), "skin_retraction": (0.05, 0.10),
}  # fmt: skip
ON_SKIN = ("skin_thickening", "nipple_retraction", "skin_retraction")
PRIOR_ABSENT = {False: 0.25, True: 0.5}  # by malignant: share not yet there at the prior exam
PRIOR_SCALE = {False: (0.85, 1.0), True: (0.5, 0.8)}  # size then over size now
MLO_OBLIQUITY = 0.70  # how much of a lateral or superior offset is seen as height in MLO


@dataclass(frozen=True)
class Lesion:
    """One lesion of one breast, as it is now; lengths in mm.

    Attributes:
        radius: half its largest extent.
        contrast: absorption it adds to the tissue.
        depth: behind the nipple, along the posterior nipple line; equal in both views.
        lateral, superior: offsets from that line.
        along_skin: for signs on the skin: where on the outline, from the nipple.
        pull: for retractions: how deep; for thickened skin: how thick.
        number: its place in the breast's random streams.
        is_sign: goes with the first lesion and not without it.
    """

    lesion_id: str
    look: Appearance
    malignant: bool
    radius: float
    contrast: float
    number: int
    depth: float = 0.0
    lateral: float = 0.0
    superior: float = 0.0
    along_skin: float = 0.0
    pull: float = 0.0
    only_view: View | None = None
    is_sign: bool = False

    def seen_in(self, view: View) -> bool:
        """Return whether the lesion shows in a view."""
        return self.only_view in (None, view)

    def centre(self, plan: ViewPlan) -> NDArray[np.float64]:
        """Place its middle (x, y) on a view, mm."""
        if self.look.kind in ON_SKIN:
            at: NDArray[np.float64] = plan.outline.points[plan.outline.along(self.along_skin)]
            return at
        offset = -self.lateral
        if plan.view is View.MLO:
            offset = -MLO_OBLIQUITY * (self.lateral + self.superior)
        back, across = np.array(plan.back), np.array(plan.across)
        return plan.nipple + self.depth * back + offset * across


@dataclass(frozen=True)
class BreastTruth:
    """What is wrong with one breast; category "1" and pathology 0 if nothing is."""

    lesions: tuple[Lesion, ...] = ()
    category: str = "1"
    pathology: int = 0  # 0 normal, 1 benign, 2 malignant
    subtype: float = UNKNOWN
    invasive: float = 0.0

    def retractions(self) -> tuple[Retraction, ...]:
        """List the pulls on the skin, which change the outline."""
        return tuple(
            Retraction(lesion.along_skin, lesion.pull, 1.6 * lesion.radius)
            for lesion in self.lesions
            if lesion.look.kind in ("nipple_retraction", "skin_retraction")
        )


def draw_truths(settings: PhantomSettings, patient: Patient) -> tuple[BreastTruth, BreastTruth]:
    """Decide for both breasts (right, left) what they have, by the rule in `rule`."""
    rng = random_stream(settings.seed, patient.index, Stream.LESION)
    hit = bool(rng.random() < settings.lesion_rate)
    ill_side = int(rng.integers(2))
    malignant = bool(rng.random() < settings.malignant_share)
    other = bool(rng.random() < rule.OTHER_BREAST_RATE)
    truths = []
    for side in range(2):
        if hit and side == ill_side:
            truths.append(_ill_breast(settings, patient, side, malignant))
        elif hit and other:
            truths.append(_ill_breast(settings, patient, side, False, category="2"))
        else:
            truths.append(BreastTruth())
    return truths[0], truths[1]


def _ill_breast(
    settings: PhantomSettings, patient: Patient, side: int, malignant: bool, category: str = ""
) -> BreastTruth:
    rng = random_stream(settings.seed, patient.index, Stream.LESION, side)
    shares = rule.CATEGORY_SHARES["malignant" if malignant else "benign"]
    drawn = CATEGORIES[int(rng.choice(len(CATEGORIES), p=shares))]
    category = category or drawn
    first = _choose(rng, of_category(category))
    signs = [
        Appearance(kind, category, 1.0)
        for kind, rate in rule.SIGN_RATES.items()
        if rng.random() < rate and category in rule.SIGN_CATEGORIES
    ]
    others = []
    if rng.random() < rule.COMPANION_RATE and first.kind != "nipple_retraction":
        benign = tuple(a for a in of_category("2") if a.kind != "nipple_retraction")
        others.append(_choose(rng, benign))
    lesions = tuple(
        replace(
            _draw_lesion(rng, look, f"{patient.name}-{SIDES[side]}{k + 1}", k),
            malignant=malignant and k <= len(signs),
            is_sign=0 < k <= len(signs),
        )
        for k, look in enumerate([first, *signs, *others])
    )
    if not malignant:
        return BreastTruth(lesions, category, 1)
    group = rule.cancer_group(first)
    subtype = float(rng.choice(4, p=rule.SUBTYPE_SHARES[group]))
    invasive = float(rng.random() < rule.INVASIVE_SHARES[group])
    return BreastTruth(lesions, category, 2, subtype, invasive)


def _choose(rng: np.random.Generator, looks: tuple[Appearance, ...]) -> Appearance:
    weights = np.array([look.weight for look in looks])
    return looks[int(rng.choice(len(looks), p=weights / weights.sum()))]


def _draw_lesion(rng: np.random.Generator, look: Appearance, name: str, number: int) -> Lesion:
    words = (look.margin, look.morphology, look.distribution, look.kind)
    least, most = next(RADII_MM[word] for word in words if word in RADII_MM)
    radius = float(np.exp(rng.uniform(np.log(least), np.log(most))))
    contrast = float(rng.uniform(*next(CONTRASTS[word] for word in words if word in CONTRASTS)))
    along = float(rng.choice((-1, 1)) * rng.uniform(22, 48))
    pull = float(rng.uniform(2.5, 6.5))
    only = None
    if look.kind == "lymph_node":
        only = View.MLO
    elif look.morphology == "asymmetry":
        only = (View.CC, View.MLO)[int(rng.integers(2))]
    return Lesion(
        name, look, False, radius, contrast, number,
        along_skin=0.0 if look.kind == "nipple_retraction" else along, pull=pull, only_view=only,
    )  # fmt: skip


def at_prior_exam(
    settings: PhantomSettings, patient: Patient, truth: BreastTruth, side: int
) -> BreastTruth:
    """Go back to the earlier exam: each lesion smaller, or not there yet; labels of that day.

    Signs are there only if what they go with is.
    """
    rng = random_stream(settings.seed, patient.index, Stream.LESION, side, 1)
    kept: list[Lesion] = []
    for lesion in truth.lesions:
        absent = bool(rng.random() < PRIOR_ABSENT[lesion.malignant])
        scale = float(rng.uniform(*PRIOR_SCALE[lesion.malignant]))
        orphaned = lesion.is_sign and (not kept or kept[0].number > 0)
        if not (absent or orphaned):
            kept.append(replace(lesion, radius=lesion.radius * scale, pull=lesion.pull * scale))
    if not kept:
        return BreastTruth()
    if kept[0].number == 0:
        return replace(truth, lesions=tuple(kept))
    return BreastTruth(tuple(kept), "2", 1)
