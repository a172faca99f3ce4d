"""Scores of runs and of anybody's predictions, as tables."""

import dataclasses
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
from ml_collections import FrozenConfigDict

from jaxdepth.data.images import read_depth, resize_prediction
from jaxdepth.data.mean import mean_depth
from jaxdepth.data.sources import Example
from jaxdepth.errors import WorkdirError
from jaxdepth.evaluation import Protocol, Rows, Scorer, footer_lines, format_table
from jaxdepth.experiment import Predictor, Workdir, build_source, load_predictor

MEAN_ROW = "mean training depth"


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


def score_model(
    predictor: Predictor,
    examples: Iterable[Example],
    protocol: Protocol,
    mean: np.ndarray,
    *,
    edges: bool = False,
) -> tuple[Rows, list[str]]:
    """The rows of a model on examples and their footer.

    The mean depth map, then each map of the model.
    """
    scorers = {name: Scorer(protocol, edges=edges) for name in (MEAN_ROW, *predictor.names)}
    for example, prediction in predictor.predict_examples(examples):
        rows = {MEAN_ROW: resize_prediction(mean, example.depth.shape), **prediction.maps}
        for name, scorer in scorers.items():
            scorer.add(example.name, rows[name], example.depth)
    scores = {name: scorer.scores() for name, scorer in scorers.items()}
    footer = [*footer_lines(next(reversed(scores.values()))), predictor.description]
    rows = [(predictor.labels.get(name, name), s.metrics) for name, s in scores.items()]
    return rows, footer


def score_run(
    run: Workdir,
    config: FrozenConfigDict,
    examples: Iterable[Example],
    changes: Mapping[str, Any],
    *,
    edges: bool = False,
) -> tuple[Rows, list[str]]:
    """The rows of a run on examples and their footer, for `jaxdepth.evaluation.format_table`.

    Args:
        run: with a checkpoint.
        config: the run's.
        examples: from its own dataset or any other.
        changes: attributes of `Protocol` that differ from the run's own.
        edges: whether to score near depth edges besides.
    """
    predictor = load_predictor(run, config)
    if run.mean_depth.exists():
        mean = read_depth(run.mean_depth, scale=1)
    else:
        source = build_source(config, "train")
        mean = mean_depth(source, predictor.frame_size, config.evaluation.mean_examples)
    protocol = dataclasses.replace(predictor.protocol, **changes)
    rows, footer = score_model(predictor, examples, protocol, mean, edges=edges)
    return rows, [*footer, *unfinished_lines(run, predictor.step)]


def unfinished_lines(run: Workdir, step: int) -> list[str]:
    """The line that says so where the weights of a step are not a run's last."""
    if run.is_finished:
        return []
    return [f"training is not finished: this is its checkpoint of step {step}"]


def score_predictions(
    pairs: Iterator[tuple[str, np.ndarray, np.ndarray]],
    protocol: Protocol,
    label: str,
    *,
    silog: bool = False,
    edges: bool = False,
) -> str:
    """The table of saved predictions, whoever made them."""
    scorer = Scorer(protocol, edges=edges)
    for pair in pairs:
        scorer.add(*pair)
    scores = scorer.scores()
    return format_table(
        [(label, scores.metrics)], silog=silog, edges=edges, footer=footer_lines(scores)
    )
