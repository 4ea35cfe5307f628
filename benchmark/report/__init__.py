"""`versamammo bench report OUT`: one HTML page, scores.csv and a LaTeX table."""

from benchmark.report.report_writing import write_report

__all__ = ["write_report"]
