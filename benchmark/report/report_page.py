"""The report of a run as one HTML page that needs nothing beside itself.

It holds no time of its own making, so that the same records give the same bytes.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from html import escape
from pathlib import Path

import numpy as np

from benchmark.metrics.ranks import Ranks
from benchmark.metrics.subgroups import subgroups
from benchmark.report import report_tables as tables
from benchmark.report.charts import critical_difference
from benchmark.report.curves import plots
from benchmark.report.example_pictures import examples
from benchmark.report.view import SCORED_ELSEWHERE, ReportView
from benchmark.samples import Sample
from benchmark.scores import ScoredTask
from benchmark.tasks import Task
from versamammo import NOTICE
from versamammo.data.dataset import Picture
from versamammo.files import parse_json

STYLE = Path(__file__).with_name("style.css")
STAMP = "REHEARSAL ON PHANTOMS"
SUBGROUP_RESAMPLES = 500
PARTS = {
    "internal": "Internal",
    "external": "External",
    "unknown": "Not known to be external",
    "mixed": "Internal for some encoders only",
}
Pictures = Callable[[Task], Mapping[str, Picture]]
READING = (
    "Every figure stands with the 95 % interval of that same figure: patients are drawn with "
    "replacement, all their images together, within strata of the rarer classes. n counts images, "
    "lesions, exams or queries. A bar shows value and interval on a scale from 0 to 1. Published "
    "definitions are set in italics and are for comparison only. A task that is not complete is "
    "said to be so and is never ranked."
)


def page(view: ReportView, pictures: Pictures, pair_resamples: int) -> str:
    """Write the whole page."""
    body = [
        _head(view),
        _standing(view),
        *(_category(view, name, tasks) for name, tasks in view.tasks.items()),
        _pairs(view, pair_resamples),
        "<h2 id=details>Every task</h2>",
        *(_details(view, task, pictures) for tasks in view.tasks.values() for task in tasks),
        _unfinished(view),
        _provenance(view),
    ]
    return (
        '<!DOCTYPE html>\n<html lang="en"><head><meta charset="utf-8"/>'
        '<meta name="viewport" content="width=device-width, initial-scale=1"/>'
        f"<title>VersaMammo benchmark</title><style>{STYLE.read_text()}</style></head>\n<body>\n"
        + "\n".join(filter(None, body))
        + "\n</body></html>\n"
    )


def _head(view: ReportView) -> str:
    stamp = ""
    if view.run["notice"]:
        stamp = (
            f'<p class="stamp">{STAMP}<small>These images are drawn by a computer. The figures '
            "show that the chain runs, and say nothing about patients.</small></p>"
        )
    links = "".join(f'<a href="#{name}">{_titled(name)}</a>' for name in view.tasks)
    return (
        f"<header><h1>VersaMammo benchmark</h1><p class=lead>{escape(', '.join(view.models))}</p>"
        f'{stamp}<p class="notice">{escape(NOTICE)}</p><nav>{links}<a href="#details">Every task'
        f'</a><a href="#made">How it was made</a></nav></header>{_tiles(view)}<p>{READING}</p>'
    )


def _tiles(view: ReportView) -> str:
    asked = {one.task.id for one in view.found}
    complete = {
        task
        for task in asked
        if any(one.complete and one.figures for one in view.found if one.task.id == task)
    }
    records = sum(one.records for one in view.found)
    parts = [
        (f"{len(complete)} of {len(asked)}", "tasks complete"),
        (str(len(view.models)), "model" if len(view.models) == 1 else "models"),
        (f"{records:,}", "records scored"),
        (f"{view.run['resamples']:,}", f"resamples of patients, seed {view.run['seed']}"),
    ]
    tiles = "".join(f"<div><b>{escape(a)}</b><small>{escape(b)}</small></div>" for a, b in parts)
    return f'<div class="tiles">{tiles}</div>'


def _standing(view: ReportView) -> str:
    ranks = view.ranks()
    if ranks is None:
        return ""
    parts: dict[str, Ranks | None] = {"All tasks": ranks}
    if len({one.set for one in view.found}) > 1:
        parts |= {title: view.ranks(name) for name, title in PARTS.items()}
    words = [f"Over the {ranks.tasks} tasks that all {len(ranks.encoders)} encoders completed, by "
             "each task's primary metric; intervals draw tasks."]  # fmt: skip
    if np.isfinite(ranks.critical):
        words.append(
            f"Friedman's test: p = {ranks.friedman:.2g}. Nemenyi's critical difference at 5 % is "
            f"{ranks.critical:.2f}; a bar joins encoders that cannot be told apart."
        )
    else:
        words.append("A critical difference needs three encoders and two tasks.")
    return (
        f"<h2 id=ranks>Ranks</h2><p>{' '.join(words)}</p>"
        f"{tables.ranking(parts)}{critical_difference(ranks)}"
    )


def _category(view: ReportView, name: str, tasks: list[Task]) -> str:
    models = [m for m in view.models if any(view.cell(m, task) for task in tasks)]
    return f"<h2 id={name}>{_titled(name)}</h2>{tables.category(view, tasks, models)}"


def _titled(category: str) -> str:
    return category.upper() if category == "vqa" else category.capitalize()


def _pairs(view: ReportView, resamples: int) -> str:
    made = view.pairs(resamples)
    if not made:
        return ""
    words = (
        f"The first encoder against each other one on the same patients, {resamples:,} resamples; "
        "p-values of no difference, beside them corrected by Holm's rule over the tasks compared."
    )
    return f"<h2 id=pairs>Paired differences</h2><p>{words}</p>" + "".join(map(tables.pair, made))


def _details(view: ReportView, task: Task, pictures: Pictures) -> str:
    cells = view.of_task(task)
    if not cells:
        return ""
    records = view.records(task)
    parts = [tables.figures(cells)]
    if task.kind != SCORED_ELSEWHERE:
        roots = {one.model: one.folder for one in cells}
        parts.append(f'<div class="plots">{"".join(plots(task, records, roots))}</div>')
        parts += [_groups(task, one, records[one.model]) for one in cells]
        parts += [_examples(task, one, records[one.model], pictures) for one in cells]
    note = f"<p>{escape(task.note)}</p>" if task.note else ""
    states = {one.state for one in cells}
    told = "" if states == {"complete"} else f" <em class=part>{escape(', '.join(states))}</em>"
    return (
        f'<details id="{escape(task.id)}"><summary><b>{escape(task.id)}</b> '
        f"{escape(task.dataset)}: {escape(task.target)}{told}</summary>{note}{''.join(parts)}"
        "</details>"
    )


def _groups(task: Task, one: ScoredTask, records: list[Sample]) -> str:
    found = subgroups(task, records, resamples=SUBGROUP_RESAMPLES, root=one.folder)
    return tables.subgroup_table(one.model, found)


def _examples(task: Task, one: ScoredTask, records: list[Sample], pictures: Pictures) -> str:
    drawn = examples(task, records, one.folder, pictures(task))
    if not drawn:
        return ""
    words = "orange: the model; dashed blue: the truth. Surest hits, misses, surest false findings."
    return f"<h3>{escape(one.model)}: hits and misses</h3><p><small>{words}</small></p>{drawn}"


def _unfinished(view: ReportView) -> str:
    rows = "".join(
        f'<tr><td>{escape(model)}</td><th scope="row">{escape(one.task.id)}</th>'
        f"<td>{escape(one.state)}</td></tr>"
        for model, some in view.states.items()
        for one in some
    )
    if not rows:
        return ""
    return (
        "<h2 id=unfinished>Not complete, and not ranked</h2><table><thead><tr><th>Model</th>"
        f"<th>Task</th><th>State</th></tr></thead><tbody>{rows}</tbody></table>"
    )


def _provenance(view: ReportView) -> str:
    run = view.run
    models = "".join(
        f"<tr><th scope=row>{escape(name)}</th><td><code>{escape(str(run['sources'].get(name)))}"
        f"</code></td><td><code>{escape(str(run['hashes'].get(name)))}</code></td>"
        f"<td>{escape(str(view.says(name)))}</td></tr>"
        for name in view.models
    )
    versions = ", ".join(f"{name} {value}" for name, value in sorted(run["versions"].items()))
    settings = json.dumps(run["settings"], indent=1, sort_keys=True)
    return (
        f"<h2 id=made>How it was made</h2><pre>{escape(chr(10).join(run['commands']))}</pre>"
        "<div class=wide><table><thead><tr><th>Model</th><th>Source</th><th>Hash of weights</th>"
        f"<th>Learnt from</th></tr></thead><tbody>{models}</tbody></table></div>"
        f"<p>{escape(versions)}</p>"
        f"<details><summary>Data of every task</summary>{_data(view)}</details>"
        f"<details><summary>Settings</summary><pre>{escape(settings)}</pre></details>"
        f'<p class="notice">{escape(NOTICE)}</p>'
    )


def _data(view: ReportView) -> str:
    rows = []
    seen = set()
    for one in view.found:
        file = one.folder / "task.json"
        if one.task.id in seen or not file.is_file():
            continue
        seen.add(one.task.id)
        told = parse_json(file.read_text())
        split = told.get("rows", {})
        sides = ", ".join(f"{side} {split[side]}" for side in ("train", "val", "test")
                          if side in split)  # fmt: skip
        rows.append(
            f"<tr><th scope=row>{escape(one.task.id)}</th><td>{one.task.version}</td>"
            f"<td>{escape(sides)}</td><td><code>{escape(str(told.get('data')))}</code></td></tr>"
        )
    return (
        "<div class=wide><table><thead><tr><th>Task</th><th>Version</th><th>Rows</th>"
        f"<th>Hash of ids, truths, contents and splits</th></tr></thead><tbody>{''.join(rows)}"
        "</tbody></table></div>"
    )
