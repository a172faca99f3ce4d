"""Studies of the integration in trained runs, each a plot and a CSV of the same numbers.

References:
    Kim et al. 2018, §IV.B, Figure 8: accuracy against the number K of Split-Bregman iterations at
    training and at testing, and how the iterations converge.
"""

import csv
import io
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from ml_collections import FrozenConfigDict

from jaxdepth.errors import ConfigError, DataError, WorkdirError
from jaxdepth.evaluation import (
    TABLE_COLUMNS,
    footer_lines,
    format_table,
    identity_lines,
    line_colors,
    new_figure,
    require_same_protocol,
)
from jaxdepth.experiment import (
    INTEGRATED,
    Weights,
    Workdir,
    build_source,
    load_weights,
    write_bytes,
    write_text,
)
from jaxdepth.inference.curves import read_records
from jaxdepth.inference.folders import folder_labels
from jaxdepth.inference.iterations import mean_convergence, score_iterations
from jaxdepth.inference.protocols import protocol_of_run
from jaxdepth.inference.runs import unfinished_lines
from jaxdepth.inference.tables import Runs

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

PAPER_NUM_ITERS = (1, 3, 5, 10, 15, 20)
CONVERGENCE_NUM_ITERS = 50
_PLOTTED = ("rmse", "abs_rel", "delta1")
_STAGES_OF_LAM = ("select_lam", "joint")

Row = Mapping[str, Any]


def study_iterations(
    runs: Runs,
    out: Path,
    *,
    split: str = "test",
    num_iters: Sequence[int] = PAPER_NUM_ITERS,
    changes: Mapping[str, Any] | None = None,
) -> str:
    """Writes `iterations.png` and `iterations.csv`: the accuracy of u against K.

    The weights of each run are evaluated with each K, and with its own. Runs that were trained with
    different K make a further curve, each at its own K, of means where several have the same.

    Args:
        runs: one or more, with their configs.
        out: folder to write to, made if it is not there.
        split: of each run's dataset.
        num_iters: values of K.
        changes: attributes of `Protocol` that differ from the run's own.

    Returns:
        The table of all metrics, and where the files are.

    Raises:
        ConfigError: a run has no integration layer, or matplotlib is not installed.
        WorkdirError, CheckpointError, DataError: a run or its dataset cannot be used.
    """
    require_same_protocol(
        {str(run.path): protocol_of_run(c, changes or {}, split=split) for run, c in runs}
    )
    figure, panels = _begin(runs, out, panels=len(_PLOTTED))
    table, footers, rows, trained = [], {}, [], {}
    for run, config, label, color in _each(runs):
        own = config.model.num_iters
        weights = _integrating_weights(run, config)
        scores = score_iterations(
            config,
            weights.variables,
            build_source(config, split),
            num_iters=sorted({*num_iters, own}),
            changes=changes,
        )
        for k, one in scores.items():
            table.append((f"{label}, K = {k}" + " (trained)" * (k == own), one.metrics))
            metrics = {name: one.metrics[name] for name in TABLE_COLUMNS}
            rows.append({"run": label, "trained_num_iters": own, "num_iters": k, **metrics})
        lines = [*footer_lines(scores[own]), *identity_lines(scores[own])]
        footers |= dict.fromkeys([*lines, *unfinished_lines(run, weights.step)])
        trained.setdefault(own, []).append(scores[own].metrics)
        for axes, name in zip(panels, _PLOTTED, strict=True):
            values = [one.metrics[name] for one in scores.values()]
            axes.plot(scores.keys(), values, color=color, marker="o", ms=3, label=label)
            axes.plot([own], [scores[own].metrics[name]], color=color, marker="o", ms=8, mfc="none")
    for axes, name in zip(panels, _PLOTTED, strict=True):
        axes.plot([], [], "o", ms=8, mfc="none", color="0.3", label="K at training")
        if len(trained) > 1:
            means = [np.mean([m[name] for m in trained[k]]) for k in sorted(trained)]
            axes.plot(sorted(trained), means, "--", color="0.3", label="each at its own K")
        axes.set_title(TABLE_COLUMNS[name])
        _set_iterations(axes, "Split-Bregman iterations K")
    files = _write(out, "iterations", figure, rows)
    heading = f"accuracy of u against K, {split} split, written to {files}"
    return f"{heading}\n{format_table(table, footer=footers)}"


def study_convergence(
    runs: Runs, out: Path, *, split: str = "test", num_iters: int = CONVERGENCE_NUM_ITERS
) -> str:
    """Writes `convergence.png` and `convergence.csv`: change, energy and residuals against k.

    Args:
        runs: one or more, with their configs.
        out: folder to write to, made if it is not there.
        split: of each run's dataset.
        num_iters: iterations to make, whatever the run's own K is.

    Returns:
        The change at the first, the run's own and the last iteration, and where the files are.

    Raises:
        As `study_iterations`.
    """
    figure, panels = _begin(runs, out, panels=3)
    lines, rows = [], []
    for run, config, label, color in _each(runs):
        weights = _integrating_weights(run, config)
        means = mean_convergence(
            config, weights.variables, build_source(config, split), num_iters=num_iters
        )
        steps, own = np.arange(1, num_iters + 1), config.model.num_iters
        for k, values in zip(steps, zip(*means, strict=True), strict=True):
            values = map(float, values)
            rows.append({"run": label, "k": k, **dict(zip(means._fields, values, strict=True))})
        panels[0].plot(steps, means.change, color=color, label=label)
        panels[1].plot(steps, means.energy, color=color)
        panels[2].plot(steps, means.primal_residual, color=color)
        panels[2].plot(steps, means.dual_residual, "--", color=color)
        if own <= num_iters:
            for axes in panels:
                axes.axvline(own, color=color, lw=1, ls=":")
        changes = [f"{means.change[k - 1]:.4g} m at k = {k}"
                   for k in sorted({1, own, num_iters}) if k <= num_iters]  # fmt: skip
        lines.append(f"{label}, trained with K = {own}: {', '.join(changes)}")
        lines += unfinished_lines(run, weights.step)
    titles = ("‖uᵏ − uᵏ⁻¹‖₁ in m", "energy E(uᵏ)", "residuals")
    for axes, title in zip(panels, titles, strict=True):
        axes.set_title(title)
        _set_iterations(axes, "iteration k")
    for axes in (panels[0], panels[2]):
        axes.set_yscale("log")
    for style, label in (
        (":", "K at training"),
        ("-", "primal residual in m/pixel"),
        ("--", "dual residual"),
    ):
        panels[2].plot([], [], style, color="0.3", label=label)
    files = _write(out, "convergence", figure, rows)
    heading = f"mean ‖uᵏ − uᵏ⁻¹‖₁ over the images of the {split} split, written to {files}"
    return "\n".join([heading, *lines])


