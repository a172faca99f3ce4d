"""Scores of runs as the tables that `evaluate.py` prints.

`silog`, `edges` and `geometry` are the columns to add, see `jaxdepth.evaluation.format_table`.
"""

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from ml_collections import FrozenConfigDict

from jaxdepth.evaluation import (
    Protocol,
    Scores,
    Table,
    bootstrap_rows,
    compare,
    compare_paired,
    comparison_rows,
    mean_rows,
)
from jaxdepth.experiment import Workdir
from jaxdepth.inference.curves import run_labels
from jaxdepth.inference.examples import Examples
from jaxdepth.inference.scoring import RunScores, Saving, Whole, score_run_under

Runs = Sequence[tuple[Workdir, FrozenConfigDict]]


def savings(runs: Runs, out: Path | None, *, fresh: bool) -> list[Saving]:
    """Where each run's results are kept: in its own folder, or all in `out`, told by their names.

    Args:
        runs: with their configs.
        out: one folder for all; None for their own.
        fresh: whether to score again what has been scored.
    """
    labels = run_labels([run for run, _ in runs])
    return [Saving(out, prefix=f"{label}-" if out else "", fresh=fresh) for label in labels]


def score_runs(
    runs: Runs,
    examples: Sequence[Examples],
    protocols: Sequence[Protocol],
    *,
    edges: bool,
    saving: Sequence[Saving],
    whole: Whole,
) -> Iterator[RunScores]:
    """The scores of each run on its examples under its protocol, one after the other."""
    for (run, config), of, own, where in zip(runs, examples, protocols, saving, strict=True):
        (scored,) = score_run_under(run, config, of, [own], edges=edges, saving=where, whole=whole)
        yield scored


def score_table(
    scores: Mapping[str, Scores],
    title: str,
    footer: Sequence[str],
    *,
    bootstrap: bool,
    silog: bool,
    edges: bool,
    geometry: bool,
) -> Table:
    """The table of scores under one protocol, by label; with intervals if asked for."""
    rows, line = compare(scores), None
    if bootstrap:
        rows, line = bootstrap_rows(scores)
    first = next(iter(scores.values()))
    return Table(
        rows,
        title,
        [*footer, line] if line else footer,
        protocols=[first.protocol],
        images=len(first.per_image),
        silog=silog,
        edges=edges,
        geometry=geometry,
    )


def mean_table(
    scored: Sequence[RunScores], title: str, *, silog: bool, edges: bool, geometry: bool
) -> Table:
    """Means and standard deviations of several runs, which may be under several protocols.

    Raises:
        ConfigError: their rows are not the same.
    """
    protocols = [_last(one)[1].protocol for one in scored]
    return Table(
        mean_rows([compare(one.scores) for one in scored]),
        title,
        _footer(scored),
        protocols=list({protocol.fingerprint: protocol for protocol in protocols}.values()),
        images=len(_last(scored[0])[1].per_image),
        silog=silog,
        edges=edges,
        geometry=geometry,
    )


def comparison_table(
    runs: Runs, scored: Sequence[RunScores], title: str, *, silog: bool, edges: bool
) -> Table:
    """Two runs, image by image, in the map that counts.

    Raises:
        ConfigError: they were not scored on the same images under one protocol.
    """
    labels = run_labels([run for run, _ in runs])
    maps, scores = zip(*map(_last, scored), strict=True)
    names = tuple(f"{label}, {name}" for label, name in zip(labels, maps, strict=True))
    rows, lines = comparison_rows(names, scores, compare_paired(*scores))
    return Table(
        rows,
        title,
        [*_footer(scored), *lines],
        protocols=[scores[0].protocol],
        images=len(scores[0].per_image),
        competing=2,
        silog=silog,
        edges=edges,
    )


def _last(scored: RunScores) -> tuple[str, Scores]:
    """Name and scores of the map that counts."""
    return next(reversed(scored.scores.items()))


def _footer(scored: Sequence[RunScores]) -> list[str]:
    """Every line that one of them has."""
    return list(dict.fromkeys(line for one in scored for line in one.footer))
