"""Scoring of predicted depth: the protocol, the scores of many images, and their table.

Arrays in, tables out. A `Protocol` says everything that a published number depends on beside the
prediction: which region and range of the ground truth count, where a prediction lies in it, what is
done to its values, and over what the metrics are averaged.
"""

from jaxdepth.evaluation.crop import NYU_VALID_AREA, Crop, parse_crop
from jaxdepth.evaluation.protocol import Placement, Protocol
from jaxdepth.evaluation.scoring import ImageScore, Scorer, Scores, score
from jaxdepth.evaluation.table import TABLE_COLUMNS, footer_lines, format_table

__all__ = [
    "NYU_VALID_AREA",
    "TABLE_COLUMNS",
    "Crop",
    "ImageScore",
    "Placement",
    "Protocol",
    "Scorer",
    "Scores",
    "footer_lines",
    "format_table",
    "parse_crop",
    "score",
]
