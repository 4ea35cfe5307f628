"""Pictures of a breast, and the ways in which scanners, films and archives spoil them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

import cv2
import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray

from versamammo.imaging.breast.chest_wall import Side


@dataclass(frozen=True)
class Scene:
    """A picture [H, W] in 0..1 together with what is true of it."""

    pixels: NDArray[np.float32]
    breast: NDArray[np.bool_]  # [H, W]
    chest_wall: Side

    @property
    def box(self) -> tuple[int, int, int, int]:
        x, y, w, h = cv2.boundingRect(self.breast.astype(np.uint8))
        return x, y, x + w, y + h

    def changed(self, pixels: NDArray[np.floating]) -> Scene:
        return replace(self, pixels=np.clip(pixels, 0, 1).astype(np.float32))


def draw_breast(height: int = 640, width: int = 512, seed: int = 0) -> Scene:
    """Half an ellipse at the left edge, with fat, gland, strands and a skin that thins out."""
    rng = np.random.default_rng(seed)
    y, x = np.mgrid[0:height, 0:width].astype(np.float32)
    depth = 1 - np.hypot((y / height - 0.5) / 0.42, x / width / 0.62)
    breast = depth > 0
    strands = sum(
        cv2.GaussianBlur(rng.standard_normal((height, width), dtype=np.float32), (0, 0), s) * s
        for s in (2, 5, 12)
    )
    gland = np.exp(-(((y / height - 0.5) / 0.2) ** 2 + ((x / width - 0.25) / 0.2) ** 2))
    tissue = np.minimum(1, depth / 0.05) * (0.35 + 0.3 * gland + 0.08 * strands)
    return Scene(np.where(breast, tissue, 0).clip(0, 1).astype(np.float32), breast, "left")


def mirrored(scene: Scene, rng: Generator) -> Scene:
    side: Side = "right" if scene.chest_wall == "left" else "left"
    flip = np.ascontiguousarray
    return Scene(flip(scene.pixels[:, ::-1]), flip(scene.breast[:, ::-1]), side)


def upside_down(scene: Scene, rng: Generator) -> Scene:
    return replace(scene, pixels=scene.pixels[::-1].copy(), breast=scene.breast[::-1].copy())


def on_film(scene: Scene, rng: Generator) -> Scene:
    """Fog, an S-shaped curve's toe, and a little light around the skin."""
    fog = rng.uniform(0.05, 0.2)
    glow = cv2.GaussianBlur(scene.breast.astype(np.float32), (0, 0), 0.01 * len(scene.breast))
    return scene.changed(fog + (1 - fog) * scene.pixels + rng.uniform(0, 0.04) * glow)


def pedestal(scene: Scene, rng: Generator) -> Scene:
    low = rng.uniform(0.02, 0.25)
    return scene.changed(low + (1 - low) * scene.pixels)


def sloping(scene: Scene, rng: Generator) -> Scene:
    """A background that is brighter on one side."""
    h, w = scene.breast.shape
    y, x = np.mgrid[0:h, 0:w].astype(np.float32)
    angle, rise = rng.uniform(0, 2 * np.pi), rng.uniform(0.01, 0.06)
    ramp = np.cos(angle) * (x / w - 0.5) + np.sin(angle) * (y / h - 0.5) + 0.7
    return scene.changed(scene.pixels + rise * ramp)


def noisy(scene: Scene, rng: Generator) -> Scene:
    noise = rng.standard_normal(scene.breast.shape, dtype=np.float32)
    return scene.changed(scene.pixels + rng.uniform(0.005, 0.03) * noise)


def grainy(scene: Scene, rng: Generator) -> Scene:
    noise = rng.standard_normal(scene.breast.shape, dtype=np.float32)
    grain = cv2.GaussianBlur(noise, (0, 0), rng.uniform(0.6, 1.5))
    return scene.changed(scene.pixels + rng.uniform(0.005, 0.02) * grain / grain.std())


def darkened(scene: Scene, rng: Generator) -> Scene:
    return scene.changed(scene.pixels ** rng.uniform(1.1, 1.5))


