"""The table of metrics as the papers print it."""

import dataclasses
import math
import statistics
from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

from jaxdepth.errors import ConfigError
from jaxdepth.evaluation.geometry import GEOMETRY_COLUMNS
from jaxdepth.evaluation.identity import require_same_protocol
from jaxdepth.evaluation.over_runs import difference_over_runs, interval_over_runs
from jaxdepth.evaluation.protocol import Protocol
from jaxdepth.evaluation.resampling import DRAWS
from jaxdepth.evaluation.scores import Scores
from jaxdepth.evaluation.statistics import (
    LEVEL,
    Comparison,
    Interval,
    bootstrap,
    compare_paired,
)

TABLE_COLUMNS: Mapping[str, str] = {
    "delta1": "δ1",
    "delta2": "δ2",
    "delta3": "δ3",
    "abs_rel": "abs rel",
    "sq_rel": "sqr rel",
    "rmse": "RMS(lin)",
    "rmse_log": "RMS(log)",
    "log10": "log10",
}
"""Metric → heading, in the order of the papers' tables."""

EDGE_COLUMNS: Mapping[str, str] = {"edge_mae": "edge MAE", "edge_abs_rel": "edge rel"}
"""Metric → heading of what is scored near depth edges."""


class Spread(NamedTuple):
    """A metric over several runs.

    Attributes:
        mean: over the runs.
        deviation: standard deviation, of a sample (n − 1).
    """

    mean: float
    deviation: float


Cell = float | Spread | Interval

Rows = Sequence[tuple[str, Mapping[str, Cell]]]
"""Label and metrics of each line of a table."""


@dataclasses.dataclass(frozen=True)
class Table:
    """Rows of metrics, what stands above and below them, and the rules they are under.

    `str(table)` is `format_table`'s text below the title.

    Attributes:
        rows: label and metrics of each line.
        title: the line above; "" for none.
        footer: lines below.
        protocols: what the rows were scored under.
        hashes: of the protocol of each row, "" for none; empty if all rows are of all of them.
        images: how many images each row is of.
        competing: how many of the first rows compete for the best number of a column; None for all.
        silog, edges, geometry: columns to add, see `format_table`.
    """

    rows: Rows
    title: str = ""
    footer: Sequence[str] = ()
    protocols: Sequence[Protocol] = ()
    hashes: Sequence[str] = ()
    images: int = 0
    competing: int | None = None
    silog: bool = False
    edges: bool = False
    geometry: bool = False

    @property
    def columns(self) -> Mapping[str, str]:
        """Metric → heading."""
        return table_columns(self.rows, silog=self.silog, edges=self.edges, geometry=self.geometry)

    def protocols_of(self, row: int) -> Sequence[Protocol]:
        """What a row was scored under."""
        if not self.hashes:
            return self.protocols
        return [p for p in self.protocols if p.fingerprint == self.hashes[row]]

    def cells(self, decimals: int = 4) -> list[list[str]]:
        """Heading and rows as text."""
        return format_cells(self.rows, self.columns, decimals)

    def best(self, decimals: int = 4) -> set[tuple[int, int]]:
        """(Row, column) of the best numbers, as they are printed, where two or more compete."""
        best = set()
        competing = self.rows[: self.competing]
        for column, name in enumerate(self.columns, start=1):
            values = [_middle(metrics.get(name)) for _, metrics in competing]
            finite = [value for value in values if math.isfinite(value)]
            if len(finite) > 1:
                winner = max(finite) if higher_is_better(name) else min(finite)
                text = f"{winner:.{decimals}f}"
                best |= {(i, column) for i, v in enumerate(values) if f"{v:.{decimals}f}" == text}
        return best

    def __str__(self) -> str:
        columns = {"silog": self.silog, "edges": self.edges, "geometry": self.geometry}
        text = format_table(self.rows, **columns, footer=self.footer)
        return f"{self.title}\n{text}" if self.title else text


def higher_is_better(metric: str) -> bool:
    """Whether the best value of a metric is its largest."""
    return metric.startswith(("delta", "f_"))


def table_columns(rows: Rows, *, silog: bool, edges: bool, geometry: bool) -> Mapping[str, str]:
    """Metric → heading of a table; see `format_table`."""
    columns = dict(TABLE_COLUMNS)
    if silog:
        columns["silog"] = "SIlog"
    if edges:
        columns |= EDGE_COLUMNS
    if geometry:
        known = {name for _, metrics in rows for name in metrics}
        columns |= {name: text for name, text in GEOMETRY_COLUMNS.items() if name in known}
    return columns


def mean_rows(tables: Sequence[Rows]) -> Rows:
    """The mean and the standard deviation of each metric over the tables of several runs.

    Raises:
        ConfigError: there are fewer than two tables, or their rows are not the same.
    """
    if len(tables) < 2:
        raise ConfigError(f"a mean is of two runs or more, got {len(tables)}: name more of them.")
    labels = [[label for label, _ in rows] for rows in tables]
    if any(other != labels[0] for other in labels):
        raise ConfigError(
            "a mean is of runs with the same rows, got "
            + " and ".join(", ".join(other) for other in labels)
            + ": score these runs apart."
        )
    means = []
    for same in zip(*tables, strict=True):
        values = {name: [metrics[name] for _, metrics in same] for name in same[0][1]}
        spreads = {n: Spread(statistics.mean(v), statistics.stdev(v)) for n, v in values.items()}
        means.append((same[0][0], spreads))
    return means


