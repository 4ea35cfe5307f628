"""Where in the breast a box lies, in words that hold for the picture as it is stored."""

from __future__ import annotations

from app.chat.evidence.exam import ExamImage
from versamammo.imaging.mammogram import Box

HEIGHTS = ("upper third", "middle third", "lower third")
DEPTHS = ("near the chest wall", "at middle depth", "towards the nipple")


def in_words(image: ExamImage, box: Box) -> str:
    """Return in which third of the breast's outline, and how deep, the middle of a box lies.

    Thirds are those of the picture: whether its upper edge is the outer or the inner side of the
    breast, the pixels of a CC view do not tell.
    """
    breast = _outline(image)
    down = ((box.y1 + box.y2) / 2 - breast.y1) / breast.height
    return f"{HEIGHTS[_third(down)]}, {DEPTHS[_third(depth_share(image, box))]}"


def depth_share(image: ExamImage, box: Box) -> float:
    """Return how far the middle of a box lies from the chest wall (0) to the front (1)."""
    breast = _outline(image)
    across = ((box.x1 + box.x2) / 2 - breast.x1) / breast.width
    return across if image.chest_wall == "left" else 1 - across


def described(image: ExamImage, box: Box) -> str:
    """Return where a box lies and how large it is, in millimetres if the pixel size is known."""
    size = image.millimetres(box)
    extent = "size unknown" if size is None else f"{size[0]:.0f} x {size[1]:.0f} mm"
    return f"{in_words(image, box)}, {extent}"


def _outline(image: ExamImage) -> Box:
    """Return the box around the breast; the whole picture if none was found."""
    rows, columns = image.size
    return image.breast.box if image.breast is not None else Box(0, 0, columns, rows)


def _third(share: float) -> int:
    return min(2, max(0, int(share * 3)))
