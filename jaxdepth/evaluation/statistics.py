"""How certain a table is: intervals by the bootstrap over images, and paired comparisons.

The images of a test set are drawn again with replacement, and the metrics are computed of each
draw as the protocol computes them: pooled metrics from the sums of the drawn images, which weighs
images by their pixels as the table does, averaged ones from the images' own metrics. Images without
a valid pixel are in no average and in no draw.

References:
    Efron and Tibshirani, "An Introduction to the Bootstrap" (1993), chapter 13, for the percentile
    interval; chapter 15 for tests by permutation.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import NamedTuple

import numpy as np

from jaxdepth.errors import ConfigError
from jaxdepth.evaluation.identity import require_same_protocol
from jaxdepth.evaluation.protocol import Protocol
from jaxdepth.evaluation.scores import Scores, as_stated, of_edges
from jaxdepth.metrics import MetricSums, compute

DRAWS = 10_000
LEVEL = 0.95
_AT_ONCE = 500
"""Draws whose weights are in memory together."""

Weights = np.ndarray
"""`[draws, images]`: how often each image is in each draw."""


class Interval(NamedTuple):
    """A metric and the percentile interval of its bootstrap.

    Attributes:
        value: of all images.
        low, high: between them lies the share `LEVEL` of the draws.
    """

    value: float
    low: float
    high: float


class Comparison(NamedTuple):
    """A metric of two sets of predictions for the same images.

    Attributes:
        difference: of the second from the first, over all images, with its interval.
        p_value: the share of exchanges of the two, image by image at random, that differ as much or
            more: small where chance alone does not make such a difference.
    """

    difference: Interval
    p_value: float


def bootstrap(scores: Scores, *, draws: int = DRAWS, seed: int = 0) -> dict[str, Interval]:
    """The intervals of all metrics of `scores`.

    Args:
        scores: with two images or more that have a valid pixel.
        draws: of as many images with replacement, 1 or more.
        seed: decides them.

    Raises:
        ConfigError: there are fewer images.
    """
    sample = _sample(scores)
    drawn = _join(sample.metrics(w) for w in _draws(len(sample.sums.pixels), draws, seed))
    return {name: _interval(scores.metrics[name], values) for name, values in drawn.items()}


def compare_paired(
    first: Scores, second: Scores, *, draws: int = DRAWS, seed: int = 0
) -> dict[str, Comparison]:
    """The difference of two sets of predictions for the same images, in each metric of both.

    The same images are drawn for both, so what makes an image hard for either is no noise here.

    Args:
        first, second: scored under one protocol.
        draws: of images for the intervals, and of exchanges for the p-values.
        seed: decides both.

    Returns:
        Metric → the second's less the first's.

    Raises:
        ConfigError: they were scored under different protocols or on different images, or there
            are fewer than two images.
    """
    require_same_protocol({"the first": first.protocol, "the second": second.protocol})
    pairs = zip(first.per_image, second.per_image, strict=False)
    same = len(first.per_image) == len(second.per_image) and all(
        a.sums.pixels == b.sums.pixels for a, b in pairs
    )
    if not same:
        raise ConfigError(
            "a comparison is of predictions for the same images, got "
            f"{len(first.per_image)} and {len(second.per_image)} images with other ground truth: "
            "score both on the same split or folder."
        )
    one, other = _sample(first), _sample(second)
    count = len(one.sums.pixels)
    drawn = _join(_difference(one.metrics(w), other.metrics(w)) for w in _draws(count, draws, seed))
    exchanged = _join(
        _difference(_mixed(one, other, s), _mixed(other, one, s))
        for s in _exchanges(count, draws, seed)
    )
    observed = {name: second.metrics[name] - first.metrics[name] for name in drawn}
    return {
        name: Comparison(_interval(difference, drawn[name]), _p_value(difference, exchanged[name]))
        for name, difference in observed.items()
    }


class _Sample(NamedTuple):
    """The images with a valid pixel, as arrays from which any weighted average is computed."""

    protocol: Protocol
    sums: MetricSums  # [images]
    edge_sums: MetricSums | None

    def metrics(self, weights: Weights) -> dict[str, np.ndarray]:
        """Metric → `[draws]`, each of the images as often as their weights say."""
        metrics = as_stated(self.protocol, _average(self.protocol, self.sums, weights))
        if self.edge_sums is not None:
            metrics |= of_edges(_average(self.protocol, self.edge_sums, weights))
        return metrics


def _sample(scores: Scores) -> _Sample:
    images = [image for image in scores.per_image if image.pixels]
    if len(images) < 2:
        raise ConfigError(
            "statistics over images need two or more with valid ground truth, got "
            f"{len(images)}: score more of them."
        )
    edges = None
    if scores.edge_pixels is not None:
        edges = _columns([image.edge_sums for image in images])
    return _Sample(scores.protocol, _columns([image.sums for image in images]), edges)


def _columns(sums: Sequence[MetricSums]) -> MetricSums:
    return MetricSums(*np.asarray(sums, np.float64).T)


def _average(protocol: Protocol, sums: MetricSums, weights: Weights) -> dict[str, np.ndarray]:
    if protocol.average == "images":
        there = weights * (sums.pixels > 0)
        each = compute(sums)
        with np.errstate(invalid="ignore"):
            images = there.sum(axis=1)
            return {n: there @ np.where(sums.pixels > 0, v, 0) / images for n, v in each.items()}
    # Squared deviations about one common centre add up; then the pooled mean is taken off.
    pixels = np.maximum(sums.pixels, 1)
    centre = sums.log.sum() / max(sums.pixels.sum(), 1)
    about = sums.log_spread + sums.pixels * (sums.log / pixels - centre) ** 2
    pooled = MetricSums(*(weights @ column for column in sums._replace(log_spread=about)))
    with np.errstate(invalid="ignore", divide="ignore"):
        n = np.maximum(pooled.pixels, 1)
        spread = pooled.log_spread - n * (pooled.log / n - centre) ** 2
    return compute(pooled._replace(log_spread=np.maximum(spread, 0)))


def _mixed(first: _Sample, second: _Sample, exchanges: Weights) -> dict[str, np.ndarray]:
    """The metrics of the first where some of its images are exchanged for the second's."""

    def joined(a: MetricSums | None, b: MetricSums | None) -> MetricSums | None:
        if a is None or b is None:
            return None
        return MetricSums(*map(np.concatenate, zip(a, b, strict=True)))

    both = _Sample(
        first.protocol,
        joined(first.sums, second.sums),
        joined(first.edge_sums, second.edge_sums),
    )
    return both.metrics(np.hstack([1 - exchanges, exchanges]))


