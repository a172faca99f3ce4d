"""Draws of a test set's images with replacement, and the metrics of each draw.

Pooled metrics come from the sums of the drawn images, which weighs images by their pixels as the
table does, averaged ones from the images' own metrics. Images without a valid pixel are in no
average and in no draw.
"""

from collections.abc import Iterable, Iterator, Mapping
from typing import NamedTuple

import numpy as np

from jaxdepth.errors import ConfigError
from jaxdepth.evaluation.protocol import Protocol
from jaxdepth.evaluation.scores import Scores, as_stated, of_edges, stacked
from jaxdepth.metrics import MetricSums, compute

DRAWS = 10_000
AT_ONCE = 500
"""Draws whose weights are in memory together."""

Weights = np.ndarray
"""`[draws, images]`: how often each image is in each draw."""


class ImageSample(NamedTuple):
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


def image_sample(scores: Scores) -> ImageSample:
    """The images of scores that have a valid pixel.

    Raises:
        ConfigError: there are fewer than two.
    """
    images = [image for image in scores.per_image if image.pixels]
    if len(images) < 2:
        raise ConfigError(
            "statistics over images need two or more with valid ground truth, got "
            f"{len(images)}: score more of them."
        )
    edges = None
    if scores.edge_pixels is not None:
        edges = stacked([image.edge_sums for image in images])
    return ImageSample(scores.protocol, stacked([image.sums for image in images]), edges)


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
    with np.errstate(invalid="ignore", divide="ignore"):
        about = sums.log_spread + sums.pixels * (sums.log / pixels - centre) ** 2
        pooled = MetricSums(*(weights @ column for column in sums._replace(log_spread=about)))
        n = np.maximum(pooled.pixels, 1)
        spread = pooled.log_spread - n * (pooled.log / n - centre) ** 2
    return compute(pooled._replace(log_spread=np.maximum(spread, 0)))


def image_draws(images: int, draws: int, seed: int) -> Iterator[Weights]:
    """Weights of as many images with replacement, a part of the draws at a time."""
    rng = np.random.default_rng(seed)
    for start in range(0, draws, AT_ONCE):
        some = min(AT_ONCE, draws - start)
        yield rng.multinomial(images, np.full(images, 1 / images), size=some).astype(np.float64)


def join(parts: Iterable[Mapping[str, np.ndarray]]) -> dict[str, np.ndarray]:
    """Metric → values of all parts, one after the other."""
    parts = list(parts)
    return {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}


def difference(
    first: Mapping[str, np.ndarray], second: Mapping[str, np.ndarray]
) -> dict[str, np.ndarray]:
    """The second less the first, of the metrics that both have."""
    with np.errstate(invalid="ignore"):
        return {name: second[name] - first[name] for name in first if name in second}
