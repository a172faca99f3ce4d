"""Scores of runs and of anybody's predictions, as tables."""

import dataclasses
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from ml_collections import ConfigDict, FrozenConfigDict

from jaxdepth.data.images import read_depth, resize_prediction
from jaxdepth.data.mean import mean_depth
from jaxdepth.data.sources import Example
from jaxdepth.errors import WorkdirError
from jaxdepth.evaluation import (
    Camera,
    Protocol,
    Rows,
    Scorer,
    Scores,
    compare,
    footer_lines,
    format_table,
    identity_lines,
)
from jaxdepth.experiment import Predictor, Workdir, build_protocol, build_source, load_predictor
from jaxdepth.inference.camera import CameraOfSize, camera_of
from jaxdepth.inference.report import Report

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
    geometry: bool = False,
    report: Report | None = None,
) -> tuple[Rows, list[str]]:
    """The rows of a model on examples and their footer.

    The mean depth map, then each map of the model.
    """
    (scores,) = score_model_under(
        predictor, examples, [protocol], mean, edges=edges, geometry=geometry, report=report
    )
    last = next(reversed(scores.values()))
    footer = [*footer_lines(last), *identity_lines(last), predictor.description]
    return compare(scores), footer


def score_model_under(
    predictor: Predictor,
    examples: Iterable[Example],
    protocols: Sequence[Protocol],
    mean: np.ndarray,
    *,
    edges: bool = False,
    geometry: bool = False,
    report: Report | None = None,
) -> list[dict[str, Scores]]:
    """The scores of each row of a model's table, by label, under each protocol in one pass.

    A report is given the last row, under the last protocol.
    """
    names = (MEAN_ROW, *predictor.names)
    columns = {"edges": edges, "geometry": geometry}
    scorers = [{name: Scorer(p, **columns) for name in names} for p in protocols]
    for example, prediction in predictor.predict_examples(examples):
        rows = {MEAN_ROW: resize_prediction(mean, example.depth.shape), **prediction.maps}
        camera = camera_of(example) if geometry else None
        for of_protocol in scorers:
            for name, scorer in of_protocol.items():
                compared = scorer.add(example.name, rows[name], example.depth, camera=camera)
        if report is not None:
            report.add(example, compared, protocols[-1])
    labels = predictor.labels
    return [{labels.get(name, name): s.scores() for name, s in one.items()} for one in scorers]


def score_run(
    run: Workdir,
    config: FrozenConfigDict,
    examples: Iterable[Example],
    changes: Mapping[str, Any],
    *,
    edges: bool = False,
    geometry: bool = False,
    protocol: Protocol | None = None,
    report: Report | None = None,
) -> tuple[Rows, list[str]]:
    """The rows of a run on examples and their footer, for `jaxdepth.evaluation.format_table`.

    Args:
        run: with a checkpoint.
        config: the run's.
        examples: from its own dataset or any other.
        changes: attributes of `Protocol` that differ from the run's own.
        edges: whether to score near depth edges besides.
        geometry: whether to score edges, planes and points besides.
        protocol: instead of the run's own, which `changes` are then of.
        report: to add the images to.
    """
    protocol = dataclasses.replace(protocol or build_protocol(config), **changes)
    predictor, mean = load_run(run, config, mirrored=protocol.mirrored)
    rows, footer = score_model(
        predictor, examples, protocol, mean, edges=edges, geometry=geometry, report=report
    )
    return rows, [*footer, *unfinished_lines(run, predictor.step)]


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
    source = build_source(config, "train")
    return predictor, mean_depth(source, predictor.frame_size, config.evaluation.mean_examples)


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
    geometry: bool = False,
    camera: CameraOfSize | None = None,
    report: Report | None = None,
) -> str:
    """The table of saved predictions, whoever made them; `camera` is that of the ground truth."""
    scorer = Scorer(protocol, edges=edges, geometry=geometry)
    for name, prediction, target in pairs:
        known = None if camera is None else Camera(camera(target.shape))
        compared = scorer.add(name, prediction, target, camera=known)
        if report is not None:
            report.add(Example(name, None, target), compared, protocol)
    scores = scorer.scores()
    footer = [*footer_lines(scores), *identity_lines(scores)]
    columns = {"silog": silog, "edges": edges, "geometry": geometry}
    rows = [(label, scores.metrics)]
    if report is not None:
        footer.append(report.write(label, rows, footer))
    return format_table(rows, **columns, footer=footer)