def _draws(images: int, draws: int, seed: int) -> Iterator[Weights]:
    rng = np.random.default_rng(seed)
    for start in range(0, draws, _AT_ONCE):
        some = min(_AT_ONCE, draws - start)
        yield rng.multinomial(images, np.full(images, 1 / images), size=some).astype(np.float64)


def _exchanges(images: int, draws: int, seed: int) -> Iterator[Weights]:
    rng = np.random.default_rng([seed, 1])
    for start in range(0, draws, _AT_ONCE):
        some = min(_AT_ONCE, draws - start)
        yield rng.integers(0, 2, size=(some, images)).astype(np.float64)


def _join(parts: Iterator[Mapping[str, np.ndarray]]) -> dict[str, np.ndarray]:
    parts = list(parts)
    return {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}


def _difference(
    first: Mapping[str, np.ndarray], second: Mapping[str, np.ndarray]
) -> dict[str, np.ndarray]:
    """Of the metrics that both have."""
    with np.errstate(invalid="ignore"):
        return {name: second[name] - first[name] for name in first if name in second}


def _interval(value: float, drawn: np.ndarray) -> Interval:
    tail = (1 - LEVEL) / 2
    low, high = np.quantile(drawn, (tail, 1 - tail))
    return Interval(value, float(low), float(high))


def _p_value(observed: float, exchanged: np.ndarray) -> float:
    """Two-sided; the observed one counts as an exchange too, so it is never 0."""
    if not np.isfinite(exchanged).all():
        return float("nan")
    # Sums in another order: what is equal in exact arithmetic must count as equal.
    least = abs(observed) * (1 - 1e-9)
    return float((1 + np.sum(np.abs(exchanged) >= least)) / (1 + len(exchanged)))