def format_table(
    rows: Rows,
    *,
    silog: bool = False,
    edges: bool = False,
    geometry: bool = False,
    decimals: int = 4,
    footer: Iterable[str] = (),
) -> str:
    """Aligned plain text: a heading, one line for each row, and the footer below.

    The same input gives the same text, anywhere.

    Args:
        rows: label and metrics of each line. A metric that a row lacks, as published rows do, is
            printed as "-", a `Spread` as "mean ± deviation", an `Interval` as "value [low, high]".
        silog: whether to add a column with the scale-invariant error.
        edges: whether to add columns with the errors near depth edges.
        geometry: whether to add those of `GEOMETRY_COLUMNS` that a row has, last.
        decimals: digits behind the point.
        footer: lines below the table, as `footer_lines(scores)` gives them.

    Returns:
        The text, lines separated by newlines, without one at the end.
    """
    columns = table_columns(rows, silog=silog, edges=edges, geometry=geometry)
    cells = format_cells(rows, columns, decimals)
    widths = column_widths(cells)
    return "\n".join([*(format_row(row, widths) for row in cells), *footer])


def format_cells(rows: Rows, columns: Mapping[str, str], decimals: int) -> list[list[str]]:
    """The heading and the rows as text, not yet aligned."""
    cells = [["", *columns.values()]]
    for label, metrics in rows:
        cells.append([label, *(_number(metrics.get(name), decimals) for name in columns)])
    return cells


def column_widths(cells: Sequence[Sequence[str]]) -> list[int]:
    """The longest text of each column."""
    return [max(map(len, column)) for column in zip(*cells, strict=True)]


def format_row(row: Sequence[str], widths: Sequence[int]) -> str:
    """One line: the label, then numbers to the right of their columns."""
    padded = [row[0].ljust(widths[0])]
    padded += [cell.rjust(width) for cell, width in zip(row[1:], widths[1:], strict=True)]
    return "  ".join(padded)


def compare(scores: Mapping[str, Scores], *, across: bool = False) -> Rows:
    """Rows for one table, refused where their numbers do not compare.

    Args:
        scores: label of each row → its scores.
        across: whether to allow different protocols; then the hash of each follows its label.

    Raises:
        ConfigError: two were scored under different protocols and `across` is not set; the message
            names the fields that differ.
    """
    if not across:
        require_same_protocol({label: s.protocol for label, s in scores.items()})
        return [(label, s.metrics) for label, s in scores.items()]
    return [(f"{label} [{s.protocol.fingerprint}]", s.metrics) for label, s in scores.items()]


def bootstrap_rows(scores: Mapping[str, Scores]) -> tuple[Rows, str]:
    """Rows with the interval of each metric, and the line for below the table.

    Args:
        scores: label of each row → its scores.

    Raises:
        ConfigError: a row has fewer than two images.
    """
    rows = [(label, bootstrap(of)) for label, of in scores.items()]
    return rows, f"[low, high]: {_INTERVAL}"


def runs_row(runs: Sequence[Scores], less: Sequence[Scores] | None = None) -> Mapping[str, Cell]:
    """The mean of several runs, or of their differences, with intervals; of one, over its images.

    Args:
        runs: on the same images.
        less: as many, to subtract; None for nothing.

    Raises:
        ConfigError: they were scored on other images, or on fewer than two, or there are not as
            many of both.
    """
    if len(runs) > 1:
        return interval_over_runs(runs) if less is None else difference_over_runs(less, runs)
    if less is None:
        return bootstrap(*runs)
    return {name: c.difference for name, c in compare_paired(*less, *runs).items()}


def runs_line(runs: int) -> str:
    """What the intervals of `runs_row` of so many runs are, for below the table."""
    if runs == 1:
        return f"[low, high] of one run: {_INTERVAL}"
    return (
        f"[low, high] of {runs} runs: {LEVEL:.0%} of Student's t, from the spread of the runs and "
        f"of {DRAWS:,} draws of the images with replacement"
    )


def comparison_rows(
    names: tuple[str, str],
    scores: tuple[Scores, Scores],
    comparison: Mapping[str, Comparison],
) -> tuple[Rows, list[str]]:
    """Rows of two sets of predictions, of their difference and of its p-value; lines for below.

    Args:
        names: the labels of the two.
        scores: of the two.
        comparison: as `compare_paired` gives it.
    """
    rows = [(name, of.metrics) for name, of in zip(names, scores, strict=True)]
    rows.append(("difference", {name: c.difference for name, c in comparison.items()}))
    rows.append(("p", {name: c.p_value for name, c in comparison.items()}))
    lines = [
        f"difference: the second row less the first one, [low, high] {_INTERVAL}",
        f"p: share of {DRAWS:,} random exchanges of the two, image by image, that differ as much",
    ]
    return rows, lines


_INTERVAL = f"{LEVEL:.0%} of {DRAWS:,} draws of the images with replacement"


def _middle(value: Cell | None) -> float:
    if value is None:
        return math.nan
    return value[0] if isinstance(value, Spread | Interval) else value


def _number(value: Cell | None, decimals: int) -> str:
    if value is None:
        return "-"
    if isinstance(value, Interval):
        number, low, high = (_number(part, decimals) for part in value)
        return f"{number} [{low}, {high}]"
    if isinstance(value, Spread):
        return " ± ".join(_number(part, decimals) for part in value)
    return f"{value:.{decimals}f}" if math.isfinite(value) else str(float(value))
