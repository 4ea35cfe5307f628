"""The panel of what a model sees: density, BI-RADS, marked places, all probabilities."""

from __future__ import annotations

from html import escape

from app.chat.conversation.asked import KINDS
from app.chat.conversation.verdict_words import title, topic_words
from app.chat.evidence.contracts import Card, Findings, Region, Verdict
from app.chat.evidence.deciding import of_several
from app.chat.evidence.exam import Exam
from app.chat.viewer.scene_boxes import box_id
from versamammo.imaging.mammogram import Box
from versamammo.vocabulary import BY_NAME, NOT_JUDGED
from vlm.option_words import figure

BARS = ("ACR", "Bi-Rads")  # shown at a glance; the rest in a table
NO_MODEL_LOADED = (
    '<p class="vm-hint"><b>No model that looks at pictures is loaded.</b> Density, BI-RADS and '
    "findings are not assessed here. An empty panel does not mean that there is no finding.</p>"
)


def findings_html(exam: Exam | None, findings: Findings | None, card: Card | None) -> str:
    """Return the panel of density, BI-RADS and other attributes with their probabilities."""
    if card is None:
        return NO_MODEL_LOADED
    if exam is None or findings is None:
        return '<p class="vm-hint">No exam is open.</p>'
    at_a_glance = [of_several(exam, findings, name, exam.current) for name in BARS]
    parts = [_region_rows(exam, findings), _suspect_line(exam, findings)]
    parts += [_bars(exam, one) for one in at_a_glance if one is not None]
    parts += [f'<p class="vm-refused">Attempted in vain: {escape(w)}.</p>' for w in findings.failed]
    parts += [_warmest(exam, findings), _all_rows(exam, findings), _silent(findings)]
    return "".join(parts)


def _bars(exam: Exam, verdict: Verdict) -> str:
    """Show the probabilities of a topic's options for the exam."""
    topic = BY_NAME[verdict.topic]
    where = "whole exam" if len(verdict.images) > 1 else exam.names[verdict.images[0]]
    how = f"; {verdict.how}" if verdict.how else ""
    rows = "".join(
        f'<tr><td>{escape(topic.plain(option))}</td><td class="vm-bar">'
        f'<i style="width:{100 * p:.0f}%"></i></td><td>{escape(figure(p))}</td></tr>'
        for option, p in verdict.probabilities.items()
    )
    heading = f"{topic.title} ({where}{how}): {topic_words(verdict)}, by the {verdict.source}"
    return f'<table class="vm-table"><caption>{escape(heading)}</caption>{rows}</table>'


def _region_rows(exam: Exam, findings: Findings) -> str:
    looked_for = [name.lower() for name in KINDS if name in findings.topics]
    if not looked_for:
        return '<p class="vm-hint">No finding is judged in these pictures, so none is marked.</p>'
    if not findings.regions:
        listed = escape(", ".join(looked_for))
        return f'<p class="vm-hint">The model marked no place ({listed}).</p>'
    rows = []
    for region in findings.regions:
        size = exam.images[region.image].millimetres(region.box)
        extent = "size not known" if size is None else f"{size[0]:.0f} x {size[1]:.0f} mm"
        rows.append(
            f"<tr><td>{escape(exam.names[region.image])}</td><td>{escape(region.word)}</td>"
            f"<td>{_place(region)}<br><small>{_pixels(region.box)}</small></td>"
            f"<td>{extent}</td><td>{escape(figure(region.score))}</td></tr>"
        )
    titles = ("Picture", "Finding", "Place", "Size", "Probability")
    head = f"<tr>{''.join(f'<th>{name}</th>' for name in titles)}</tr>"
    caption = "<caption>Marked places</caption>"
    return (
        f'<div class="vm-scroll"><table class="vm-table">{caption}{head}{"".join(rows)}'
        "</table></div>"
    )


def _place(region: Region) -> str:
    """Return a place as a button that shows it on the light box."""
    name = escape(box_id(region.image, region.box))
    return (
        f'<button type="button" class="vm-place" data-box-id="{name}">{escape(region.where)}'
        "</button>"
    )


def _suspect_line(exam: Exam, findings: Findings) -> str:
    """Return where a lesion would most likely lie, where none is judged."""
    rows = [
        f"<tr><td>{escape(exam.names[one.image])}</td><td>{_place(one)}</td></tr>"
        for one in findings.suspects
    ]
    if not rows:
        return ""
    caption = "If there is a lesion, it most likely lies here"
    return f'<table class="vm-table"><caption>{caption}</caption>{"".join(rows)}</table>'


def _warmest(exam: Exam, findings: Findings) -> str:
    """Return how warm the heat maps get: a cold one shows nothing when it is switched on."""
    if not findings.heat:
        return ""
    one = max(findings.heat, key=lambda heat: float(heat.values.max()))
    told = f"{figure(float(one.values.max()))} of 1, in {exam.names[one.image]}"
    return f'<p class="vm-hint">Heat map: the warmest place has {escape(told)}.</p>'


def _pixels(box: Box) -> str:
    """Return a box in pixels of the file as stored."""
    return f"x {box.x1:.0f} to {box.x2:.0f}, y {box.y1:.0f} to {box.y2:.0f} px"


def _all_rows(exam: Exam, findings: Findings) -> str:
    """Show what is said of each topic in each picture, by whom, and how that was tried."""
    if not findings.topics:
        return ""
    head = "".join(f"<th>{escape(name)}</th>" for name in exam.names)
    rows = []
    for name in findings.topics:
        own = [findings.verdict(name, image) for image in range(len(exam.images))]
        cells = "".join(
            "<td>-</td>" if one is None else f"<td>{escape(topic_words(one))}</td>" for one in own
        )
        source = next(one.source for one in own if one is not None)
        tried = f"by the {source}; {findings.tried.get(name, '')}".rstrip("; ")
        rows.append(f"<tr><td>{escape(title(name))}</td>{cells}<td>{escape(tried)}</td></tr>")
    return (
        '<details class="vm-details"><summary>Everything, picture by picture</summary>'
        '<div class="vm-scroll"><table class="vm-table">'
        f"<tr><th>Topic</th>{head}<th>Tried</th></tr>"
        f"{''.join(rows)}</table></div></details>"
    )


def _silent(findings: Findings) -> str:
    """List the topics that are not judged, and why."""
    if not findings.silent:
        return ""
    lines = "".join(
        f"<li><b>{escape(title(name))}</b>: {escape(why)}.</li>"
        for name, why in findings.silent.items()
    )
    return f'<details class="vm-details"><summary>{NOT_JUDGED}</summary><ul>{lines}</ul></details>'
