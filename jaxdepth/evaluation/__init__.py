"""Scoring of predicted depth: the protocol, the scores of many images, their table; and curves.

Arrays in, tables out. A `Protocol` says everything that a published number depends on beside the
prediction: which region and range of the ground truth count, where a prediction lies in it, what is
done to its values, and over what the metrics are averaged. `PRESETS` has those of published codes.
"""

from jaxdepth.evaluation.alignment import align
from jaxdepth.evaluation.crop import CROP_RULES, NYU_VALID_AREA, Crop, parse_crop
from jaxdepth.evaluation.curves import (
    LearningCurve,
    average_bins,
    format_curves,
    plot_curves,
)
from jaxdepth.evaluation.geometry import GEOMETRY_COLUMNS, Camera, GeometryScores
from jaxdepth.evaluation.identity import differences, require_same_protocol
from jaxdepth.evaluation.placement import Placement
from jaxdepth.evaluation.plots import line_colors, new_figure
from jaxdepth.evaluation.presets import PRESETS, fitting_presets, parse_protocols
from jaxdepth.evaluation.protocol import Protocol
from jaxdepth.evaluation.scoring import EDGE_METRICS, Compared, ImageScore, Scorer, Scores, score
from jaxdepth.evaluation.table import (
    EDGE_COLUMNS,
    TABLE_COLUMNS,
    Rows,
    Spread,
    compare,
    footer_lines,
    format_table,
    identity_lines,
    mean_rows,
)

__all__ = [
    "CROP_RULES",
    "EDGE_COLUMNS",
    "EDGE_METRICS",
    "GEOMETRY_COLUMNS",
    "NYU_VALID_AREA",
    "PRESETS",
    "TABLE_COLUMNS",
    "Camera",
    "Compared",
    "Crop",
    "GeometryScores",
    "ImageScore",
    "LearningCurve",
    "Placement",
    "Protocol",
    "Rows",
    "Scorer",
    "Scores",
    "Spread",
    "align",
    "average_bins",
    "compare",
    "differences",
    "fitting_presets",
    "footer_lines",
    "format_curves",
    "format_table",
    "identity_lines",
    "line_colors",
    "mean_rows",
    "new_figure",
    "parse_crop",
    "parse_protocols",
    "plot_curves",
    "require_same_protocol",
    "score",
]
