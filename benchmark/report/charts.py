"""Charts of the report, drawn by matplotlib as inline SVG that takes the page's colours and fonts.

Text stays text. The same numbers give the same bytes: no date is written, and no id is random.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from html import escape
from io import StringIO
from typing import Any

import matplotlib as mpl
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from benchmark.metrics.bootstrap import Floats
from benchmark.metrics.ranks import Ranks

COLORS = ("#2f7de1", "#e0791b", "#159f6b", "#a259d9", "#d94862", "#8c8c1f", "#12a3b4", "#d657a8")
SOFT, LINE, MARK, INK = "#5c6675", "#dfe3e9", "#1f63b8", "#1b2330"
# what style.css calls them: a dark page has others
VARIABLES = {SOFT: "var(--soft)", LINE: "var(--line)", MARK: "var(--mark)", INK: "var(--ink)"}
SETTINGS: dict[Any, Any] = {"svg.fonttype": "none", "svg.hashsalt": "report", "font.size": 8.0}
METADATA = {"Date": None, "Creator": None, "Format": None, "Type": None}
SHARE = (0.0, 0.25, 0.5, 0.75, 1.0)


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


def plot(title: str, x: Axis, y: Axis, lines: Sequence[Line], *, diagonal: bool = False) -> str:
    """Draw curves over two axes, with a legend below."""
    with mpl.rc_context(SETTINGS):
        figure = Figure(figsize=(3.54, 3.12))
        axes = figure.add_axes((0.15, 0.14, 0.82, 0.83))
        _frame(axes, x, y)
        if diagonal:
            ends = [x.low, x.high], [y.low, y.high]
            axes.plot(*ends, color=SOFT, linestyle=(0, (4, 4)), linewidth=0.8, clip_on=False)
        for number, line in enumerate(lines):
            axes.plot(
                np.clip(line.x, x.low, x.high), np.clip(line.y, y.low, y.high),
                color=COLORS[number % len(COLORS)], linewidth=1.4, gid="curve", clip_on=False,
                drawstyle="steps-post" if line.steps else "default",
                marker="o" if line.marks else "", markersize=4,
            )  # fmt: skip
        drawn = _svg(figure, title)
    legend = "".join(
        f'<span><i style="background:{COLORS[n % len(COLORS)]}"></i>{escape(line.name)}</span>'
        for n, line in enumerate(lines)
    )
    return (
        f'<figure class="plot"><figcaption>{escape(title)}</figcaption>{drawn}'
        f'<div class="legend">{legend}</div></figure>'
    )


def _frame(axes: Axes, x: Axis, y: Axis) -> None:
    """Name the axes and their ticks, with lines through them and nothing around them."""
    axes.set(xlabel=x.label, ylabel=y.label)
    for axis, one, scale in (
        (axes.xaxis, x, axes.set_xscale),
        (axes.yaxis, y, axes.set_yscale),
    ):
        if one.logarithmic:
            scale("log")
        axis.set_ticks(one.ticks, [f"{tick:g}" for tick in one.ticks])
        axis.set_ticks([], minor=True)
        axis.label.set_color(SOFT)
    axes.set(xlim=(x.low, x.high), ylim=(y.low, y.high), axisbelow=True)
    axes.tick_params(length=0, labelcolor=SOFT)
    axes.grid(color=LINE, linewidth=0.8, clip_on=False)
    axes.spines[:].set_visible(False)


def _svg(figure: Figure, title: str) -> str:
    """Return a figure as an SVG element that leaves fonts and colours to its page.

    Classes stand for matplotlib's ids, of which a page would hold several alike.
    """
    written = StringIO()
    figure.savefig(written, format="svg", transparent=True, metadata=METADATA)
    opened = f'<svg role="img" aria-label="{escape(title)}" '
    found = opened + written.getvalue().partition("<svg ")[2]
    found = re.sub(r"<defs>\s*<style.*?</style>\s*</defs>", "", found, flags=re.DOTALL)
    found = re.sub(r" font-family: [^;]*;", "", found)
    found = re.sub(r'<g id="([^"]*)"', r'<g class="\1"', found)
    for color, variable in VARIABLES.items():
        found = found.replace(color, variable)
    return found.strip()


def bar(value: float, low: float, high: float) -> str:
    """Return a value and its interval on a scale from 0 to 1, as small as a word."""
    if not np.isfinite([value, low, high]).all() or not 0 <= low <= high <= 1:
        return ""
    return (
        '<div class="bar" aria-hidden="true">'
        f'<i style="left:{100 * low:.1f}%;width:{100 * (high - low):.1f}%"></i>'
        f'<b style="left:{100 * value:.1f}%"></b></div>'
    )


def critical_difference(ranks: Ranks) -> str:
    """Draw mean ranks on a line, best left; a bar joins encoders that cannot be told apart."""
    many, runs = len(ranks.encoders), ranks.alike
    names = 0.8 + 0.4 * len(runs)  # rows of the drawing: the scale is 0, names come below the bars
    depth = names + (many + 1) // 2
    margin = 0.45 * max(many - 1, 1)  # in ranks, for the names
    with mpl.rc_context(SETTINGS):
        figure = Figure(figsize=(7.5, 0.24 * (depth + 2)))
        axes = figure.add_axes((0, 0, 1, 1))
        axes.set(xlim=(1 - margin, many + margin), ylim=(depth, -2))
        axes.set_axis_off()
        _thin(axes, [1, many], [0, 0])
        for rank in range(1, many + 1):
            _thin(axes, [rank, rank], [0, -0.25])
            axes.text(rank, -0.4, str(rank), ha="center", va="bottom", color=INK)
        if np.isfinite(ranks.critical):
            end = 1 + min(ranks.critical, many - 1)
            _thick(axes, 1, end, -1.5)
            said = f"CD {ranks.critical:.2f}"
            axes.text(end + 0.03 * margin, -1.5, said, va="center", color=INK)
        for number, one in enumerate(ranks.encoders):
            left = 2 * number < many
            row = names + (number if left else many - 1 - number)
            side, edge = (-1, 1) if left else (1, many)
            _thin(axes, [one.rank, one.rank, edge + 0.03 * side * margin], [0, row, row])
            axes.text(
                edge + 0.06 * side * margin, row, f"{one.name} {one.rank:.2f}",
                ha="right" if left else "left", va="center", color=INK,
            )  # fmt: skip
        for number, (first, last) in enumerate(runs):
            start, end = ranks.encoders[first].rank, ranks.encoders[last].rank
            _thick(axes, start - 0.03, end + 0.03, 0.4 + 0.4 * number)
        drawn = _svg(figure, "critical difference diagram")
    return f'<div class="cd">{drawn}</div>'


def _thin(axes: Axes, x: Sequence[float], y: Sequence[float]) -> None:
    axes.plot(x, y, color=SOFT, linewidth=0.8, clip_on=False)


def _thick(axes: Axes, start: float, end: float, row: float) -> None:
    axes.plot(
        [start, end], [row, row], color=MARK, linewidth=3, gid="run", solid_capstyle="butt",
        clip_on=False,
    )  # fmt: skip
