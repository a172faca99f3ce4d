"""A paper's ablation: which of its runs there are, what they score, and how to train the others."""

import shlex
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

from ml_collections import FrozenConfigDict

from jaxdepth.errors import ConfigError
from jaxdepth.evaluation import (
    Cell,
    Protocol,
    Rows,
    Scores,
    Table,
    mean_rows,
    runs_line,
    runs_row,
)
from jaxdepth.experiment import (
    ABLATION_TABLES,
    AblationRow,
    Workdir,
    default_workdir,
    fingerprint_config,
    load_config,
)
from jaxdepth.inference.examples import of_split
from jaxdepth.inference.protocols import protocol_of_run
from jaxdepth.inference.scoring import RunScores, Saving, score_run_under
from jaxdepth.inference.tables import Runs

BySeed = Mapping[int, Scores]
"""Seed → scores of a row's map."""


class Asked(NamedTuple):
    """A row of the table with the config that it asks for.

    Attributes:
        row: of the paper.
        config: None where the config file cannot express it.
        command: that trains it, or why the config cannot express it.
    """

    row: AblationRow
    config: FrozenConfigDict | None
    command: str


def ablation_table(
    name: str,
    *,
    root: Path,
    config: str,
    overrides: Sequence[str] = (),
    split: str = "test",
    preset: Protocol | None = None,
    silog: bool = False,
    edges: bool = False,
    fresh: bool = False,
    intervals: bool = False,
    differences: bool = False,
) -> Table:
    """A paper's table of the runs under a folder; what is missing has "-" and its command.

    A run is of a row if its config is the row's but for the seed; runs of several seeds make a mean
    and a standard deviation, or an interval.

    Args:
        name: of `jaxdepth.experiment.ABLATION_TABLES`.
        root: folder of the runs.
        config: `FILE` or `FILE:VARIANT` that the rows are variants of.
        overrides: of the config, in every row.
        split: of the dataset.
        preset: to score under, instead of the config's own rules.
        silog, edges: columns to add.
        fresh: whether to score again what has been scored.
        intervals: whether to print intervals over seeds and images, see `runs_row`.
        differences: whether to compare each row with the reference of the table, which comes
            first: the differences of runs of the same seed, with intervals.

    Raises:
        ConfigError: no such table or config.
        WorkdirError, CheckpointError, DataError: a run that cannot be used.
    """
    if name not in ABLATION_TABLES:
        raise ConfigError(f"--ablation must be one of {', '.join(ABLATION_TABLES)}, got {name!r}.")
    source, paper_rows, reference = ABLATION_TABLES[name]
    base = load_config(config, overrides)
    protocol = protocol_of_run(base, {}, preset, split=split)
    runs = [Workdir(path.parent) for path in sorted(root.glob("*/config.json"))]
    there: Runs = [(run, run.config()) for run in runs]
    status, footer, scored = [], {}, {}
    by_row: dict[str, BySeed] = {}
    for asked in [_ask(row, config, overrides, root) for row in paper_rows]:
        label = asked.row.label
        finished, others = _of_row(asked, there)
        kind = "mean" if intervals or differences else "mean ± standard deviation"
        status += [f"{label}: {line}" for line in _status(asked, finished, others, kind)]
        for run, resolved in finished:
            if run.path not in scored:
                examples = of_split(resolved, split)
                how = {"edges": edges, "saving": Saving(fresh=fresh)}
                (scored[run.path],) = score_run_under(run, resolved, examples, [protocol], **how)
            footer |= dict.fromkeys(scored[run.path].footer)
        by_row[label] = {
            config.seed: _map_of(asked.row, scored[run.path]) for run, config in finished
        }
    title = f"{source}: {config} under {root}/, {split} split"
    counts, lines = set(), []
    if differences:
        rows, counts, lines = _differences(by_row, reference)
    elif intervals:
        rows = [(label, _interval(of)) for label, of in by_row.items()]
        counts = {len(of) for of in by_row.values()}
    else:
        rows = [(label, _mean(label, of)) for label, of in by_row.items()]
    lines += map(runs_line, sorted(counts - {0}))
    return Table(
        rows,
        title=title,
        footer=[*footer, *lines, *status],
        protocols=[protocol],
        images=next((len(s.per_image) for of in by_row.values() for s in of.values()), 0),
        competing=0 if differences else None,
        silog=silog,
        edges=edges,
    )


