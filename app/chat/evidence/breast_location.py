"""Where in the breast a marked place lies: what one view tells of it, and what two tell together.

A view shows two of three directions. A CC tells outer from inner, an ML upper from lower, and an
MLO a mixture of both along its own slant, so that the quadrant takes two views of the same breast.
The zero of both directions is the posterior nipple line, which runs straight back in a CC and
rises towards the chest wall in an MLO. Lengths are shares of the breast's depth from its front to
the chest wall, which no pixel size is needed for.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from itertools import product

import numpy as np

from app.chat.evidence.exam import ExamImage
from app.chat.evidence.location_text import depth_share
from versamammo.imaging.mammogram import Box, Laterality, View

FRONT = 0.02  # share of the depth within which the outline counts as the breast's front
MIDLINE = 0.12  # offset from the nipple line within which neither half is named
PNL_RISE = math.radians(
    15
)  # of the posterior nipple line in an MLO, at a right angle to the muscle
SLANT = math.radians(45)  # of an MLO's detector
SAME_DEPTH = 0.2  # difference of depth up to which places of two views may be one
DEPTHS = ("anterior third", "middle third", "posterior third")
CENTRAL = "central region"
LEVEL = "in line with the nipple"
SIDE_VIEWS = (View.ML, View.LM)


@dataclass(frozen=True)
class Sighting:
    """Where a box lies in one view, from the nipple; lengths in shares of the breast's depth.

    Attributes:
        depth: behind the nipple, along the posterior nipple line.
        third: 0 anterior, 1 middle, 2 posterior, of the breast's outline.
        offset: from that line: to the outer side (CC), upwards (ML), up along the slant (MLO).
        assumed: the CC does not say which edge is the outer one; the usual hanging was taken.
        reach_mm: the breast's depth in mm; None if the pixel size is unknown.
        reach_pixels: the same in pixels; None if it is known in mm.
    """

    view: View
    depth: float
    third: int
    offset: float
    assumed: bool = False
    reach_mm: float | None = None
    reach_pixels: float | None = None


@dataclass(frozen=True)
class Location:
    """Where a place lies in a breast; what its views do not tell is empty or None.

    Attributes:
        half: such as "outer half", of one view, or of two where the other direction is undecided;
            of one view also "in line with the nipple".
        quadrant: such as "upper outer quadrant", or "central region" behind the nipple.
        clock: 1 to 12, as seen from the front.
        third: "anterior third", "middle third" or "posterior third".
        from_nipple_mm: behind the nipple, along the posterior nipple line.
        assumed: it holds if the CC hangs as usual, its outer side up.
    """

    half: str = ""
    quadrant: str = ""
    clock: int | None = None
    third: str = ""
    from_nipple_mm: float | None = None
    assumed: bool = False

    @property
    def words(self) -> str:
        """Return the place as a sentence goes on with it; empty if nothing is known."""
        part = self.quadrant or self.half
        place = part if part in ("", LEVEL) else f"in the {part}"
        hour = f"about {self.clock} o'clock" if self.clock else ""
        told = [place, hour, self.third]
        if self.from_nipple_mm is not None:
            told.append(f"about {max(0, round(self.from_nipple_mm, -1)):.0f} mm behind the nipple")
        held = "if the CC hangs as usual, outer side up" if self.assumed else ""
        return ", ".join(filter(None, [*told, held]))


def nipple_of(image: ExamImage) -> tuple[float, float] | None:
    """Return the foremost point (x, y) of the breast's outline, in pixels of the file.

    None if no breast was found, or if its front is cut off by the picture's edge.
    """
    if image.breast is None or not len(image.breast.outline):
        return None
    x, y = image.breast.outline[:, 0], image.breast.outline[:, 1]
    columns = image.size[1]
    ahead = x if image.chest_wall == "left" else columns - x
    reach = float(ahead.max() - ahead.min())
    if reach <= 0 or ahead.max() >= columns - 1:
        return None
    front = ahead >= ahead.max() - FRONT * reach
    foremost = float(ahead.max()) if image.chest_wall == "left" else columns - float(ahead.max())
    return foremost, float((y[front].min() + y[front].max()) / 2)


def sight(image: ExamImage, box: Box) -> Sighting | None:
    """Return where a box lies in its view; None if the view or the nipple does not tell."""
    nipple, view = nipple_of(image), image.told.view
    if nipple is None or view not in (View.CC, View.MLO, *SIDE_VIEWS):
        return None
    upwards = _upwards(image)
    if upwards is None:
        return None
    # square pixels in mm, or as good as square
    high, wide = image.told.spacing_mm or (1.0, 1.0)
    middle = np.array([(box.x1 + box.x2) / 2, (box.y1 + box.y2) / 2])
    back = abs(middle[0] - nipple[0]) * wide
    up = (nipple[1] - middle[1]) * high * upwards
    reach = abs(nipple[0] - _wall(image)) * wide
    rise = PNL_RISE if view is View.MLO else 0.0
    depth = back * math.cos(rise) + up * math.sin(rise)
    offset = up * math.cos(rise) - back * math.sin(rise)
    assumed = view is View.CC and len(image.told.provenance.patient_orientation) != 2
    return Sighting(
        view, float(depth / reach), depth_third(image, box), float(offset / reach), assumed,
        *((float(reach), None) if image.told.spacing_mm else (None, float(reach))),
    )  # fmt: skip


def depth_third(image: ExamImage, box: Box) -> int:
    """Return in which third of the breast's outline a box lies: 0 anterior to 2 posterior."""
    return min(2, max(0, int((1 - depth_share(image, box)) * 3)))


