"""A trained run applied to a split, to a folder of pairs, to photographs; curves and studies."""

from jaxdepth.inference.ablation import ablation_table
from jaxdepth.inference.camera import ASSUMED_FOV, parse_camera
from jaxdepth.inference.curves import plot_runs, read_curve
from jaxdepth.inference.evaluate import evaluate
from jaxdepth.inference.examples import (
    Examples,
    Predicted,
    of_photographs,
    of_predictions,
    of_split,
)
from jaxdepth.inference.iterations import Convergence, mean_convergence, score_iterations
from jaxdepth.inference.output import is_document, present
from jaxdepth.inference.photographs import predict_photographs
from jaxdepth.inference.protocols import protocol_of_run
from jaxdepth.inference.runs import finished_runs
from jaxdepth.inference.saved_results import SavedResults
from jaxdepth.inference.scoring import (
    RunScores,
    Saving,
    Whole,
    score_predictions_under,
    score_run,
    score_run_under,
)
from jaxdepth.inference.sensitivity import predictions_under, presets_of, run_under
from jaxdepth.inference.shard import Shard
from jaxdepth.inference.studies import (
    read_lam,
    study_convergence,
    study_iterations,
    study_lam,
)

__all__ = [
    "ASSUMED_FOV",
    "Convergence",
    "Examples",
    "Predicted",
    "RunScores",
    "SavedResults",
    "Saving",
    "Shard",
    "Whole",
    "ablation_table",
    "evaluate",
    "finished_runs",
    "is_document",
    "mean_convergence",
    "of_photographs",
    "of_predictions",
    "of_split",
    "parse_camera",
    "plot_runs",
    "predict_photographs",
    "predictions_under",
    "present",
    "presets_of",
    "protocol_of_run",
    "read_curve",
    "read_lam",
    "run_under",
    "score_iterations",
    "score_predictions_under",
    "score_run",
    "score_run_under",
    "study_convergence",
    "study_iterations",
    "study_lam",
]
