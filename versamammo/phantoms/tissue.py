"""What lies between the skin lines, as slow fields: where gland, strands, muscle and fat are.

They are computed once on coarse rasters. What must be sharp comes later from folding slow noise
on the wanted raster, so that one strand is drawn thin on a fine raster and averaged on a coarse.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from versamammo.phantoms.anatomy import SIDES, VIEWS, Patient, ViewPlan, breast_grid
from versamammo.phantoms.frame import NippleFrame
from versamammo.phantoms.grid import BASE_ROWS, Field, Grid, read_at, smooth_step, spread
from versamammo.phantoms.outline import depth_under_skin
from versamammo.phantoms.phantom_settings import PhantomSettings, Stream, random_stream
from versamammo.phantoms.strands import Strands, grow_strands
from versamammo.phantoms.texture import band, clustered_lumps, power_law, waves
from versamammo.phantoms.vessels import Vessel, draw_vessels


@dataclass(frozen=True)
class Composition:
    """How tissue differs between ACR A, B, C and D.

    Attributes:
        fan: relative half width of the gland's fan.
        back: where the gland starts to fade behind and where it has, shares of the reach.
        under_skin: mm of subcutaneous fat before gland may appear.
        strands: weight of strands in the gland's edge.
        softness: of the gland's edge.
        level: absorption inside the gland, relative.
    """

    fan: float
    back: tuple[float, float]
    under_skin: float
    strands: float
    softness: float
    level: float


COMPOSITIONS = (
    Composition(0.80, (0.3, 0.9), 24, 0.22, 0.30, 0.33),
    Composition(0.95, (0.4, 1.0), 20, 0.23, 0.30, 0.40),
    Composition(1.10, (0.5, 1.05), 16, 0.18, 0.34, 0.44),
    Composition(1.30, (0.7, 1.25), 11, 0.12, 0.42, 0.50),
)


@dataclass(frozen=True, eq=False)
class TissueFields:
    """The slow fields of one view, [h, w] on the base raster; strands on half of it.

    Attributes:
        depth: mm under the skin.
        back: mm behind the nipple along the posterior nipple line.
        radius: mm from the nipple.
        muscle: 0..1, where the pectoral muscle lies.
        muscle_depth: mm inside the muscle's edge, negative outside.
        fibres: texture along the muscle.
        score: how glandular a pixel would be, before strands.
        lumps: clustered lumps.
        cloud: power-law noise.
        skin: absorption of the skin line.
        strands: layers of ligament sheets.
        vessels: veins.
    """

    plan: ViewPlan
    composition: Composition
    grid: Grid
    depth: Field
    back: Field
    radius: Field
    muscle: Field
    muscle_depth: Field
    fibres: Field
    score: Field
    lumps: Field
    cloud: Field
    skin: Field
    strands: tuple[Strands, ...]
    vessels: tuple[Vessel, ...]


def grow_tissue(settings: PhantomSettings, patient: Patient, plan: ViewPlan) -> TissueFields:
    """Draw all slow fields of one view."""
    view, side = VIEWS.index(plan.view), SIDES.index(plan.breast.side)
    rng = random_stream(settings.seed, patient.index, Stream.TEXTURE, view, side)
    alike = random_stream(settings.seed, patient.index, Stream.TEXTURE, view)
    grid = breast_grid(patient.panel_mm, plan, BASE_ROWS)
    half = breast_grid(patient.panel_mm, plan, BASE_ROWS // 2)
    composition = COMPOSITIONS[plan.breast.density - 1]
    depth = depth_under_skin(plan.outline, grid)
    place, coarse = NippleFrame.of(plan, grid), NippleFrame.of(plan, half)
    lumps = spread(clustered_lumps(rng, half, np.arctan2(coarse.dy, -coarse.dx)), grid)
    cloud = power_law(rng, grid)
    muscle_depth = _muscle_depth(rng, plan, grid)
    score = _envelope(rng, plan, composition, place, depth)
    score += (
        0.30 * lumps + 0.26 * cloud + 0.16 * waves(alike, grid, 45) + 0.12 * waves(rng, grid, 45)
    )
    score -= 2.5 * smooth_step(muscle_depth, -12, 2)
    return TissueFields(
        plan=plan, composition=composition, grid=grid, depth=depth,
        back=place.project(plan.back), radius=np.hypot(place.dx, place.dy),
        muscle=smooth_step(muscle_depth, -1.5, 3.0), muscle_depth=muscle_depth,
        fibres=_fibres(rng, plan, grid), score=score, lumps=lumps, cloud=cloud,
        skin=np.clip(0.11 + 0.06 * waves(rng, grid, 60), 0.04, 0.26),
        strands=grow_strands(rng, coarse), vessels=draw_vessels(rng, plan),
    )  # fmt: skip


def _envelope(
    rng: np.random.Generator, plan: ViewPlan, tissue: Composition, place: NippleFrame, depth: Field
) -> Field:
    """Return where gland is likely: a fan behind the nipple, under the fat, before the muscle."""
    reach = np.float32(plan.breast.reach)
    behind = np.clip(place.project(plan.back) / reach, 0, 1)
    across = place.project(plan.across) / reach
    half = (0.30 + 0.35 * behind) * np.float32(tissue.fan)
    fan = 1 - np.clip(np.abs(across + np.float32(plan.breast.lean) * behind) / half, 0, 1.8) ** 2
    fade = 1 - smooth_step(place.project(plan.back) / reach, *tissue.back)
    ragged = depth + 2.5 * waves(rng, place.grid, 18)
    covered = smooth_step(ragged, 2, tissue.under_skin)
    ducts = 0.9 * np.exp(-(place.dx**2 + place.dy**2) / np.float32(13**2))
    envelope: Field = (
        1.1 * np.clip(fan, -2, 1) + 0.9 * fade + 1.6 * np.maximum(covered, ducts)
    ).astype(np.float32)
    return envelope


def _muscle_depth(rng: np.random.Generator, plan: ViewPlan, grid: Grid) -> Field:
    """Measure mm inside the pectoral muscle's edge; far outside everywhere in CC."""
    muscle = plan.pectoral
    if muscle is None:
        return np.full(grid.shape, -1e3, np.float32)
    x, y = grid.coordinates()
    down = y / np.float32(muscle.length)
    bow = np.float32(muscle.bow) * np.sin(np.clip(down, 0, 1) * np.float32(np.pi))
    edge = np.float32(muscle.top) * (1 - down) + bow + 0.7 * waves(rng, grid, 45)
    depth: Field = ((edge - x) * np.float32(np.cos(muscle.angle))).astype(np.float32)
    return depth


def _fibres(rng: np.random.Generator, plan: ViewPlan, grid: Grid) -> Field:
    """Make a texture drawn out along the pectoral muscle; flat in CC."""
    if plan.pectoral is None:
        return np.zeros(grid.shape, np.float32)
    cells = Grid(400, 64, 0.8)
    noise = band(rng, cells, 4.0, 0.5)
    x, y = grid.coordinates()
    c, s = np.float32(np.cos(plan.pectoral.angle)), np.float32(np.sin(plan.pectoral.angle))
    along, across = (c * y - s * x) / (6 * cells.pixel_mm), (c * x + s * y) / cells.pixel_mm
    return read_at(noise, along.astype(np.float32), across.astype(np.float32), "repeat")
