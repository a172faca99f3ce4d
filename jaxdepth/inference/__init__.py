"""A trained run applied to a split, to a folder of pairs, to photographs; and its curves."""

from jaxdepth.inference.curves import plot_runs, read_curve
from jaxdepth.inference.evaluate import evaluate
from jaxdepth.inference.photographs import predict_photographs
from jaxdepth.inference.scoring import (
    finished_runs,
    score_model,
    score_predictions,
    score_run,
)

__all__ = [
    "evaluate",
    "finished_runs",
    "plot_runs",
    "predict_photographs",
    "read_curve",
    "score_model",
    "score_predictions",
    "score_run",
]
