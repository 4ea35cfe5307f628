"""One invented patient and how her breasts lie in the four views.

A patient has two breasts that are alike but not equal; each is pressed twice. Depth is measured
from the nipple towards the chest wall along the posterior nipple line, which is horizontal in CC
and tilted along the pectoral muscle in MLO, so a lesion keeps its depth from view to view.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from versamammo.imaging.mammogram import Laterality, View
from versamammo.phantoms import outline as skin
from versamammo.phantoms.grid import Grid
from versamammo.phantoms.machines import MACHINES, Machine
from versamammo.phantoms.outline import SkinLine
from versamammo.phantoms.phantom_settings import PhantomSettings, Stream, random_stream

SIDES = (Laterality.RIGHT, Laterality.LEFT)
VIEWS = (View.CC, View.MLO)

# Glandular share of the breast's area (mean, standard deviation) by ACR composition A to D;
# neighbours overlap as they do between readers.
GLAND_SHARE = ((0.06, 0.025), (0.18, 0.045), (0.38, 0.065), (0.62, 0.075))
SIDE_SPREAD = 0.04  # relative difference of that share between the breasts, and between views
GLAND_LIMITS = (0.015, 0.85)
MLO_STRETCH = (1.0, 1.08)  # reach in MLO over reach in CC


@dataclass(frozen=True)
class BreastPlan:
    """What is fixed in one breast, in mm where not said otherwise.

    Attributes:
        density: ACR composition, 1 to 4, the same on both sides.
        gland_share: glandular share of the area.
        reach: chest wall to nipple in CC.
        nipple: (height, width) of the nipple in profile.
        lean: how far the gland leans to the upper outer quadrant, share of the reach.
        thickness: compressed.
    """

    side: Laterality
    density: int
    gland_share: float
    reach: float
    half: tuple[float, float]
    nipple: tuple[float, float]
    lean: float
    thickness: float


@dataclass(frozen=True)
class Patient:
    """An invented person; nothing of her is real."""

    name: str
    index: int
    age_years: int
    machine: Machine
    panel_mm: tuple[float, float]
    breasts: tuple[BreastPlan, BreastPlan]  # right, left

    @property
    def density(self) -> int:
        """ACR composition, 1 to 4."""
        return self.breasts[0].density


@dataclass(frozen=True)
class Pectoral:
    """The muscle's triangle in MLO: its width at the top, its length and bow, in mm.

    Attributes:
        level: absorption it adds at its edge, relative to gland at about 0.2.
    """

    top: float
    length: float
    bow: float
    level: float

    @property
    def angle(self) -> float:
        """Between its edge and the vertical, in radians."""
        return math.atan2(self.top, self.length)


@dataclass(frozen=True, eq=False)
class ViewPlan:
    """Where everything lies in one view.

    Attributes:
        back: unit vector (x, y) from the nipple along the posterior nipple line.
        across: unit vector at a right angle to it, medial (CC) or inferior (MLO).
        gland_share: glandular share of the area in this view.
    """

    breast: BreastPlan
    view: View
    outline: SkinLine
    back: tuple[float, float]
    across: tuple[float, float]
    pectoral: Pectoral | None
    gland_share: float

    @property
    def nipple(self) -> NDArray[np.float64]:
        """(x, y) of the point under the nipple, mm."""
        point: NDArray[np.float64] = self.outline.points[self.outline.nipple]
        return point


def draw_patient(settings: PhantomSettings, index: int) -> Patient:
    """Invent patient `index`: age, composition, machine and two breasts."""
    rng = random_stream(settings.seed, index, Stream.PATIENT)
    density = 1 + int(rng.choice(4, p=np.array(settings.density_prior)))
    # Dense breasts are on average smaller and younger.
    reach = float(np.clip(rng.normal((104, 98, 88, 80)[density - 1], 14), 55, 138))
    age = int(np.clip(rng.normal((64, 60, 54, 49)[density - 1], 9), 35, 89))
    machine = MACHINES[int(rng.choice(len(MACHINES), p=[m.share for m in MACHINES]))]
    large = reach > 0.58 * machine.panels_mm[0][1]
    share = _share(rng, *GLAND_SHARE[density - 1])
    common = (float(rng.uniform(1.0, 1.15)), float(rng.uniform(2, 5)), float(rng.uniform(0, 0.18)))
    thickness = float(np.clip(rng.normal(0.35 * reach + 22, 6), 28, 85))
    right, left = (
        _draw_breast(settings, index, side, density, share, reach, common, thickness)
        for side in SIDES
    )
    name = f"PHANTOM-{settings.seed}-{index:06d}"
    return Patient(name, index, age, machine, machine.panels_mm[int(large)], (right, left))


def _draw_breast(
    settings: PhantomSettings,
    index: int,
    side: Laterality,
    density: int,
    share: float,
    reach: float,
    common: tuple[float, float, float],
    thickness: float,
) -> BreastPlan:
    rng = random_stream(settings.seed, index, Stream.BREAST, SIDES.index(side))
    width, nipple, lean = common
    reach = reach * float(rng.normal(1, 0.03))
    half = width * reach
    return BreastPlan(
        side,
        density,
        float(np.clip(share * rng.normal(1, SIDE_SPREAD), *GLAND_LIMITS)),
        reach,
        (half * float(rng.uniform(0.98, 1.08)), half * float(rng.uniform(0.92, 1.0))),
        (float(np.clip(nipple + rng.normal(0, 0.4), 1.2, 6)), float(rng.uniform(9, 13))),
        lean + float(rng.normal(0, 0.02)),
        thickness * float(rng.normal(1, 0.04)),
    )


def _share(rng: np.random.Generator, mean: float, deviation: float) -> float:
    return float(np.clip(rng.normal(mean, deviation), *GLAND_LIMITS))


@dataclass(frozen=True)
class Retraction:
    """A pull on the skin: where along it (mm from the nipple), how deep and how wide (mm)."""

    offset: float
    depth: float
    width: float


def plan_view(
    settings: PhantomSettings,
    patient: Patient,
    breast: BreastPlan,
    view: View,
    retractions: tuple[Retraction, ...] = (),
) -> ViewPlan:
    """Lay one breast on the detector."""
    key = VIEWS.index(view)
    shape = random_stream(settings.seed, patient.index, Stream.SHAPE, key)  # both sides alike
    own = random_stream(settings.seed, patient.index, Stream.SHAPE, key, SIDES.index(breast.side))
    height = patient.panel_mm[0]
    if view is View.CC:
        middle = height / 2 + float(shape.uniform(-10, 6)) + float(own.normal(0, 2))
        line = skin.cranio_caudal(shape, breast.reach, breast.half, middle)
        tilt, pectoral = 0.0, None
    else:
        reach = breast.reach * float(shape.uniform(*MLO_STRETCH))
        middle = height * float(shape.uniform(0.56, 0.63)) + float(own.normal(0, 3))
        line = skin.medio_lateral(
            shape, reach, float(shape.uniform(0.55, 0.75)) * reach, middle, height
        )
        tilt = math.radians(float(shape.uniform(8, 22)) + float(own.normal(0, 1)))
        pectoral = _draw_pectoral(shape, own, reach, middle)
    for pull in retractions:
        line = line.pushed(line.along(pull.offset), -pull.depth, pull.width, steepness=2.0)
    if not any(pull.offset == 0 for pull in retractions):
        line = line.pushed(line.nipple, *breast.nipple)
    back = (-math.cos(tilt), -math.sin(tilt))
    share = float(np.clip(breast.gland_share * own.normal(1, SIDE_SPREAD), *GLAND_LIMITS))
    return ViewPlan(breast, view, line, back, (back[1], -back[0]), pectoral, share)


def _draw_pectoral(
    shape: np.random.Generator, own: np.random.Generator, reach: float, middle: float
) -> Pectoral:
    top = float(shape.uniform(0.40, 0.60)) * reach + 8 + float(own.normal(0, 2))
    length = float(shape.uniform(0.75, 1.05)) * middle + float(own.normal(0, 4))
    return Pectoral(top, length, float(shape.uniform(3, 10)), float(shape.uniform(0.17, 0.32)))


def breast_grid(panel_mm: tuple[float, float], plan: ViewPlan, rows: int) -> Grid:
    """Choose the raster that covers the breast and little more, in steps of 1/16 of the width.

    It depends on the breast alone, not on what pulls at its skin, so that textures stay in place.
    """
    part = min(1.0, math.ceil(16 * (MLO_STRETCH[1] * plan.breast.reach + 15) / panel_mm[1]) / 16)
    return Grid.over(panel_mm, rows, part)
