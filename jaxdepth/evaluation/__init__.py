"""Scoring of predicted depth: the protocol, the scores of many images, their table; and curves.

Arrays in, tables out. A `Protocol` says everything that a published number depends on beside the
prediction: which region and range of the ground truth count, where a prediction lies in it, what is
done to its values, and over what the metrics are averaged. `PRESETS` has those of published codes.
"""

from jaxdepth.evaluation.alignment import align
from jaxdepth.evaluation.compared import Compared, compare_image
from jaxdepth.evaluation.crop import CROP_RULES, NYU_VALID_AREA, Crop, parse_crop
from jaxdepth.evaluation.curves import (
    LearningCurve,
    average_bins,
    format_curves,
    plot_curves,
)
from jaxdepth.evaluation.footer import footer_lines, identity_lines
from jaxdepth.evaluation.formats import FORMATS, SUFFIXES
from jaxdepth.evaluation.geometry import GEOMETRY_COLUMNS, Camera, GeometryScores
from jaxdepth.evaluation.identity import differences, require_same_protocol
from jaxdepth.evaluation.image_rows import Header, format_lines, parse_results, read_results
from jaxdepth.evaluation.over_runs import difference_over_runs, interval_over_runs
from jaxdepth.evaluation.placement import Placement
from jaxdepth.evaluation.plots import line_colors, new_figure
from jaxdepth.evaluation.presets import PRESETS, fitting_presets, parse_protocols
from jaxdepth.evaluation.protocol import Protocol
from jaxdepth.evaluation.published import PublishedRow, add_published, published_rows
from jaxdepth.evaluation.scores import EDGE_METRICS, ImageScore, Scores, image_score, total
from jaxdepth.evaluation.scoring import Scorer, score
from jaxdepth.evaluation.statistics import Comparison, Interval, bootstrap, compare_paired
from jaxdepth.evaluation.table import (
    EDGE_COLUMNS,
    TABLE_COLUMNS,
    Cell,
    Rows,
    Spread,
    Table,
    bootstrap_rows,
    compare,
    comparison_rows,
    format_table,
    mean_rows,
    runs_line,
    runs_row,
)
from jaxdepth.evaluation.terminal import to_rich

__all__ = [
    "CROP_RULES",
    "EDGE_COLUMNS",
    "EDGE_METRICS",
    "FORMATS",
    "GEOMETRY_COLUMNS",
    "NYU_VALID_AREA",
    "PRESETS",
    "SUFFIXES",
    "TABLE_COLUMNS",
    "Camera",
    "Cell",
    "Compared",
    "Comparison",
    "Crop",
    "GeometryScores",
    "Header",
    "ImageScore",
    "Interval",
    "LearningCurve",
    "Placement",
    "Protocol",
    "PublishedRow",
    "Rows",
    "Scorer",
    "Scores",
    "Spread",
    "Table",
    "add_published",
    "align",
    "average_bins",
    "bootstrap",
    "bootstrap_rows",
    "compare",
    "compare_image",
    "compare_paired",
    "comparison_rows",
    "difference_over_runs",
    "differences",
    "fitting_presets",
    "footer_lines",
    "format_curves",
    "format_lines",
    "format_table",
    "identity_lines",
    "image_score",
    "interval_over_runs",
    "line_colors",
    "mean_rows",
    "new_figure",
    "parse_crop",
    "parse_protocols",
    "parse_results",
    "plot_curves",
    "published_rows",
    "read_results",
    "require_same_protocol",
    "runs_line",
    "runs_row",
    "score",
    "to_rich",
    "total",
]
