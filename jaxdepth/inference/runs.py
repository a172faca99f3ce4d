"""Runs that can be scored: which are finished, and what predicts by one."""

from pathlib import Path

import numpy as np
from ml_collections import ConfigDict, FrozenConfigDict

from jaxdepth.data.images import read_depth
from jaxdepth.data.mean import mean_depth
from jaxdepth.errors import WorkdirError
from jaxdepth.experiment import Predictor, Workdir, build_source, load_predictor


def finished_runs(root: Path) -> list[Workdir]:
    """The runs under a folder whose training is complete, by name.

    Raises:
        WorkdirError: there is none.
    """
    runs = [Workdir(p) for p in sorted(root.glob("*")) if Workdir(p).is_finished]
    if not runs:
        raise WorkdirError(
            f"no finished run under {root}/: train one by "
            "`python train.py --config=configs/rooms.py`, or name a run by --workdir=DIR."
        )
    return runs


def load_run(
    run: Workdir, config: FrozenConfigDict, *, mirrored: bool
) -> tuple[Predictor, np.ndarray]:
    """The predictor of a run, and the mean depth map of its training set (metres).

    Args:
        run: with a checkpoint.
        config: the run's.
        mirrored: whether predictions are averaged with those of the mirrored image, whatever the
            config says.
    """
    changed = ConfigDict(config)
    changed.evaluation.mirrored = mirrored
    predictor = load_predictor(run, FrozenConfigDict(changed))
    if run.mean_depth.exists():
        return predictor, read_depth(run.mean_depth, scale=1)
    source = build_source(config, "train", training=True)
    return predictor, mean_depth(source, predictor.frame_size, config.evaluation.mean_examples)


def unfinished_lines(run: Workdir, step: int) -> list[str]:
    """The line that says so where the weights of a step are not a run's last."""
    if run.is_finished:
        return []
    return [f"training is not finished: this is its checkpoint of step {step}"]
