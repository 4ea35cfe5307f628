"""Writing a run's report beside its records."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from pathlib import Path

from benchmark.archives import Archives
from benchmark.metrics.pairing import RESAMPLES
from benchmark.report.report_page import page
from benchmark.report.report_tables import latex
from benchmark.report.view import ReportView
from benchmark.scores import write_scores
from benchmark.task_rows import select
from benchmark.tasks import Task
from versamammo.data.dataset import Picture
from versamammo.errors import InputError
from versamammo.files import write_atomically

HTML, LATEX = "report.html", "scores.tex"
PLACED = ("detection", "segmentation")  # tasks whose answers can be drawn


def write_report(out: Path, *, data: Path | None = None, pair_resamples: int = RESAMPLES) -> Path:
    """Write report.html, scores.csv, scores.parquet and scores.tex; returns the page's path.

    Args:
        out: folder of the run.
        data: prepared archives, if they are not where the run found them; pictures come from
            there, and the page goes without where they are gone.
        pair_resamples: of each paired test; 1,000 are too few for Holm's rule over 92 tasks.

    Raises:
        InputError: there is no run.
    """
    view = ReportView.of(out)
    folder = data or Path(view.run["settings"]["data"])
    archives = Archives(folder) if folder.is_dir() else None

    @cache
    def pictures(task: Task) -> Mapping[str, Picture]:
        if archives is None or task.kind not in PLACED or archives.missing(task.archives):
            return {}
        try:
            return {row.id: row.picture for row in select(task, archives).test}
        except InputError:
            return {}  # the records stand without their pictures

    html = page(view, pictures, pair_resamples)
    write_atomically(out / HTML, html.encode())
    write_atomically(out / LATEX, latex(view).encode())
    write_scores(out, view.found)
    return out / HTML
