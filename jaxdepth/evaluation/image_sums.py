"""The sums of one image on the host: `jaxdepth.metrics.metric_sums` in float64, made for speed.

The pixels that count are gathered band by band, and computed with in arrays that each thread keeps.
Threads can do several images at once: NumPy lets go of the interpreter while it computes.
"""

import math
import threading
from collections.abc import Sequence
from typing import NamedTuple

import cv2
import numpy as np

from jaxdepth.evaluation.alignment import missing
from jaxdepth.evaluation.protocol import Protocol
from jaxdepth.metrics import MetricSums, pool

_BAND = 131072
"""Pixels of a band, about; smaller ones make threads wait for each other."""

_THRESHOLDS = tuple(k * math.log(1.25) * (1 - 1e-12) for k in (1, 2, 3))
"""|e| of δ1, δ2 and δ3. A ratio of float32 numbers is a threshold itself, and so outside, or more
than 4e-10 away from it: less than it by more than the logarithm's rounding is inside. Of float64
numbers, those nearer than that to a threshold are outside, too."""

_thread = threading.local()


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
    height, limits = len(target), protocol.clip_limits
    count = max(1, math.ceil(target.size / _BAND))
    rows = max(1, math.ceil(height / count))
    bands: list[MetricSums] = []
    absent = clamped = 0
    with np.errstate(divide="ignore", over="ignore", invalid="ignore"):
        for top in range(0, height, rows):
            band = slice(top, top + rows)
            truth = np.ascontiguousarray(target[band])
            there = protocol.valid(truth)
            if where is not None:
                there &= where[band]
            pixels = np.count_nonzero(there)
            if not pixels:
                continue
            p, g, *scratch = _scratch(pixels)
            scored = (prediction if aligned is None else aligned)[band][there]
            np.copyto(p, scored)
            np.copyto(g, protocol.truth(truth[there]))
            if aligned is not None or not _within(scored, limits):
                none = missing(prediction[band][there])
                absent += np.count_nonzero(none)
                before, p, scratch = p, scratch[0], [p, *scratch[1:]]
                _clamp(before, limits, out=p)
                clamped += np.count_nonzero((p != before) & ~none)
            bands.append(_sums(*((g, p) if protocol.swapped else (p, g)), scratch))
        sums = np.asarray(bands, np.float64).reshape(-1, len(MetricSums._fields))
    return ImageSums(pool(MetricSums(*sums.T)), absent, clamped)


def _scratch(pixels: int) -> np.ndarray:
    """Four float64 arrays of this thread, to overwrite."""
    if getattr(_thread, "arrays", np.empty((4, 0))).shape[1] < pixels:
        _thread.arrays = np.empty((4, max(pixels, _BAND)))
    return _thread.arrays[:, :pixels]


def _within(p: np.ndarray, limits: tuple[float | None, float | None]) -> bool:
    """Whether nothing is missing and nothing is to be clamped; NaN is never within."""
    low, high = limits
    least, most = float(p.min()), float(p.max())
    above = least > 0 and (low is None or least >= low)
    return bool(above and most < np.inf and (high is None or most <= high))


def _clamp(p: np.ndarray, limits: tuple[float | None, float | None], *, out: np.ndarray) -> None:
    low, high = limits
    np.copyto(out, p) if low is None else np.fmax(p, low, out=out)  # NaN becomes low
    if high is not None:
        np.minimum(out, high, out=out)


def _sums(p: np.ndarray, g: np.ndarray, scratch: Sequence[np.ndarray]) -> MetricSums:
    """The sums of a band's pixels, all of which count; g is overwritten."""
    a, b = scratch
    difference, ratio = np.subtract(p, g, out=a), np.divide(p, g, out=b)
    relative = np.subtract(ratio, 1, out=g)
    sums = {
        "absolute": _norm1(difference),
        "square": _squares(difference),
        "abs_rel": _norm1(relative),
        "sq_rel": _norm1(np.multiply(difference, relative, out=difference)),
    }
    e = np.log(ratio, out=b)
    log = e.sum()
    magnitude = np.abs(e, out=a)
    inside = (cv2.countNonZero((magnitude < limit).view(np.uint8)) for limit in _THRESHOLDS)
    log_abs = _norm1(magnitude)
    return MetricSums(
        pixels=e.size,
        log=log,
        log_spread=_squares(np.subtract(e, log / e.size, out=b)),
        log_abs=log_abs,
        **sums,
        **{f"delta{k}": count for k, count in enumerate(inside, start=1)},
    )


def _norm1(values: np.ndarray) -> float:
    return cv2.norm(values, cv2.NORM_L1)


def _squares(values: np.ndarray) -> float:
    return cv2.norm(values, cv2.NORM_L2SQR)