def _mean(label: str, of: BySeed) -> Mapping[str, Cell]:
    tables = [[(label, scores.metrics)] for scores in of.values()]
    if len(tables) > 1:
        tables = [mean_rows(tables)]
    return tables[0][0][1] if tables else {}


def _interval(of: BySeed) -> Mapping[str, Cell]:
    return runs_row([*of.values()]) if of else {}


def _differences(by_row: Mapping[str, BySeed], reference: str) -> tuple[Rows, set[int], list[str]]:
    """The reference, the difference of each other row from it; numbers of runs; lines for below."""
    first = by_row[reference]
    rows, counts = [(reference, _interval(first))], {len(first)}
    lines = ["difference: from the first row, of runs with the same seed"]
    for label, of in by_row.items():
        if label == reference:
            continue
        common = sorted(set(of) & set(first))
        pairs = [of[seed] for seed in common], [first[seed] for seed in common]
        rows.append((f"{label}: difference", runs_row(*pairs) if common else {}))
        counts.add(len(common))
        if len(common) < len(of):
            seeds = ", ".join(map(str, common)) or "none, as the first row has no run of its seeds"
            lines.append(f"{label}: difference of the seeds {seeds}")
    return rows, counts, lines


def _ask(row: AblationRow, config: str, overrides: Sequence[str], root: Path) -> Asked:
    file, _, given = config.partition(":")
    variants = ",".join(filter(None, (given, row.variant)))
    spec = f"{file}:{variants}" if variants else file
    own = [f"--config.{row.override}"] if row.override else []
    try:
        resolved = load_config(spec, [*overrides, *own])
    except ConfigError as error:
        return Asked(row, None, str(error))
    command = ["python", "train.py", f"--config={spec}", *overrides, *own]
    folder = default_workdir(resolved)
    place = root / folder.name
    if own:  # overrides do not change a run's name
        key, _, value = row.override.partition("=")
        place = place.with_name(f"{place.name}-{key.rpartition('.')[2]}{value}")
    if place != folder:
        command.append(f"--workdir={place}")
    return Asked(row, resolved, shlex.join(command))


def _of_row(asked: Asked, there: Runs) -> tuple[Runs, Runs]:
    """The runs of a row that are finished, one for each seed, and all others of it."""
    if asked.config is None:
        return [], []
    wanted = fingerprint_config(asked.config, seed=False)
    runs = [pair for pair in there if fingerprint_config(pair[1], seed=False) == wanted]
    first = {config.seed: (run, config) for run, config in reversed(runs) if run.is_finished}
    finished = [pair for pair in runs if pair in first.values()]
    return finished, [pair for pair in runs if pair not in finished]


def _status(asked: Asked, finished: Runs, others: Runs, kind: str) -> list[str]:
    if asked.config is None:
        return [f"this config cannot express it: {asked.command}"]
    lines = []
    if finished:
        names = ", ".join(f"{run.path} (seed {config.seed})" for run, config in finished)
        lines.append(f"{kind} of {names}" if len(finished) > 1 else names)
    for run, config in others:
        if run.is_finished:
            lines.append(f"{run.path} has seed {config.seed}, too, and is left out")
        else:
            lines.append(f"{run.path} is not finished; the command that began it goes on")
    return lines or [f"missing; {asked.command}"]


def _map_of(row: AblationRow, scored: RunScores) -> Scores:
    """The scores of the row's map."""
    for label, scores in reversed(scored.scores.items()):
        if label.endswith(row.depth_map):
            return scores
    raise ConfigError(f"no map {row.depth_map!r}: there are {', '.join(scored.scores)}.")
