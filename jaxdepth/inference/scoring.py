"""Scores of runs and of anybody's predictions, as tables."""

import dataclasses
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from jaxdepth.data.images import resize_depth, resize_prediction
from jaxdepth.data.sources import Example, Source
from jaxdepth.errors import WorkdirError
from jaxdepth.evaluation import Protocol, Scorer, footer_lines, format_table
from jaxdepth.experiment import Predictor, Workdir, build_source, load_predictor

MEAN_ROW, GLOBAL_ROW, INTEGRATED_ROW = "mean training depth", "global f", "integrated u"


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


def mean_depth(source: Source, image_size: tuple[int, int], num_examples: int) -> np.ndarray:
    """The per-pixel mean depth of a data source, the baseline that sees no image.

    Args:
        source: with depth in metres.
        image_size: (height, width) of the result.
        num_examples: how many are taken, evenly spread over the source.

    Returns:
        `[height, width]` float32 metres; where nothing was ever measured, the mean over all pixels.
    """
    total = np.zeros(image_size, np.float64)
    count = np.zeros(image_size, np.int64)
    step = max(1, len(source) // num_examples)
    for index in range(0, len(source), step):
        depth = resize_depth(source[index].depth, image_size)
        total += depth
        count += depth > 0
    overall = total.sum() / max(count.sum(), 1)
    return np.where(count > 0, total / np.maximum(count, 1), overall).astype(np.float32)


def score_model(
    predictor: Predictor, examples: Iterable[Example], protocol: Protocol, mean: np.ndarray
) -> str:
    """The table of a model on examples: the mean depth map, f, and u where there is integration."""
    scorers = {name: Scorer(protocol) for name in (MEAN_ROW, GLOBAL_ROW)}
    if predictor.integrates:
        scorers[INTEGRATED_ROW] = Scorer(protocol)
    for example, prediction in predictor.predict_examples(examples):
        rows = {
            MEAN_ROW: resize_prediction(mean, example.depth.shape),
            GLOBAL_ROW: prediction.global_depth,
            INTEGRATED_ROW: prediction.depth,
        }
        for name, scorer in scorers.items():
            scorer.add(example.name, rows[name], example.depth)
    scores = {name: scorer.scores() for name, scorer in scorers.items()}
    height, width = predictor.image_size
    footer = [
        *footer_lines(next(reversed(scores.values()))),
        f"model input: {height}x{width}, predictions brought to the image's size bilinearly",
    ]
    return format_table([(name, s.metrics) for name, s in scores.items()], footer=footer)


def score_run(run: Workdir, examples: Iterable[Example], changes: Mapping[str, Any]) -> str:
    """The table of a run on examples.

    Args:
        run: with a checkpoint.
        examples: from its own dataset or any other.
        changes: attributes of `Protocol` that differ from the run's own.
    """
    config = run.config()
    predictor = load_predictor(run)
    mean = mean_depth(
        build_source(config, "train"), predictor.image_size, config.evaluation.mean_examples
    )
    protocol = dataclasses.replace(predictor.protocol, **changes)
    return score_model(predictor, examples, protocol, mean)


def score_predictions(
    pairs: Iterator[tuple[str, np.ndarray, np.ndarray]], protocol: Protocol, label: str
) -> str:
    """The table of saved predictions, whoever made them."""
    scorer = Scorer(protocol)
    for pair in pairs:
        scorer.add(*pair)
    scores = scorer.scores()
    return format_table([(label, scores.metrics)], footer=footer_lines(scores))
