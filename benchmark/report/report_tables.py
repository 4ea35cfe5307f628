"""A run's figures as tables: HTML for the page, LaTeX for a paper."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from html import escape

import numpy as np

from benchmark.comparing import Comparison
from benchmark.metrics.metric_results import LOWER_IS_BETTER, MetricResult, title
from benchmark.metrics.ranks import Ranks
from benchmark.metrics.subgroups import Subgroup
from benchmark.report.charts import bar
from benchmark.report.view import ReportView, primary
from benchmark.scores import NOT_EXTERNAL, ScoredTask
from benchmark.tasks import Task

DASH = "–"  # noqa: RUF001


def number(value: float) -> str:
    """Spell a value with three digits after the point, or a dash."""
    return f"{round(value, 3) + 0.0:.3f}" if np.isfinite(value) else DASH


def span(low: float, high: float) -> str:
    """Spell an interval."""
    return f"[{number(low)}, {number(high)}]" if np.isfinite([low, high]).all() else ""


def category(view: ReportView, tasks: Sequence[Task], models: Sequence[str]) -> str:
    """Lay out primary figures: a row for each task, a column for each model."""
    head = "".join(f"<th>{escape(model)}</th>" for model in models)
    rows = []
    for task in tasks:
        cells = [view.cell(model, task) for model in models]
        best = best_of(task, cells)
        told = next((one for one in (primary(c.figures) for c in cells if c) if one), None)
        n = f"{told.n:,}<small>{told.clusters:,} patients</small>" if told else DASH
        name = title(told.metric if told else task.metric)
        rows.append(
            f'<tr><th scope="row">{_link(task, told is not None)}'
            f"<small>{escape(task.dataset)}: {escape(task.target)}</small></th>"
            f"<td>{escape(name)}</td><td class=n>{n}</td>"
            + "".join(_cell(one, one in best) for one in cells)
            + "</tr>"
        )
    return (
        '<div class="wide"><table class="main"><thead><tr><th>Task</th><th>Metric</th>'
        f"<th>n</th>{head}</tr></thead><tbody>{''.join(rows)}</tbody></table></div>"
    )


def _link(task: Task, shown: bool) -> str:
    name = escape(task.id)
    return f'<a href="#{name}">{name}</a>' if shown else name


def best_of(task: Task, cells: Sequence[ScoredTask | None]) -> list[ScoredTask]:
    """Find the best complete models; none if fewer than two are complete."""
    whole = [one for one in cells if one is not None and one.complete]
    known = [(one, primary(one.figures)) for one in whole]
    valued = [(one, f.value) for one, f in known if f is not None and np.isfinite(f.value)]
    if len(valued) < 2:
        return []
    top = (min if task.metric in LOWER_IS_BETTER else max)(value for _, value in valued)
    return [one for one, value in valued if value == top]


def _cell(one: ScoredTask | None, best: bool) -> str:
    if one is None:
        return f'<td class="none">{DASH}</td>'
    found = primary(one.figures)
    if found is None:
        return f'<td class="none"><small>{escape(one.state)}</small></td>'
    state = "" if one.complete else f'<em class="part">{escape(one.state)}, not ranked</em>'
    state += f'<em class="part">{NOT_EXTERNAL[one.set]}</em>' if one.refused_external else ""
    why = f"<small>{escape(found.note)}</small>" if not np.isfinite(found.value) else ""
    ends = span(found.low, found.high) or ("" if why else "no interval")
    return (
        f'<td class="value{" best" if best else ""}"><b>{number(found.value)}</b> '
        f'<small title="{escape(found.note)}">{ends}</small>'
        f"{bar(found.value, found.low, found.high)}{state}{why}</td>"
    )


def figures(cells: Sequence[ScoredTask]) -> str:
    """Lay out all figures of one task, models side by side; published definitions are marked."""
    metrics = dict.fromkeys(figure.metric for one in cells for figure in one.figures)
    rows = []
    for metric in metrics:
        found = [(one.model, _of(one, metric)) for one in cells]
        some = next(figure for _, figure in found if figure)
        kind = ' class="legacy"' if some.legacy else ""
        values = "".join(
            f"<td class=n><b>{number(one.value)}</b> <small>{span(one.low, one.high)}</small></td>"
            if one
            else f"<td class=none>{DASH}</td>"
            for _, one in found
        )
        rows.append(
            f"<tr{kind}><td>{escape(title(metric))}</td>{values}<td class=n>{some.n:,}</td>"
            f"<td class=n>{some.clusters:,}</td><td class=note>{_notes(found)}</td></tr>"
        )
    head = "".join(f"<th>{escape(one.model)}</th>" for one in cells)
    return (
        f'<div class="wide"><table><thead><tr><th>Metric</th>{head}<th>n</th><th>Patients</th>'
        f"<th>Note</th></tr></thead><tbody>{''.join(rows)}</tbody></table></div>"
    )


def _of(one: ScoredTask, metric: str) -> MetricResult | None:
    return next((figure for figure in one.figures if figure.metric == metric), None)


def _notes(found: Sequence[tuple[str, MetricResult | None]]) -> str:
    """Return the note once if all models share it, else each with its model."""
    notes = {model: figure.note for model, figure in found if figure and figure.note}
    if len(set(notes.values())) == 1 and len(notes) == len([one for _, one in found if one]):
        return escape(next(iter(notes.values())))
    return "<br/>".join(f"{escape(model)}: {escape(note)}" for model, note in notes.items())


def _numbers(figure: MetricResult) -> str:
    return (
        f"<td class=n><b>{number(figure.value)}</b></td>"
        f"<td class=n>{span(figure.low, figure.high)}</td>"
        f"<td class=n>{figure.n:,}</td><td class=n>{figure.clusters:,}</td>"
    )


def subgroup_table(model: str, found: Sequence[Subgroup]) -> str:
    """Lay out the primary figure by groups of one model; small groups are named below."""
    told = [one for one in found if np.isfinite(one.figure.value)]
    small = ", ".join(
        f"{one.by} {one.level} ({one.figure.note})"
        for one in found
        if not np.isfinite(one.figure.value)
    )
    left = f"<p><small>Not computed: {escape(small)}.</small></p>" if small else ""
    if not told:
        return left and f"<h3>{escape(model)}: by group</h3>{left}"
    rows = "".join(
        f"<tr><td>{escape(one.by)}</td><td>{escape(one.level)}</td>{_numbers(one.figure)}"
        f"<td>{bar(one.figure.value, one.figure.low, one.figure.high)}</td>"
        f"<td class=note>{escape(one.figure.note)}</td></tr>"
        for one in told
    )
    caption = f"{escape(model)}: {escape(title(told[0].figure.metric))} by group"
    return (
        f'<div class="wide"><table><caption>{caption}</caption><thead><tr><th>By</th>'
        "<th>Group</th><th>Value</th><th>95 % interval</th><th>n</th><th>Patients</th><th></th>"
        f"<th>Note</th></tr></thead><tbody>{rows}</tbody></table></div>{left}"
    )


def ranking(parts: Mapping[str, Ranks | None]) -> str:
    """Lay out mean ranks over all tasks, and over parts of them."""
    there = {name: ranks for name, ranks in parts.items() if ranks is not None}
    first, *_ = there.values()
    rows = []
    for one in first.encoders:
        cells = []
        for ranks in there.values():
            its = next(other for other in ranks.encoders if other.name == one.name)
            cells.append(
                f"<td class=n><b>{its.rank:.2f}</b> <small>{span(its.low, its.high)}</small></td>"
                f"<td class=n>{its.first_places} of {ranks.tasks}</td>"
            )
        rows.append(f'<tr><th scope="row">{escape(one.name)}</th>{"".join(cells)}</tr>')
    head = "".join(f"<th>{escape(name)}: mean rank</th><th>First places</th>" for name in there)
    return (
        f"<table><thead><tr><th>Encoder</th>{head}</tr></thead>"
        f"<tbody>{''.join(rows)}</tbody></table>"
    )


def pair(made: Comparison) -> str:
    """Lay out paired differences of two models."""
    words = {"first": made.first, "second": made.second, "neither": "not told apart"}
    rows = "".join(
        f'<tr><th scope="row">{escape(one.task)}</th><td>{escape(title(one.metric))}</td>'
        f"<td class=n>{number(one.first)}</td><td class=n>{number(one.second)}</td>"
        f"<td class=n><b>{one.value:+.3f}</b></td><td class=n>{span(one.low, one.high)}</td>"
        f"<td class=n>{one.p:.2g}</td><td class=n>{one.p_holm:.2g}</td>"
        f"<td>{escape(words[one.better])}</td></tr>"
        for one in made.rows
    )
    caption = f"{escape(made.first)} against {escape(made.second)}, paired by patient"
    return (
        f'<div class="wide"><table><caption>{caption}</caption><thead><tr><th>Task</th>'
        f"<th>Metric</th><th>{escape(made.first)}</th><th>{escape(made.second)}</th>"
        "<th>Difference</th><th>95 % interval</th><th>p</th><th>p, Holm</th><th>Better</th></tr>"
        f"</thead><tbody>{rows}</tbody></table></div>"
    )


def latex(view: ReportView) -> str:
    """Return all primary figures as one LaTeX table, for booktabs."""
    models = view.models
    out = [
        "; ".join(filter(None, ("% needs \\usepackage{booktabs}", view.run["notice"]))),
        f"\\begin{{tabular}}{{ll{'c' * len(models)}}}", "\\toprule",
        " & ".join(["Task", "Metric", *map(_tex, models)]) + " \\\\", "\\midrule",
    ]  # fmt: skip
    for place, tasks in enumerate(view.tasks.values()):
        if place:
            out.append("\\midrule")
        for task in tasks:
            cells = [view.cell(model, task) for model in models]
            best = best_of(task, cells)
            told = next((one for one in (primary(c.figures) for c in cells if c) if one), None)
            name = title(told.metric if told else task.metric)
            entries = [_tex_cell(one, one in best) for one in cells]
            out.append(" & ".join([_tex(task.id), _tex(name), *entries]) + " \\\\")
    return "\n".join([*out, "\\bottomrule", "\\end{tabular}", ""])


def _tex_cell(one: ScoredTask | None, best: bool) -> str:
    found = primary(one.figures) if one else None
    if one is None or found is None or not np.isfinite(found.value):
        return "--"
    value = f"\\textbf{{{number(found.value)}}}" if best else number(found.value)
    ends = span(found.low, found.high)
    return f"{value} {{\\small {ends}}}" + ("" if one.complete else "$^{*}$ (incomplete)")


def _tex(text: str) -> str:
    return "".join(f"\\{mark}" if mark in "&%$#_{}" else mark for mark in text)
