"""A trained run applied to a split, to a folder of pairs, to photographs; curves and studies."""

from jaxdepth.inference.camera import ASSUMED_FOV, parse_camera
from jaxdepth.inference.curves import plot_runs, read_curve
from jaxdepth.inference.evaluate import evaluate
from jaxdepth.inference.iterations import Convergence, mean_convergence, score_iterations
from jaxdepth.inference.photographs import predict_photographs
from jaxdepth.inference.protocols import protocol_of_run
from jaxdepth.inference.scoring import (
    finished_runs,
    score_model,
    score_predictions,
    score_run,
)
from jaxdepth.inference.sensitivity import predictions_under, run_under
from jaxdepth.inference.studies import (
    read_lam,
    study_convergence,
    study_iterations,
    study_lam,
)

__all__ = [
    "ASSUMED_FOV",
    "Convergence",
    "evaluate",
    "finished_runs",
    "mean_convergence",
    "parse_camera",
    "plot_runs",
    "predict_photographs",
    "predictions_under",
    "protocol_of_run",
    "read_curve",
    "read_lam",
    "run_under",
    "score_iterations",
    "score_model",
    "score_predictions",
    "score_run",
    "study_convergence",
    "study_iterations",
    "study_lam",
]
