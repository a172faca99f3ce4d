"""What all plots have in common; matplotlib is imported only when one is drawn."""

from typing import TYPE_CHECKING, Any

import numpy as np

from jaxdepth.errors import ConfigError

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

_COLORS = ("#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9", "#000000")
"""Okabe and Ito's, which most colour-blind readers tell apart."""


def new_figure(panels: int = 1) -> tuple["Figure", list["Axes"]]:
    """A figure with one or more panels side by side, to be written by `figure.savefig(FILE)`.

    No global state is touched.

    Raises:
        ConfigError: matplotlib is not installed.
    """
    try:
        import matplotlib.backends.backend_agg
        import matplotlib.figure
    except ImportError as error:
        raise ConfigError(
            'plots need matplotlib: install it by `pip install "jaxdepth[plots]"`.'
        ) from error

    size = (8, 4.5) if panels == 1 else (4.2 * panels, 4.5)
    figure = matplotlib.figure.Figure(figsize=size, dpi=150, layout="constrained")
    matplotlib.backends.backend_agg.FigureCanvasAgg(figure)
    every = list(figure.subplots(1, panels, squeeze=False)[0])
    for axes in every:
        axes.grid(color="0.9")
        axes.set_axisbelow(True)
        axes.spines[["top", "right"]].set_visible(False)
    return figure, every


def line_colors(count: int) -> Any:
    """As many different colours, for lines."""
    from matplotlib import colormaps

    if count > len(_COLORS):
        return colormaps["turbo"](np.linspace(0.05, 0.95, count))
    return _COLORS[:count]