def study_lam(runs: Runs, out: Path) -> str:
    """Writes `lam.png` and `lam.csv`: the learned λ against the steps of training.

    Args:
        runs: one or more, with their configs; they need not be finished.
        out: folder to write to, made if it is not there.

    Returns:
        The first and the last λ of each run, and where the files are.

    Raises:
        ConfigError: a run has no integration layer, or matplotlib is not installed.
        DataError: a run did not record λ; the message names its file.
    """
    figure, (axes,) = _begin(runs, out, panels=1)
    lines, rows = [], []
    for run, _, label, color in _each(runs):
        records = read_lam(run.metrics)
        rows += [{"run": label, **record} for record in records]
        steps, lams = [r["step"] for r in records], [r["lam"] for r in records]
        axes.plot(steps, lams, color=color, marker="o", ms=3, label=label)
        lines.append(f"{label}: {lams[0]:.4g} at step {steps[0]}, {lams[-1]:.4g} at {steps[-1]}")
    axes.set_xlabel("step")
    axes.set_ylabel("λ")
    files = _write(out, "lam", figure, rows)
    return "\n".join([f"learned λ, written to {files}", *lines])


def read_lam(file: Path) -> list[Row]:
    """The λ that training chose or learned, from a run's `metrics.jsonl`.

    Returns:
        `step`, `stage` and `lam` of each record; in the joint stage, λ before the step's update.

    Raises:
        DataError: the file is missing or damaged, or has no λ of these stages.
    """
    rows = [
        {"step": r["step"], "stage": r["stage"], "lam": float(r["lam"])}
        for r in read_records(file)
        if r["stage"] in _STAGES_OF_LAM and "lam" in r
    ]
    if not rows:
        raise DataError(
            f"{file} has no λ of stage {' or '.join(_STAGES_OF_LAM)}: λ is learned there alone; "
            "let `python train.py` go on to it."
        )
    return rows


def parse_num_iters(text: str) -> tuple[int, ...]:
    """Reads "1,3,5".

    Raises:
        ConfigError: it is anything but whole numbers of 1 or more.
    """
    words = text.split(",")
    if not all(word.strip().isdecimal() and int(word) > 0 for word in words):
        raise ConfigError(
            f"--num_iters must be whole numbers above 0, joined by commas, got {text!r}: "
            "write --num_iters=1,3,5,10."
        )
    return tuple(dict.fromkeys(map(int, words)))


def _begin(runs: Runs, out: Path, *, panels: int) -> tuple["Figure", list]:
    """An empty figure, after all that can be refused before the work has been."""
    for run, config in runs:
        why = None if config.model.integrate else "model.integrate=False"
        if config.model.system != "deep_variational":
            why = f"system {config.model.system}"
        if why:
            raise ConfigError(
                f"a study is of the integration layer, and {run.path} has none ({why}): name runs "
                "that have one by --workdir=DIR."
            )
    begun = new_figure(panels)
    out.mkdir(parents=True, exist_ok=True)
    return begun


def _each(runs: Runs) -> list[tuple[Workdir, FrozenConfigDict, str, Any]]:
    """Run, config, label and colour."""
    labels = folder_labels([run.path for run, _ in runs])
    colors = line_colors(len(runs))
    return [(*run, *how) for run, how in zip(runs, zip(labels, colors, strict=True), strict=True)]


def _integrating_weights(run: Workdir, config: FrozenConfigDict) -> Weights:
    weights = load_weights(run, config)
    if INTEGRATED not in weights.names:
        raise WorkdirError(
            f"{run.path} has not trained anything to integrate at its checkpoint of step "
            f"{weights.step}: let `python train.py` go on."
        )
    return weights


def _set_iterations(axes: "Axes", label: str) -> None:
    axes.set_xlabel(label)
    axes.set_xlim(left=0)
    axes.xaxis.get_major_locator().set_params(integer=True)


def _write(out: Path, name: str, figure: "Figure", rows: Sequence[Row]) -> str:
    """Writes plot and CSV once both are made; returns what to call them."""
    labelled = [line for axes in figure.axes for line in axes.get_legend_handles_labels()[0]]
    once = {line.get_label(): line for line in labelled}
    figure.legend(handles=once.values(), loc="outside right upper", frameon=False)
    picture, text = io.BytesIO(), io.StringIO()
    figure.savefig(picture, format="png")
    table = csv.DictWriter(text, rows[0].keys(), lineterminator="\n")
    table.writeheader()
    table.writerows(rows)
    write_bytes(out / f"{name}.png", picture.getvalue())
    write_text(out / f"{name}.csv", text.getvalue())
    return f"{out / name}.png and .csv"
