"""Line charts as inline SVG, in the page's own colours, light or dark."""

import math
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from markupsafe import Markup, escape
from numpy.typing import ArrayLike

_COLORS = 6  # of the style sheet
_WIDTH, _HEIGHT = 460, 290
_LEFT, _RIGHT, _TOP, _BOTTOM = 56, 22, 12, 44


class Series(NamedTuple):
    """One line of a chart.

    Attributes:
        label: for the legend.
        x, y: `[n]`; values that are not finite are left out.
        marked: whether its points are marked.
        bars: whether it is drawn as bars, in shares of the largest, instead.
    """

    label: str
    x: ArrayLike
    y: ArrayLike
    marked: bool = False
    bars: bool = False


def line_chart(series: Sequence[Series], *, title: str, x: str, y: str) -> dict | None:
    """A chart for the template, with its legend; None if no series has a point.

    Args:
        series: one or more; their colours go by their places here, whether they have points or not.
        title: of the chart, also what screen readers say.
        x, y: of the axes, with units.
    """
    kept = []
    for number, one in enumerate(series):
        points = np.array([one.x, one.y], np.float64)
        points = points[:, np.isfinite(points).all(axis=0)]
        if points.size:
            kept.append((number % _COLORS, one, *points))
    lines = [(px, py) for _, one, px, py in kept if not one.bars]
    if not lines:
        return None
    x_ticks = ticks(*_ends([px for px, _ in lines]), 6)
    y_ticks = ticks(*_ends([*(py for _, py in lines), np.zeros(1)]), 5)
    across = _scale(x_ticks, _LEFT, _WIDTH - _RIGHT)
    up = _scale(y_ticks, _HEIGHT - _BOTTOM, _TOP)
    parts = []
    for t in y_ticks:
        parts.append(f'<line class="grid" x1="{_LEFT}" x2="{_WIDTH - _RIGHT}" '
                     f'y1="{up(t):.1f}" y2="{up(t):.1f}"/>')  # fmt: skip
        parts.append(f'<text class="tick" x="{_LEFT - 8}" y="{up(t) + 4:.1f}" '
                     f'text-anchor="end">{t:g}</text>')  # fmt: skip
    for t in x_ticks:
        parts.append(f'<text class="tick" x="{across(t):.1f}" y="{_HEIGHT - _BOTTOM + 18}" '
                     f'text-anchor="middle">{_short(t)}</text>')  # fmt: skip
    for index, one, px, py in kept:
        draw = _bars if one.bars else _line
        parts.append(draw(index, one, across(px), py if one.bars else up(py)))
    parts.append(f'<text class="axis" x="{(_LEFT + _WIDTH - _RIGHT) / 2}" y="{_HEIGHT - 6}" '
                 f'text-anchor="middle">{escape(x)}</text>')  # fmt: skip
    middle = (_TOP + _HEIGHT - _BOTTOM) / 2
    parts.append(f'<text class="axis" transform="translate(13 {middle}) rotate(-90)" '
                 f'text-anchor="middle">{escape(y)}</text>')  # fmt: skip
    svg = (f'<svg viewBox="0 0 {_WIDTH} {_HEIGHT}" role="img" aria-label="{escape(title)}">'
           f'{"".join(parts)}</svg>')  # fmt: skip
    labels = [(one.label, index, one.bars) for index, one, *_ in kept]
    return {"title": title, "svg": Markup(svg), "labels": labels}


def ticks(low: float, high: float, count: int) -> list[float]:
    """About as many round numbers, from the last at or below `low` to the first at or above `high`.

    Examples:
        >>> ticks(0.3, 9.2, 5)
        [0.0, 2.0, 4.0, 6.0, 8.0, 10.0]
    """
    if not high > low:
        low, high = low - 0.5, low + 0.5
    raw = (high - low) / count
    power = 10 ** math.floor(math.log10(raw))
    step = next(m * power for m in (1, 2, 2.5, 5, 10) if m * power >= raw * (1 - 1e-9))
    first, last = math.floor(low / step + 1e-9), math.ceil(high / step - 1e-9)
    return [round(k * step, 12) for k in range(first, last + 1)]


def _ends(values: Sequence[np.ndarray]) -> tuple[float, float]:
    joined = np.concatenate(values)
    return float(joined.min()), float(joined.max())


def _scale(marks: Sequence[float], start: float, end: float):
    low, high = marks[0], marks[-1]
    return lambda value: start + (value - low) / (high - low) * (end - start)


def _short(value: float) -> str:
    return f"{value / 1000:g}k" if abs(value) >= 10_000 else f"{value:g}"


def _line(index: int, one: Series, px: np.ndarray, py: np.ndarray) -> str:
    points = " ".join(f"{a:.1f},{b:.1f}" for a, b in zip(px, py, strict=True))
    line = f'<polyline class="line s{index}" points="{points}"/>'
    if not one.marked and len(px) > 1:
        return line
    dots = zip(px, py, strict=True)
    return line + "".join(
        f'<circle class="dot s{index}" cx="{a:.1f}" cy="{b:.1f}" r="3.5"/>' for a, b in dots
    )


def _bars(index: int, one: Series, px: np.ndarray, shares: np.ndarray) -> str:
    width = 0.9 * float(np.diff(px).min()) if len(px) > 1 else 12
    floor, room = _HEIGHT - _BOTTOM, _HEIGHT - _BOTTOM - _TOP
    return "".join(
        f'<rect class="bar s{index}" x="{a - width / 2:.1f}" y="{floor - h:.1f}" '
        f'width="{width:.1f}" height="{h:.1f}"/>'
        for a, h in zip(px, room * shares / shares.max(), strict=True)
    )
