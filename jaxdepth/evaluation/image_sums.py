"""The sums of one image on the host: `jaxdepth.metrics.metric_sums` in float64, made for speed.

The image is taken in bands of rows small enough for a core's cache, with no array made on the way.
Threads can do several images at once: NumPy lets go of the interpreter while it computes.
"""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from jaxdepth.evaluation.alignment import missing
from jaxdepth.evaluation.protocol import Protocol
from jaxdepth.metrics import MetricSums

_BAND = 32768
"""Pixels of a band: five float64 arrays of it are near a second-level cache in size; smaller ones
make threads wait for each other."""


class ImageSums(NamedTuple):
    """The sums of an image's valid pixels, and what had to be done to the prediction there.

    Attributes:
        sums: of the metrics.
        missing: pixels without a positive finite prediction.
        clamped: pixels with one outside the limits.
    """

    sums: MetricSums
    missing: int
    clamped: int


def image_sums(
    protocol: Protocol,
    prediction: np.ndarray,
    target: np.ndarray,
    *,
    where: np.ndarray | None = None,
    aligned: np.ndarray | None = None,
) -> ImageSums:
    """The sums of `metric_sums` under a protocol's range and clamping, and the counts, in one pass.

    Args:
        protocol: which pixels count, and what becomes of the values there.
        prediction: `[H, W]`, metres, placed.
        target: `[H, W]`, metres, of the scored region.
        where: `[H, W]`, false at pixels that do not count in any case.
        aligned: `[H, W]`, scored instead of the prediction, whose missing pixels are counted.
    """
    height, width = target.shape
    rows, limits = max(1, _BAND // width), protocol.clip_limits
    work, flags = np.empty((5, rows, width)), np.empty((rows, width), bool)
    bands: list[MetricSums] = []
    absent = clamped = 0
    with np.errstate(divide="ignore", over="ignore", invalid="ignore"):
        for top in range(0, height, rows):
            band = slice(top, top + rows)
            there = protocol.valid(target[band])
            if where is not None:
                there &= where[band]
            pixels = np.count_nonzero(there)
            if not pixels:
                continue
            p, g, *scratch = work[:, : len(there)]
            flag = np.logical_not(there, out=flags[: len(there)])
            np.copyto(p, (prediction if aligned is None else aligned)[band])
            np.copyto(g, protocol.truth(target[band]))
            if pixels < flag.size:
                for array in (p, g):
                    np.copyto(array, 1.0, where=flag)  # which adds 0 to every sum
            if aligned is not None or not _within(p, limits):
                none = missing(prediction[band]) & there
                absent += np.count_nonzero(none)
                before, p, scratch = p, scratch[0], [p, *scratch[1:]]
                _clamp(before, limits, out=p)
                clamped += np.count_nonzero((p != before) & there & ~none)
                np.copyto(p, 1.0, where=flag)
            p, g = (g, p) if protocol.swapped else (p, g)
            bands.append(_sums(p, g, pixels, scratch, flag))
        return ImageSums(_joined(bands), absent, clamped)


def _joined(bands: Sequence[MetricSums]) -> MetricSums:
    """The sums of all bands together, as `jaxdepth.metrics.merge` of two."""
    columns = MetricSums(*np.asarray(bands, np.float64).reshape(-1, len(MetricSums._fields)).T)
    total = MetricSums(*(column.sum() for column in columns))
    if not bands:
        return total
    distance = columns.log / columns.pixels - total.log / total.pixels
    between = np.sum(columns.pixels * distance**2)
    return total._replace(log_spread=total.log_spread + between)


def _within(p: np.ndarray, limits: tuple[float | None, float | None]) -> bool:
    """Whether nothing is missing and nothing is to be clamped; NaN is never within."""
    low, high = limits
    least, most = p.min(), p.max()
    above = least > 0 and (low is None or least >= low)
    return bool(above and most < np.inf and (high is None or most <= high))


def _clamp(p: np.ndarray, limits: tuple[float | None, float | None], *, out: np.ndarray) -> None:
    low, high = limits
    np.copyto(out, p) if low is None else np.fmax(p, low, out=out)  # NaN becomes low
    if high is not None:
        np.minimum(out, high, out=out)


def _sums(
    p: np.ndarray, g: np.ndarray, pixels: int, scratch: Sequence[np.ndarray], flag: np.ndarray
) -> MetricSums:
    """The sums of a band whose pixels that do not count are p = g = 1."""
    a, b, c = scratch
    filled = p.size - pixels
    least, most = np.minimum(p, g, out=a), np.maximum(p, g, out=b)
    deltas = []
    for k in (1, 2, 3):  # of products, as metric_sums
        np.multiply(least, 1.25**k, out=c)
        deltas.append(np.count_nonzero(np.less(most, c, out=flag)) - filled)
    difference = np.subtract(p, g, out=a)
    square = np.vecdot(difference, difference).sum()
    absolute = np.abs(difference, out=b)
    relative = np.divide(absolute, g, out=c)
    sums = {
        "absolute": absolute.sum(),
        "square": square,
        "abs_rel": relative.sum(),
        "sq_rel": np.vecdot(absolute, relative).sum(),
    }
    e = np.log(np.divide(p, g, out=a), out=a)
    log = e.sum()
    # Of a band, Σ e² − n ē² keeps all the digits that a mean of squares needs.
    spread = np.vecdot(e, e).sum() - log**2 / pixels
    return MetricSums(
        pixels=pixels,
        log=log,
        log_spread=spread if np.isnan(spread) else max(spread, 0.0),
        log_abs=np.abs(e, out=b).sum(),
        **sums,
        **{f"delta{k}": count for k, count in enumerate(deltas, start=1)},
    )
