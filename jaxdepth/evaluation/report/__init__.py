"""A report to look at: one HTML page of a model's or a folder's scores, that needs no network.

Arrays in, HTML out. `Collector` takes the images one at a time, keeps the best and the worst, and
sums up the rest; `render_report` makes the page.
"""

from jaxdepth.evaluation.report.charts import Series, line_chart
from jaxdepth.evaluation.report.collector import REPORT_IMAGES, Collector
from jaxdepth.evaluation.report.page import Figure, render_report

__all__ = ["REPORT_IMAGES", "Collector", "Figure", "Series", "line_chart", "render_report"]
