"""Scoring of predicted depth: the protocol, the scores of many images, their table; and curves.

Arrays in, tables out. A `Protocol` says everything that a published number depends on beside the
prediction: which region and range of the ground truth count, where a prediction lies in it, what is
done to its values, and over what the metrics are averaged.
"""

from jaxdepth.evaluation.crop import NYU_VALID_AREA, Crop, parse_crop
from jaxdepth.evaluation.curves import (
    LearningCurve,
    average_bins,
    format_curves,
    plot_curves,
)
from jaxdepth.evaluation.plots import line_colors, new_figure
from jaxdepth.evaluation.protocol import Placement, Protocol
from jaxdepth.evaluation.scoring import EDGE_METRICS, ImageScore, Scorer, Scores, score
from jaxdepth.evaluation.table import (
    EDGE_COLUMNS,
    TABLE_COLUMNS,
    Rows,
    Spread,
    footer_lines,
    format_table,
    mean_rows,
)

__all__ = [
    "EDGE_COLUMNS",
    "EDGE_METRICS",
    "NYU_VALID_AREA",
    "TABLE_COLUMNS",
    "Crop",
    "ImageScore",
    "LearningCurve",
    "Placement",
    "Protocol",
    "Rows",
    "Scorer",
    "Scores",
    "Spread",
    "average_bins",
    "footer_lines",
    "format_curves",
    "format_table",
    "line_colors",
    "mean_rows",
    "new_figure",
    "parse_crop",
    "plot_curves",
    "score",
]
