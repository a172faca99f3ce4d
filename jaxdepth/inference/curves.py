"""The learning curves of runs, from what training recorded in their `metrics.jsonl`."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from jaxdepth.errors import ConfigError, DataError
from jaxdepth.evaluation import LearningCurve, average_bins, format_curves, plot_curves
from jaxdepth.experiment import Workdir
from jaxdepth.inference.folders import folder_labels

FILE_SUFFIXES = (".png", ".pdf", ".svg")
_VALIDATION = "validation "

Record = dict[str, Any]


def plot_runs(
    runs: Sequence[Workdir],
    file: Path,
    *,
    stage: str | None = None,
    depth_map: str | None = None,
) -> str:
    """Writes the learning curves of runs as one plot.

    Args:
        runs: one or more, in the plot's order; they need not be finished.
        file: to write, a PNG, PDF or SVG by its suffix.
        stage: of training; by default, each run's first one that recorded a depth error.
        depth_map: whose validation errors to plot; by default the one that each stage trains.

    Returns:
        The table of the curves' last values.

    Raises:
        ConfigError: the file's suffix, the stage or the map is unknown, or matplotlib is not
            installed.
        DataError: a run did not record what is to be plotted; the message names its file.
    """
    if file.suffix.lower() not in FILE_SUFFIXES:
        raise ConfigError(f"--curves must name a {', '.join(FILE_SUFFIXES)} file, got {file}")
    curves = [
        read_curve(run.metrics, stage=stage, depth_map=depth_map, label=label)
        for run, label in zip(runs, folder_labels([run.path for run in runs]), strict=True)
    ]
    plot_curves(curves).savefig(file)
    once = [
        f"{curve.label} was validated once: --config.evaluation.every=STEPS makes a curve of it"
        for curve in curves
        if len(curve.validation_epochs) == 1
    ]
    return "\n".join([f"log10 error, plotted in {file}", format_curves(curves), *once])


def read_curve(
    file: Path, *, label: str, stage: str | None = None, depth_map: str | None = None
) -> LearningCurve:
    """Reads the learning curve of one stage of training.

    Args:
        file: a run's `metrics.jsonl`.
        label: what to call the run.
        stage: of training; by default the first one that recorded `epoch` and `log10`.
        depth_map: whose validation errors to read, by the name that they were recorded under; by
            default the last one, which is what the stage trains.

    Returns:
        The curve, with training errors averaged over 0.1 epochs.

    Raises:
        ConfigError: the run has no such stage or map.
        DataError: the file is missing or damaged, or has no such errors.
    """
    records = read_records(file)
    training = [r for r in records if not r["stage"].startswith(_VALIDATION)]
    stages = list(dict.fromkeys(r["stage"] for r in training))
    plottable = list(dict.fromkeys(r["stage"] for r in training if _has_error(r)))
    if not plottable:
        raise DataError(
            f"{file} has no training step with `epoch` and `log10`: its run ended before the first "
            "was logged, or was trained by a version that logged none; train it anew."
        )
    if stage is not None and stage not in stages:
        raise ConfigError(
            f"--stage must be one that {file} has, {', '.join(plottable)}, got {stage}"
        )
    stage = stage or plottable[0]
    if stage not in plottable:
        raise DataError(
            f"{file} has no training error `log10` in stage {stage}: choose one that has by "
            f"--stage, {', '.join(plottable)}."
        )
    steps = [r for r in training if r["stage"] == stage and _has_error(r)]
    validations = [
        r for r in records if r.get("during") == stage and r["stage"] != stage and _has_error(r)
    ]
    if not validations:
        raise DataError(
            f"{file} has no validation with `epoch` and `log10` in stage {stage}: finish the "
            "stage, or train with --config.evaluation.every=STEPS."
        )
    validated = list(dict.fromkeys(r["stage"].removeprefix(_VALIDATION) for r in validations))
    if depth_map is not None and depth_map not in validated:
        raise ConfigError(
            f"--map must be one that {file} has in stage {stage}, {', '.join(validated)}, "
            f"got {depth_map}"
        )
    depth_map = depth_map or validated[-1]
    return LearningCurve(
        label,
        stage,
        depth_map,
        *average_bins(*_columns(steps)),
        *_columns([r for r in validations if r["stage"] == _VALIDATION + depth_map]),
    )


def _has_error(record: Record) -> bool:
    return "epoch" in record and "log10" in record


def _columns(records: Sequence[Record]) -> tuple[np.ndarray, np.ndarray]:
    return tuple(np.array([r[key] for r in records], np.float64) for key in ("epoch", "log10"))


def read_records(file: Path) -> list[Record]:
    """The lines of `metrics.jsonl`; a half-written last one, of a killed process, is none.

    Raises:
        DataError: the file is missing, or a line is damaged.
    """
    if not file.is_file():
        raise DataError(f"{file} is missing: only a run that was trained has records to plot.")
    records = []
    lines = file.read_text().split("\n")
    for number, line in enumerate(lines[:-1], 1):
        try:
            record = json.loads(line)
            records.append(record | {"step": int(record["step"]), "stage": str(record["stage"])})
        except (ValueError, KeyError, TypeError) as error:
            raise DataError(
                f"{file}: line {number} is damaged: remove it, or train the run anew."
            ) from error
    return records
