"""The table of a door test: each topic's figures beside its controls, with n and intervals."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from app.door.questioning import Heard, Hearing
from versamammo import NOTICE
from versamammo.scoring.topic_scores import score_topic
from versamammo.vocabulary import BY_NAME
from versamammo.vqa import Kind

Record = dict[str, Any]


def scores_of(hearing: Hearing) -> Record:
    """Return the scores of everything that was said, per picture and per exam."""
    return {
        "pictures": _scores(hearing.pictures),
        "exams": _scores(hearing.exams),
        "marks": {
            name: {
                "pictures": marks.pictures,
                "true_boxes": marks.boxes,
                "boxes_hit": marks.hit,
                "false_marks": marks.false,
                "contradictions": marks.contradictions,
            }
            for name, marks in hearing.marks.items()
        },
    }


def _scores(heard: Mapping[str, Heard]) -> Record:
    made = {}
    for name, one in heard.items():
        if not one.truths:
            continue
        topic = BY_NAME[name]
        given = [said.value for said in one.said]
        scores = [said.yes for said in one.said] if topic.kind is Kind.YES_NO else None
        score = score_topic(name, topic.options, one.truths, given, one.patients, scores=scores)
        answered = sum(value is not None for value in given)
        made[name] = {**score.to_dict(), "answered": answered}
    return made


def as_markdown(told: Record) -> str:
    """Return the table as Markdown, each figure with its n and interval."""
    counts = told["counts"]
    lines = [
        f"# Door test: {told['data']}",
        "",
        f"{NOTICE}",
        "",
        f"{counts['pictures']} pictures in {counts['exams']} exams of {counts['patients']} "
        f"patients; {len(counts['refused'])} files refused. {told['seconds']:.0f} s.",
        f"`{told['command']}`",
        "",
        "Scored are the page's own words; “not sure” and “not judged” count as wrong. In "
        "brackets: 95 % intervals over resampled patients.",
    ]
    for scope in ("pictures", "exams"):
        rows = told["controls"]["page"][scope]
        if any(one["answered"] for one in rows.values()):
            lines += ["", f"## Per {scope[:-1]}", "", *_rows(told["controls"], scope)]
        if silent := [name for name, one in rows.items() if not one["answered"]]:
            lines += ["", f"Not judged, per {scope[:-1]}: {', '.join(silent)}."]
    lines += ["", "## Marked places", "", *_mark_rows(told["controls"]["page"]["marks"])]
    against = sum(len(o["contradictions"]) for o in told["controls"]["page"]["marks"].values())
    lines += ["", f"Words that contradict a mark, or a mark that the words leave out: {against}."]
    if counts["refused"]:
        lines += ["", "Refused:", *(f"- {name}: {why}" for name, why in counts["refused"])]
    return "\n".join(lines) + "\n"


def _rows(controls: Record, scope: str) -> list[str]:
    lines = [
        "| topic | n | answered | balanced accuracy | chance | sensitivity | specificity | AUC "
        "| flat | other patient's |",
        "|" + "---|" * 10,
    ]
    for name, one in controls["page"][scope].items():
        if not one["answered"]:
            continue
        others = [
            _balanced(controls.get(control, {}).get(scope, {}).get(name))
            for control in ("blank", "shuffled")
        ]
        lines.append(
            f"| {name} | {one['asked']} | {one['answered']} | {_balanced(one)} | "
            f"{100 * one['chance']:.0f} | {_share(one['sensitivity'])} | "
            f"{_share(one['specificity'])} | {_share(one['auroc'])} | {' | '.join(others)} |"
        )
    return lines


def _balanced(one: Record | None) -> str:
    if one is None:
        return ""
    low, high = 100 * one["low"], 100 * one["high"]
    return f"{100 * one['balanced_accuracy']:.0f} [{low:.0f}, {high:.0f}]"


def _share(value: float | None) -> str:
    return "" if value is None else f"{value:.2f}"


def _mark_rows(marks: Record) -> list[str]:
    lines = ["| finding | pictures | true boxes | hit | false marks a picture |",
             "|---|---|---|---|---|"]  # fmt: skip
    for name, one in marks.items():
        if not (one["boxes_hit"] or one["false_marks"] or one["contradictions"]):
            continue
        hit = f"{one['boxes_hit']}" if one["true_boxes"] else ""
        false = f"{one['false_marks'] / one['pictures']:.2f}" if one["pictures"] else ""
        lines.append(f"| {name} | {one['pictures']} | {one['true_boxes']} | {hit} | {false} |")
    return lines
