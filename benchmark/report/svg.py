"""Plots as inline SVG that takes the page's colours, light or dark, and needs no font or script."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from html import escape

import numpy as np

from benchmark.metrics.bootstrap import Floats
from benchmark.metrics.ranks import Ranks

COLORS = ("#2f7de1", "#e0791b", "#159f6b", "#a259d9", "#d94862", "#8c8c1f", "#12a3b4", "#d657a8")
WIDTH, HEIGHT = 340, 300
LEFT, RIGHT, TOP, BOTTOM = 44, 10, 12, 38
MOST_POINTS = 240  # of one line; more cannot be seen


@dataclass(frozen=True, eq=False)
class Line:
    """One curve.

    Attributes:
        name: for the legend.
        x: [n].
        y: [n].
        steps: whether it goes level to the next point, then up.
        marks: whether points are dots.
    """

    name: str
    x: Floats
    y: Floats
    steps: bool = False
    marks: bool = False


@dataclass(frozen=True)
class Axis:
    """Where an axis starts and ends, and which places are named."""

    label: str
    low: float
    high: float
    ticks: tuple[float, ...]
    logarithmic: bool = False

    def place(self, value: Floats) -> Floats:
        """Return the share of the axis that lies before each value."""
        low, high = self.low, self.high
        if self.logarithmic:
            value, low, high = np.log(np.maximum(value, low)), float(np.log(low)), np.log(high)
        share: Floats = np.clip((value - low) / (high - low), 0, 1)
        return share


SHARE = (0.0, 0.25, 0.5, 0.75, 1.0)


def plot(title: str, x: Axis, y: Axis, lines: Sequence[Line], *, diagonal: bool = False) -> str:
    """Draw curves over two axes, with a legend below."""
    parts = [
        f'<figure class="plot"><figcaption>{escape(title)}</figcaption>',
        f'<svg viewBox="0 0 {WIDTH} {HEIGHT}" role="img" aria-label="{escape(title)}">',
        *_frame(x, y),
    ]
    if diagonal:
        start, end = _points(x, y, np.array([x.low, x.high]), np.array([y.low, y.high]))
        parts.append(f'<path class="chance" d="M{start}L{end}"/>')
    for number, line in enumerate(lines):
        parts.append(_curve(x, y, line, COLORS[number % len(COLORS)]))
    legend = "".join(
        f'<span><i style="background:{COLORS[n % len(COLORS)]}"></i>{escape(line.name)}</span>'
        for n, line in enumerate(lines)
    )
    return "".join([*parts, f'</svg><div class="legend">{legend}</div></figure>'])


def _points(x: Axis, y: Axis, across: Floats, up: Floats) -> list[str]:
    px = LEFT + x.place(across) * (WIDTH - LEFT - RIGHT)
    py = HEIGHT - BOTTOM - y.place(up) * (HEIGHT - TOP - BOTTOM)
    return [f"{a:.1f},{b:.1f}" for a, b in zip(px, py, strict=True)]


def _curve(x: Axis, y: Axis, line: Line, color: str) -> str:
    across, up = thinned(line.x, line.y)
    if line.steps:
        across, up = np.repeat(across, 2)[1:], np.repeat(up, 2)[:-1]
    points = _points(x, y, across, up)
    if not points:
        return ""
    drawn = f'<path fill="none" stroke="{color}" stroke-width="1.8" d="M{"L".join(points)}"/>'
    if line.marks:
        for point in points:
            px, py = point.split(",")
            drawn += f'<circle cx="{px}" cy="{py}" r="2.8" fill="{color}"/>'
    return drawn


def thinned(x: Floats, y: Floats) -> tuple[Floats, Floats]:
    """Keep as many points as can be seen, ends included."""
    if len(x) <= MOST_POINTS:
        return x, y
    kept = np.unique(np.linspace(0, len(x) - 1, MOST_POINTS).round().astype(int))
    return x[kept], y[kept]


def _frame(x: Axis, y: Axis) -> list[str]:
    bottom, right = HEIGHT - BOTTOM, WIDTH - RIGHT
    parts = []
    for tick in y.ticks:
        (point,) = _points(x, y, np.array([x.low]), np.array([tick]))
        at = point.split(",")[1]
        parts.append(f'<path class="grid" d="M{LEFT},{at}H{right}"/>')
        parts.append(f'<text x="{LEFT - 6}" y="{at}" dy="3.5" text-anchor="end">{tick:g}</text>')
    for tick in x.ticks:
        (point,) = _points(x, y, np.array([tick]), np.array([y.low]))
        at = point.split(",")[0]
        parts.append(f'<path class="grid" d="M{at},{TOP}V{bottom}"/>')
        parts.append(f'<text x="{at}" y="{bottom + 14}" text-anchor="middle">{tick:g}</text>')
    middle = (LEFT + right) / 2
    parts.append(
        f'<text x="{middle}" y="{HEIGHT - 6}" text-anchor="middle">{escape(x.label)}</text>'
        f'<text transform="translate(11 {(TOP + bottom) / 2}) rotate(-90)" '
        f'text-anchor="middle">{escape(y.label)}</text>'
    )
    return parts


def bar(value: float, low: float, high: float) -> str:
    """Draw a value and its interval on a scale from 0 to 1, as small as a word."""
    if not np.isfinite([value, low, high]).all() or not 0 <= low <= high <= 1:
        return ""
    return (
        '<svg class="bar" viewBox="0 0 100 10" aria-hidden="true"><path class="grid" d="M0,5H100"/>'
        f'<path class="span" d="M{100 * low:.1f},5H{100 * high:.1f}"/>'
        f'<circle cx="{100 * value:.1f}" cy="5" r="3"/></svg>'
    )


def critical_difference(ranks: Ranks) -> str:
    """Draw mean ranks on a line, best left; a bar joins encoders that cannot be told apart."""
    many = len(ranks.encoders)
    width, top, step = 720, 46, 22
    half = (many + 1) // 2
    runs = ranks.alike
    base = top + 12 + 9 * len(runs)
    height = base + step * half + 8

    def at(rank: float) -> float:
        return 150 + (rank - 1) / max(1, many - 1) * (width - 300)

    parts = [f'<svg class="cd" viewBox="0 0 {width} {height}" role="img" '
             'aria-label="critical difference diagram">'
             f'<path class="axis" d="M{at(1):.1f},{top}H{at(many):.1f}"/>']  # fmt: skip
    for rank in range(1, many + 1):
        parts.append(f'<path class="axis" d="M{at(rank):.1f},{top}v-6"/>')
        parts.append(f'<text x="{at(rank):.1f}" y="{top - 10}" text-anchor="middle">{rank}</text>')
    if np.isfinite(ranks.critical):
        end = at(1 + min(ranks.critical, many - 1))
        parts.append(f'<path class="run" d="M{at(1):.1f},12H{end:.1f}"/>')
        parts.append(f'<text x="{end + 6:.1f}" y="16">CD {ranks.critical:.2f}</text>')
    for number, one in enumerate(ranks.encoders):
        left = number < half
        row = base + step * (number if left else many - 1 - number) + 10
        edge = 140 if left else width - 140
        parts.append(f'<path class="lead" d="M{at(one.rank):.1f},{top}V{row}H{edge}"/>')
        anchor, shift = ("end", -5) if left else ("start", 5)
        parts.append(
            f'<text x="{edge + shift}" y="{row + 4}" text-anchor="{anchor}">'
            f"{escape(one.name)} {one.rank:.2f}</text>"
        )
    for number, (first, last) in enumerate(runs):
        y = top + 8 + 9 * number
        start, end = at(ranks.encoders[first].rank) - 4, at(ranks.encoders[last].rank) + 4
        parts.append(f'<path class="run" d="M{start:.1f},{y}H{end:.1f}"/>')
    return "".join([*parts, "</svg>"])
