"""How good a task's answers are: every figure with n and the interval of that same figure."""

from benchmark.metrics.metric_results import LOWER_IS_BETTER, PRIMARY, TITLES, MetricResult, title
from benchmark.metrics.task_figures import score

__all__ = ["LOWER_IS_BETTER", "PRIMARY", "TITLES", "MetricResult", "score", "title"]
