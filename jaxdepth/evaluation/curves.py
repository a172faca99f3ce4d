"""Learning curves: the error of training and of validation over the epochs, as a plot and a table.

References:
    Li, Klein and Yao, "A Two-Streamed Network for Estimating Fine-Scaled Depth Maps from Single RGB
    Images" (ICCV 2017), figure 3: the log10 error at every 0.1 epochs, dashed for training and
    solid for testing.
"""

from collections.abc import Sequence
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from numpy.typing import ArrayLike

from jaxdepth.evaluation.plots import line_colors, new_figure

if TYPE_CHECKING:
    from matplotlib.figure import Figure

BIN_EPOCHS = 0.1
"""Epochs over which training errors, each of one batch, are averaged."""


class LearningCurve(NamedTuple):
    """The log10 errors of one run in one stage of training, by epochs of that stage."""

    label: str
    stage: str
    depth_map: str  # whose validation errors these are
    train_epochs: np.ndarray  # [t]
    train_errors: np.ndarray  # [t]
    validation_epochs: np.ndarray  # [v], v ≥ 1
    validation_errors: np.ndarray  # [v]


def average_bins(
    epochs: ArrayLike, errors: ArrayLike, *, width: float = BIN_EPOCHS
) -> tuple[np.ndarray, np.ndarray]:
    """Averages the noisy errors of single batches.

    Bin k holds what ends within (k · width, (k + 1) · width], so the last step of an epoch belongs
    to that epoch.

    Args:
        epochs: `[n]`, where each batch ends.
        errors: `[n]`, of any unit.
        width: of a bin, epochs, above 0.

    Returns:
        The mean epoch and the mean error of each bin that is not empty, by epoch.

    Raises:
        ValueError: the shapes differ.

    Examples:
        >>> average_bins([0.05, 0.1, 0.15], [1.0, 3.0, 5.0])
        (array([0.075, 0.15 ]), array([2., 5.]))
    """
    epochs, errors = np.asarray(epochs, np.float64), np.asarray(errors, np.float64)
    if epochs.ndim != 1 or epochs.shape != errors.shape:
        raise ValueError(
            f"epochs and errors must have one shape [n], got {epochs.shape} and {errors.shape}"
        )
    # The rounding of 0.3 / 0.1 must not decide; a millionth of a bin is less than any step.
    bins = np.ceil(epochs / width - 1e-6)
    _, index, counts = np.unique(bins, return_inverse=True, return_counts=True)
    return np.bincount(index, epochs) / counts, np.bincount(index, errors) / counts


def plot_curves(curves: Sequence[LearningCurve]) -> "Figure":
    """One colour for each run: dashed its training error, solid its validation error.

    Args:
        curves: of one or more runs.

    Returns:
        A figure, to be written by `figure.savefig(FILE)`; no global state is touched.

    Raises:
        ConfigError: matplotlib is not installed.
    """
    figure, (axes,) = new_figure()
    from matplotlib.lines import Line2D

    colors = line_colors(len(curves))
    for curve, color in zip(curves, colors, strict=True):
        axes.plot(
            curve.train_epochs, curve.train_errors, color=color, lw=1.2, ls=(0, (4, 2)), alpha=0.75
        )
        # Markers where a validation was; without them a single one would be no line at all.
        axes.plot(
            curve.validation_epochs, curve.validation_errors, color=color, lw=1.8, marker="o", ms=3
        )
    axes.set_xlabel("epoch")
    axes.set_ylabel("log10 error")
    axes.set_xlim(left=0)
    runs = [Line2D([], [], color=c, lw=2.5, label=curve.label)
            for curve, c in zip(curves, colors, strict=True)]  # fmt: skip
    kinds = [
        Line2D([], [], color="0.3", lw=1.2, ls=(0, (4, 2)), label="training"),
        Line2D([], [], color="0.3", lw=1.8, marker="o", ms=3, label="validation"),
    ]
    figure.legend(handles=runs + kinds, loc="outside right upper", frameon=False)
    return figure


def format_curves(curves: Sequence[LearningCurve]) -> str:
    """Aligned plain text: the last values of each run, and its lowest validation error.

    Returns:
        A heading and one line for each run, without a newline at the end.
    """
    cells = [["", "stage", "map", "epochs", "training", "validation", "lowest", "at epoch"]]
    for curve in curves:
        errors = curve.validation_errors
        finite = np.where(np.isfinite(errors), errors, np.inf)
        lowest = int(np.argmin(finite))
        cells.append(
            [
                curve.label,
                curve.stage,
                curve.depth_map,
                f"{max(curve.train_epochs[-1], curve.validation_epochs[-1]):.2f}",
                f"{curve.train_errors[-1]:.4f}",
                f"{errors[-1]:.4f}",
                f"{errors[lowest]:.4f}",
                f"{curve.validation_epochs[lowest]:.2f}",
            ]
        )
    widths = [max(map(len, column)) for column in zip(*cells, strict=True)]
    return "\n".join(
        "  ".join(
            [row[0].ljust(widths[0])]
            + [cell.rjust(width) for cell, width in zip(row[1:], widths[1:], strict=True)]
        )
        for row in cells
    )
