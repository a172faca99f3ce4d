"""How certain a table is: intervals by the bootstrap over images, and paired comparisons.

The images of a test set are drawn again with replacement, and the metrics are computed of each
draw as the protocol computes them.

References:
    Efron and Tibshirani, "An Introduction to the Bootstrap" (1993), chapter 13, for the percentile
    interval; chapter 15 for tests by permutation.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import numpy as np

from jaxdepth.errors import ConfigError
from jaxdepth.evaluation.identity import require_same_protocol
from jaxdepth.evaluation.resampling import (
    AT_ONCE,
    DRAWS,
    ImageSample,
    Weights,
    difference,
    image_draws,
    image_sample,
    join,
)
from jaxdepth.evaluation.scores import Scores
from jaxdepth.metrics import MetricSums

LEVEL = 0.95


class Interval(NamedTuple):
    """A metric and its interval at `LEVEL`.

    Attributes:
        value: of all images, and the mean if it is of several runs.
        low, high: between them lies that share of the draws; over runs, Student's limits.
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
    sample = image_sample(scores)
    drawn = join(sample.metrics(w) for w in image_draws(len(sample.sums.pixels), draws, seed))
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
    require_same_images(first, second)
    one, other = image_sample(first), image_sample(second)
    count = len(one.sums.pixels)
    drawn = join(
        difference(one.metrics(w), other.metrics(w)) for w in image_draws(count, draws, seed)
    )
    exchanged = join(
        difference(_mixed(one, other, s), _mixed(other, one, s))
        for s in _exchanges(count, draws, seed)
    )
    observed = {name: second.metrics[name] - first.metrics[name] for name in drawn}
    return {
        name: Comparison(_interval(found, drawn[name]), _p_value(found, exchanged[name]))
        for name, found in observed.items()
    }


def require_same_images(first: Scores, second: Scores) -> None:
    """Refuses scores under different protocols or of other images.

    Images are the same if their names are, but for folder and suffix, and they have as many valid
    pixels.

    Raises:
        ConfigError: they are.
    """
    require_same_protocol({"the first": first.protocol, "the second": second.protocol})
    pairs = zip(first.per_image, second.per_image, strict=False)
    same = len(first.per_image) == len(second.per_image) and all(
        (Path(a.name).stem, a.sums.pixels) == (Path(b.name).stem, b.sums.pixels) for a, b in pairs
    )
    if not same:
        raise ConfigError(
            "differences and means are of predictions for the same images, got "
            f"{len(first.per_image)} and {len(second.per_image)} images of other names or with "
            "other ground truth: score all on the same split or folder."
        )


def _mixed(first: ImageSample, second: ImageSample, exchanges: Weights) -> dict[str, np.ndarray]:
    """The metrics of the first where some of its images are exchanged for the second's."""

    def joined(a: MetricSums | None, b: MetricSums | None) -> MetricSums | None:
        if a is None or b is None:
            return None
        return MetricSums(*map(np.concatenate, zip(a, b, strict=True)))

    both = ImageSample(
        first.protocol,
        joined(first.sums, second.sums),
        joined(first.edge_sums, second.edge_sums),
    )
    return both.metrics(np.hstack([1 - exchanges, exchanges]))


def _exchanges(images: int, draws: int, seed: int) -> Iterator[Weights]:
    rng = np.random.default_rng([seed, 1])
    for start in range(0, draws, AT_ONCE):
        some = min(AT_ONCE, draws - start)
        yield rng.integers(0, 2, size=(some, images)).astype(np.float64)


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