def locate(side: Laterality | None, *seen: Sighting) -> Location:
    """Return what one view, or a CC and another one, tell of a place.

    Args:
        side: of the body; without it there is no clock face.
        seen: one sighting, or two of different views.
    """
    above = next((one for one in seen if one.view is View.CC), None)
    beside = next((one for one in seen if one.view is not View.CC), None)
    one = above or beside
    if one is None:
        return Location()
    third = DEPTHS[one.third]
    behind = None if one.reach_mm is None else one.depth * one.reach_mm
    if above is None or beside is None:
        names = ("outer half", "inner half") if above else ("upper half", "lower half")
        half = _named(one.offset, *names) or LEVEL
        return Location(half, third=third, from_nipple_mm=behind, assumed=one.assumed)
    outer, upper = above.offset, _upper(above, beside)
    half, quadrant = _quadrant(outer, upper)
    clock = None if quadrant == CENTRAL else _clock(side, outer, upper)
    return Location(half, quadrant, clock, third, behind, above.assumed)


def pairs(
    above: list[Sighting | None], beside: list[Sighting | None]
) -> list[tuple[int, int]]:  # fmt: skip
    """Match places of a CC with those of another view of the same breast, by their depth.

    Returns the numbers in both lists, the most alike first; what is not matched is in neither.
    """
    far = sorted(
        (abs(one.depth - other.depth), first, second)
        for (first, one), (second, other) in product(enumerate(above), enumerate(beside))
        if one is not None and other is not None
    )
    found: list[tuple[int, int]] = []
    for difference, first, second in far:
        free = all(first != a and second != b for a, b in found)
        if free and difference <= SAME_DEPTH:
            found.append((first, second))
    return found


def _wall(image: ExamImage) -> float:
    """Return the x of the chest wall's edge of the breast."""
    assert image.breast is not None, "a nipple was found"
    return image.breast.box.x1 if image.chest_wall == "left" else image.breast.box.x2


def _upwards(image: ExamImage) -> int | None:
    """Return 1 if the picture's upper edge is upper, or outer in a CC, -1 if the other.

    None if the tags contradict each other or the pixels on the side.
    """
    orientation = image.told.provenance.patient_orientation
    if len(orientation) != 2 or not set("".join(orientation)) <= set("APRLHF"):
        return None if image.disagrees else 1
    along, down = orientation
    front = "A" if image.chest_wall == "left" else "P"
    if ("A" in along or "P" in along) and front not in along:
        return None
    if image.told.view is not View.CC:
        return None if not set(down) & {"H", "F"} else 1 if "F" in down else -1
    side = image.told.laterality
    if side is None or not set(down) & {"R", "L"}:
        return None
    medial = "L" if side is Laterality.RIGHT else "R"
    return 1 if medial in down else -1


def _upper(above: Sighting, beside: Sighting) -> float:
    """Return how far up a place lies: an MLO shows an outer place higher than it is."""
    if beside.view in SIDE_VIEWS:
        return beside.offset
    return (beside.offset - above.offset * math.cos(SLANT)) / math.sin(SLANT)


def _named(offset: float, positive: str, negative: str) -> str:
    if abs(offset) < MIDLINE:
        return ""
    return positive if offset > 0 else negative


def _quadrant(outer: float, upper: float) -> tuple[str, str]:
    """Return the half and the quadrant; the half alone where one direction is undecided."""
    across, along = _named(outer, "outer", "inner"), _named(upper, "upper", "lower")
    if across and along:
        return "", f"{along} {across} quadrant"
    if not across and not along:
        return "", CENTRAL
    return f"{across or along} half", ""


def _clock(side: Laterality | None, outer: float, upper: float) -> int | None:
    """Return the hour as seen from the front: the outer side of the left breast is at three."""
    if side is None:
        return None
    across = outer if side is Laterality.LEFT else -outer
    return round(math.degrees(math.atan2(across, upper)) / 30) % 12 or 12
