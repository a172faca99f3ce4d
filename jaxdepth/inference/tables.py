"""Scores of runs as the tables that `evaluate.py` prints.

`silog`, `edges` and `geometry` are the columns to add, see `jaxdepth.evaluation.format_table`.
"""

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from ml_collections import FrozenConfigDict

from jaxdepth.evaluation import (
    Protocol,
    Scores,
    Table,
    bootstrap_rows,
    compare,
    compare_paired,
    comparison_rows,
    footer_lines,
    mean_rows,
    runs_line,
    runs_row,
)
from jaxdepth.experiment import Workdir
from jaxdepth.inference.examples import Examples
from jaxdepth.inference.folders import file_labels, folder_labels
from jaxdepth.inference.scoring import RunScores, Saving, Whole, score_run_under

Runs = Sequence[tuple[Workdir, FrozenConfigDict]]


def savings(runs: Runs, out: Path | None, **how: Any) -> list[Saving]:
    """Where each run's results are kept: in its own folder, or all in `out`, told by their labels.

    Args:
        runs: with their configs.
        out: one folder for all; None for their own.
        how: further attributes of each `Saving`.
    """
    labels = file_labels([run.path for run, _ in runs])
    return [Saving(out, prefix=f"{label}-" if out else "", **how) for label in labels]


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
    scored: Sequence[RunScores],
    of: str,
    *,
    bootstrap: bool,
    silog: bool,
    edges: bool,
    geometry: bool,
) -> Table:
    """Means and standard deviations of several runs, which may be under several protocols.

    With `bootstrap`, means and intervals over runs and images, which must be under one.

    Raises:
        ConfigError: their rows are not the same, or intervals are asked for under several
            protocols.
    """
    protocols = [_last(one)[1].protocol for one in scored]
    rows, footer = mean_rows([compare(one.scores) for one in scored]), _footer(scored)
    if bootstrap:
        rows = [(label, runs_row([one.scores[label] for one in scored])) for label, _ in rows]
        footer.append(runs_line(len(scored)))
    return Table(
        rows,
        f"mean{'' if bootstrap else ' ± standard deviation'} of {of}",
        footer,
        protocols=list({protocol.fingerprint: protocol for protocol in protocols}.values()),
        images=len(_last(scored[0])[1].per_image),
        silog=silog,
        edges=edges,
        geometry=geometry,
    )


def runs_comparison(
    runs: Runs, scored: Sequence[RunScores], title: str, *, silog: bool, edges: bool
) -> Table:
    """Two runs, image by image, in the map that counts; see `comparison_table`."""
    labels = folder_labels([run.path for run, _ in runs])
    maps, scores = zip(*map(_last, scored), strict=True)
    names = [f"{label}, {name}" for label, name in zip(labels, maps, strict=True)]
    both = dict(zip(names, scores, strict=True))
    return comparison_table(both, title, _footer(scored), silog=silog, edges=edges)


def comparison_table(
    scores: Mapping[str, Scores], title: str, footer: Sequence[str], *, silog: bool, edges: bool
) -> Table:
    """Two scores, image by image.

    Raises:
        ConfigError: they are not of the same images under one protocol.
    """
    both = tuple(scores.values())
    rows, lines = comparison_rows(tuple(scores), both, compare_paired(*both))
    return Table(
        rows,
        title,
        [*footer, *lines],
        protocols=[both[0].protocol],
        images=len(both[0].per_image),
        competing=2,
        silog=silog,
        edges=edges,
    )


def folders_footer(scores: Mapping[str, Scores]) -> list[str]:
    """The lines below a table of folders; what is not said of all, with the folder's label."""
    lines = {label: footer_lines(of) for label, of in scores.items()}
    first = next(iter(lines.values()))
    common = [line for line in first if all(line in of for of in lines.values())]
    own = [f"{label}: {line}" for label, of in lines.items() for line in of if line not in common]
    return common + own


def _last(scored: RunScores) -> tuple[str, Scores]:
    """Name and scores of the map that counts."""
    return next(reversed(scored.scores.items()))


def _footer(scored: Sequence[RunScores]) -> list[str]:
    """Every line that one of them has."""
    return list(dict.fromkeys(line for one in scored for line in one.footer))
