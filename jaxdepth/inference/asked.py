"""The runs and the study that `evaluate.py` was asked for."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from ml_collections import FrozenConfigDict

from jaxdepth.errors import ConfigError
from jaxdepth.experiment import Workdir, default_workdir, load_config
from jaxdepth.inference.runs import finished_runs
from jaxdepth.inference.studies import (
    CONVERGENCE_NUM_ITERS,
    PAPER_NUM_ITERS,
    parse_num_iters,
    study_convergence,
    study_iterations,
    study_lam,
)
from jaxdepth.inference.tables import Runs

STUDIES = ("iterations", "convergence", "lam")


def asked_runs(
    root: Path, workdirs: Sequence[Path], config: str | None, overrides: Sequence[str]
) -> list[tuple[Workdir, FrozenConfigDict]]:
    """The runs asked for with their configs.

    Args:
        root: folder whose finished runs are meant where none is named.
        workdirs: their folders.
        config: the config whose run is meant, in its default folder or the one named.
        overrides: of the config.

    Raises:
        ConfigError, WorkdirError: there is no such config or run, or they are not each other's.
    """
    if config is not None:
        if len(workdirs) > 1:
            raise ConfigError(
                "--config goes with at most one --workdir, got "
                f"{len(workdirs)}; leave it out to score runs by their own configs."
            )
        resolved = load_config(config, overrides)
        run = Workdir(workdirs[0] if workdirs else default_workdir(resolved))
        run.check(resolved)
        return [(run, resolved)]
    runs = [Workdir(path) for path in workdirs] or finished_runs(root)
    return [(run, run.config()) for run in runs]


def asked_study(
    study: str,
    runs: Runs,
    out: Path | None,
    *,
    split: str | None,
    num_iters: str | None,
    changes: Mapping[str, Any],
) -> str:
    """Makes a study of runs; returns what it says, and where its files are.

    Args:
        study: one of `STUDIES`.
        runs: with their configs.
        out: folder for its files; None for `studies/` in the first run's.
        split: of each run's dataset; None for "test".
        num_iters: numbers joined by commas; None for the study's own.
        changes: of the protocol, for a study that scores.

    Raises:
        ConfigError: something does not go with this study.
        As `study_iterations`.
    """
    if study not in STUDIES:
        raise ConfigError(f"--study must be one of {', '.join(STUDIES)}, got {study}")
    if changes and study != "iterations":
        raise ConfigError(
            f"--study={study} scores nothing: --{next(iter(changes))} and the rest of the protocol "
            "go with --study=iterations alone."
        )
    out = out or runs[0][0].studies
    if study == "lam":
        if split or num_iters:
            raise ConfigError(
                "--study=lam plots what training recorded: leave out --split and --num_iters."
            )
        return study_lam(runs, out)
    split = split or "test"
    counts = None if num_iters is None else parse_num_iters(num_iters)
    if study == "iterations":
        counts = counts or PAPER_NUM_ITERS
        return study_iterations(runs, out, split=split, num_iters=counts, changes=changes)
    count, *more = counts or (CONVERGENCE_NUM_ITERS,)
    if more:
        raise ConfigError(
            f"--study=convergence makes one number of iterations, got --num_iters={num_iters}: "
            "name the largest."
        )
    return study_convergence(runs, out, split=split, num_iters=count)