def brightened(scene: Scene, rng: Generator) -> Scene:
    return scene.changed(scene.pixels ** rng.uniform(0.5, 0.9))


def saturated(scene: Scene, rng: Generator) -> Scene:
    top = rng.uniform(0.6, 0.95)
    return scene.changed(np.minimum(scene.pixels, top) / top)


def as_jpeg(scene: Scene, rng: Generator) -> Scene:
    quality = int(rng.integers(40, 95))
    picture = (scene.pixels * 255).astype(np.uint8)
    _, data = cv2.imencode(".jpg", picture, [cv2.IMWRITE_JPEG_QUALITY, quality])
    return scene.changed(cv2.imdecode(data, cv2.IMREAD_GRAYSCALE).astype(np.float32) / 255)


def labelled(scene: Scene, rng: Generator) -> Scene:
    """A paper label, or letters in a frame, beside the skin; nothing if there is no room."""
    h, w = scene.breast.shape
    high = max(8, round(h * rng.uniform(0.03, 0.07)))
    wide = round(high * rng.uniform(1.5, 3))
    free = cv2.distanceTransform((~scene.breast).astype(np.uint8), cv2.DIST_L2, 3) > 0.02 * h
    for _ in range(80):
        y, x = rng.integers(1, max(2, h - high - 1)), rng.integers(1, max(2, w - wide - 1))
        if free[y : y + high, x : x + wide].all() and x + wide < w and y + high < h:
            break
    else:
        return scene
    ink = np.zeros((h, w), np.uint8)
    if rng.random() < 0.5:
        ink[y : y + high, x : x + wide] = 1
    else:
        line = max(1, high // 10)
        cv2.rectangle(ink, (int(x), int(y)), (int(x + wide), int(y + high)), 1, line)
        foot = (int(x + high // 5), int(y + 0.8 * high))
        cv2.putText(ink, "RCC", foot, cv2.FONT_HERSHEY_SIMPLEX, high / 45, 1, line)
    return scene.changed(np.where(ink > 0, rng.uniform(0.8, 1), scene.pixels))


def taped(scene: Scene, rng: Generator) -> Scene:
    """A black strip of tape away from the breast."""
    h, w = scene.breast.shape
    y, x = rng.integers(0, h - h // 8), rng.integers(0, w - w // 20)
    strip = np.zeros((h, w), np.bool_)
    strip[y : y + h // 8, x : x + w // 20] = True
    return scene.changed(np.where(strip & ~scene.breast, 0, scene.pixels))


def in_white_frame(scene: Scene, rng: Generator) -> Scene:
    """Bright film edges on some sides."""
    edges = [round(rng.uniform(0.01, 0.04) * scene.breast.shape[0]) for _ in range(4)]
    return _bordered(scene, [e * int(rng.random() < 0.6) for e in edges], rng.uniform(0.9, 1))


def in_black_frame(scene: Scene, rng: Generator) -> Scene:
    edges = [round(rng.uniform(0.02, 0.2) * scene.breast.shape[0]) for _ in range(4)]
    return _bordered(scene, [e * int(rng.random() < 0.6) for e in edges], 0.0)


def squared(scene: Scene, rng: Generator) -> Scene:
    """Padded with black to a square, the film somewhere within."""
    h, w = scene.breast.shape
    side = round(max(h, w) * rng.uniform(1, 1.15))
    top, left = rng.integers(0, side - h + 1), rng.integers(0, side - w + 1)
    return _bordered(scene, [top, side - h - top, left, side - w - left], 0.0)


def askew(scene: Scene, rng: Generator) -> Scene:
    """Laid on the scanner a little turned, black around it."""
    h, w = scene.breast.shape
    room = round(0.05 * max(h, w))
    wider = _bordered(scene, [room] * 4, 0.0)
    h, w = wider.breast.shape
    turn = cv2.getRotationMatrix2D((w / 2, h / 2), rng.uniform(-2, 2), 1)
    pixels = cv2.warpAffine(wider.pixels, turn, (w, h))
    breast = cv2.warpAffine(wider.breast.astype(np.uint8), turn, (w, h)) > 0
    return Scene(pixels, breast, scene.chest_wall)


def glowing(scene: Scene, rng: Generator) -> Scene:
    """Light that leaked in along one side of the film."""
    h, w = scene.breast.shape
    y, x = np.mgrid[0:h, 0:w].astype(np.float32)
    away = (y, h - 1 - y, x, w - 1 - x)[rng.integers(4)]
    light = rng.uniform(0.1, 0.4) * np.exp(-away / (rng.uniform(0.004, 0.015) * h))
    return scene.changed(scene.pixels + light)


def rescaled(scene: Scene, rng: Generator, low: int = 220, high: int = 1400) -> Scene:
    height = round(np.exp(rng.uniform(np.log(low), np.log(high))))
    width = max(64, round(scene.breast.shape[1] * height / scene.breast.shape[0]))
    way = cv2.INTER_AREA if height < len(scene.breast) else cv2.INTER_LINEAR
    breast = scene.breast.astype(np.uint8)
    breast = cv2.resize(breast, (width, height), interpolation=cv2.INTER_NEAREST)
    pixels = cv2.resize(scene.pixels, (width, height), interpolation=way)
    return Scene(pixels, breast > 0, scene.chest_wall)


def trimmed(scene: Scene, rng: Generator) -> Scene:
    """Cut close around the breast, here more and there less."""
    x1, y1, x2, y2 = scene.box
    h, w = scene.breast.shape
    away = rng.uniform(0, 0.25, 4) * (x2 - x1)
    rows = slice(max(0, y1 - int(away[0])), min(h, y2 + int(away[1])))
    columns = slice(max(0, x1 - int(away[2])), min(w, x2 + int(away[3])))
    return replace(scene, pixels=scene.pixels[rows, columns], breast=scene.breast[rows, columns])


def _bordered(scene: Scene, edges: list[int], level: float) -> Scene:
    top, bottom, left, right = (int(edge) for edge in edges)
    around = (top, bottom, left, right, cv2.BORDER_CONSTANT)
    return Scene(
        cv2.copyMakeBorder(scene.pixels, *around, value=float(level)),
        cv2.copyMakeBorder(scene.breast.astype(np.uint8), *around, value=0) > 0,
        scene.chest_wall,
    )


Way = Callable[[Scene, Generator], Scene]

# in the order in which a picture meets them: body, exposure, film, scanner, archive
WAYS: tuple[tuple[Way, float], ...] = (
    (trimmed, 0.5),
    (mirrored, 0.5),
    (upside_down, 0.1),
    (on_film, 0.4),
    (darkened, 0.2),
    (brightened, 0.2),
    (pedestal, 0.3),
    (sloping, 0.2),
    (glowing, 0.15),
    (labelled, 0.5),
    (taped, 0.1),
    (in_white_frame, 0.2),
    (in_black_frame, 0.2),
    (squared, 0.2),
    (askew, 0.15),
    (rescaled, 1.0),
    (noisy, 0.25),
    (grainy, 0.2),
    (as_jpeg, 0.3),
    (saturated, 0.15),
)


def spoil(scene: Scene, rng: Generator) -> tuple[Scene, str]:
    """Spoil a scene in several ways at once; give it with their names."""
    names = []
    for way, chance in WAYS:
        if rng.random() < chance:
            scene = way(scene, rng)
            names.append(way.__name__)
    return scene, " ".join(names)


def overlap(one: tuple[float, ...], other: tuple[float, ...]) -> float:
    """Intersection over union of two boxes."""
    wide = min(one[2], other[2]) - max(one[0], other[0])
    high = min(one[3], other[3]) - max(one[1], other[1])
    if wide <= 0 or high <= 0:
        return 0.0
    areas = [(box[2] - box[0]) * (box[3] - box[1]) for box in (one, other)]
    return wide * high / (sum(areas) - wide * high)
