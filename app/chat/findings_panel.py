"""The panel of what a model sees: density, BI-RADS, marked places, all probabilities."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape

from app.chat.contracts import Attribute, Card, Findings
from app.chat.exam import Exam
from app.chat.figures import figure, quality
from app.chat.regions import in_words as place_of
from versamammo.mammogram import Box

TITLES = {
    "density": "Density (ACR)", "birads": "BI-RADS", "incomplete": "More images needed",
    "distortion": "architectural distortion", "lymph_node": "suspicious lymph node",
}  # fmt: skip
BARS = ("density", "birads")  # shown at a glance; the rest in a table
NO_MODEL_LOADED = (
    '<p class="vm-hint"><b>No model that looks at pictures is loaded.</b> Density, BI-RADS and '
    "findings are not assessed here. An empty panel does not mean that there is no finding.</p>"
)


def findings_html(exam: Exam | None, findings: Findings | None, card: Card | None) -> str:
    """Give the panel of density, BI-RADS and other attributes with their probabilities."""
    if card is None:
        return NO_MODEL_LOADED
    if exam is None or findings is None:
        return '<p class="vm-hint">No exam is open.</p>'
    parts = [_bars(exam, attribute) for attribute in _at_a_glance(findings)]
    parts += [f'<p class="vm-refused">Attempted in vain: {escape(w)}.</p>' for w in findings.failed]
    parts += [_region_rows(exam, findings), _warmest(exam, findings), _all_rows(exam, findings)]
    return "".join(parts)


def title_of(name: str) -> str:
    """Name an attribute as readers do."""
    return TITLES.get(name, name.replace("_", " "))


def _at_a_glance(findings: Findings) -> list[Attribute]:
    """Take density and BI-RADS of the exam; of a single picture its own."""
    chosen = []
    for name in BARS:
        own = [one for one in findings.attributes if one.name == name]
        chosen += [one for one in own if one.image is None] or own[:1]
    return chosen


def _bars(exam: Exam, attribute: Attribute) -> str:
    if attribute.guessing:
        return (
            f'<p class="vm-hint"><b>{escape(title_of(attribute.name))}</b> is not shown: on '
            "patients not learned from, the model was not found to be better than guessing "
            f"({escape(quality(attribute.auroc))}).</p>"
        )
    where = "whole exam" if attribute.image is None else exam.names[attribute.image]
    edition = f", BI-RADS edition {attribute.edition}" if attribute.edition else ""
    how = f"; {attribute.how}" if attribute.how else ""
    rows = "".join(
        f'<tr><td>{escape(value)}</td><td class="vm-bar"><i style="width:{100 * p:.0f}%"></i></td>'
        f"<td>{escape(figure(p))}</td></tr>"
        for value, p in attribute.probabilities.items()
    )
    title = f"{title_of(attribute.name)} ({where}{edition}{how})"
    return f'<table class="vm-table"><caption>{escape(title)}</caption>{rows}</table>'


def _region_rows(exam: Exam, findings: Findings) -> str:
    least = "" if findings.least is None else f" with a score of {findings.least:.2f} or more"
    if not findings.regions:
        return f'<p class="vm-hint">The model marked no place{least}.</p>'
    rows = []
    for region in findings.regions:
        image = exam.images[region.image]
        size = image.millimetres(region.box)
        extent = "size unknown" if size is None else f"{size[0]:.0f} x {size[1]:.0f} mm"
        rows.append(
            f"<tr><td>{escape(exam.names[region.image])}</td><td>{escape(region.word)}</td>"
            f"<td>{escape(place_of(image, region.box))}<br>"
            f"<small>{_pixels(region.box)}</small></td>"
            f"<td>{extent}</td>"
            f"<td>{escape(figure(region.score))}</td></tr>"
        )
    head = "<tr><th>Picture</th><th>Finding</th><th>Place</th><th>Size</th><th>Score</th></tr>"
    title = f"<caption>Marked places{least}</caption>"
    return (
        f'<div class="vm-scroll"><table class="vm-table">{title}{head}{"".join(rows)}</table></div>'
    )


def _warmest(exam: Exam, findings: Findings) -> str:
    """Say how warm the heat maps get: a cold one shows nothing when it is switched on."""
    if not findings.heat:
        return ""
    one = max(findings.heat, key=lambda heat: float(heat.values.max()))
    told = f"{figure(float(one.values.max()))} of 1, in {exam.names[one.image]}"
    return f'<p class="vm-hint">Heat map: the warmest place has {escape(told)}.</p>'


def _pixels(box: Box) -> str:
    """Give a box in pixels of the file as stored."""
    return f"x {box.x1:.0f} to {box.x2:.0f}, y {box.y1:.0f} to {box.y2:.0f} px"


def _all_rows(exam: Exam, findings: Findings) -> str:
    """Give each attribute of each picture: its likeliest value and the probability of that."""
    names = list(dict.fromkeys(one.name for one in findings.attributes if one.image is not None))
    if not names:
        return ""
    head = "".join(f"<th>{escape(name)}</th>" for name in exam.names)
    rows = [
        f"<tr><td>{escape(title_of(name))}</td>{_cells(exam, findings, name)}</tr>"
        for name in names
    ]
    meaning = (
        "Last column: area under the ROC curve on patients not learned from; 0.50 is guessing."
    )
    return (
        '<details class="vm-details"><summary>Everything, picture by picture</summary>'
        f'<div class="vm-scroll"><table class="vm-table"><tr><th></th>{head}<th>Tested</th></tr>'
        f'{"".join(rows)}</table></div><p class="vm-hint">{meaning}</p></details>'
    )


def in_words(attribute: Attribute) -> str:
    """Name the likeliest value of an attribute and its probability."""
    return f"{attribute.likeliest} ({figure(attribute.probabilities[attribute.likeliest])})"


def _cells(exam: Exam, findings: Findings, name: str) -> str:
    found: Sequence[Attribute | None] = [findings.of(name, i) for i in range(len(exam.images))]
    return "".join(
        "<td>-</td>" if one is None else f"<td>{escape(in_words(one))}</td>" for one in found
    )
