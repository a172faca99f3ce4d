"""How certain the mean of several runs is, that differ in their seed alone.

Two things are chance in it: the seeds that were trained, and the images that are the test set. The
variance of the first is that of the runs' own metrics; the variance of the second is that of the
mean over draws of images, the same ones for all runs. They add up, and the interval is Student's,
with the degrees of freedom of such a sum, since three seeds say little about their own spread. What
seeds and images have a part in together is in both, which makes it too wide rather than too narrow,
by a factor of √2 at most. It is symmetric, and may leave a metric's range.

References:
    Welch, "The generalization of Student's problem when several different population variances are
    involved" (1947); Satterthwaite, "An approximate distribution of estimates of variance
    components" (1946).
"""

from collections.abc import Mapping, Sequence

import numpy as np
import scipy.stats

from jaxdepth.errors import ConfigError
from jaxdepth.evaluation.resampling import (
    DRAWS,
    Weights,
    difference,
    image_draws,
    image_sample,
    join,
)
from jaxdepth.evaluation.scores import Scores
from jaxdepth.evaluation.statistics import LEVEL, Interval, require_same_images


def interval_over_runs(
    runs: Sequence[Scores], *, draws: int = DRAWS, seed: int = 0
) -> dict[str, Interval]:
    """The mean of runs on the same images, and between what limits it lies.

    Args:
        runs: two or more, that differ by chance alone.
        draws: of images with replacement.
        seed: decides them.

    Returns:
        Metric → interval, `LEVEL` of Student's t.

    Raises:
        ConfigError: there are fewer runs, or fewer than two images with valid ground truth, or the
            runs were scored under different protocols or on different images.
    """
    return _interval([run.metrics for run in runs], runs, None, draws, seed)


def difference_over_runs(
    first: Sequence[Scores], second: Sequence[Scores], *, draws: int = DRAWS, seed: int = 0
) -> dict[str, Interval]:
    """The mean difference of pairs of runs, such as two methods trained with the same seeds.

    Args:
        first, second: as many runs of each, of which the first two are a pair, and so on.
        draws: of images with replacement, the same for all.
        seed: decides them.

    Returns:
        Metric that all have → the second's less the first's, `LEVEL` of Student's t.

    Raises:
        ConfigError: as `interval_over_runs`, or these are not as many.
    """
    if len(first) != len(second):
        raise ConfigError(f"pairs are of as many runs each, got {len(first)} and {len(second)}.")
    pairs = zip(first, second, strict=True)
    differences = [difference(a.metrics, b.metrics) for a, b in pairs]
    return _interval(differences, second, first, draws, seed)


def _interval(
    values: Sequence[Mapping[str, float]],
    runs: Sequence[Scores],
    less: Sequence[Scores] | None,
    draws: int,
    seed: int,
) -> dict[str, Interval]:
    """The interval of the mean of `values`, which are of `runs`, or of these less others."""
    if len(runs) < 2:
        raise ConfigError(f"an interval over runs is of two or more, got {len(runs)}: name more.")
    for run in [*runs, *(less or ())]:
        require_same_images(runs[0], run)
    names = [name for name in values[0] if all(name in value for value in values)]
    samples = [image_sample(run) for run in runs]
    others = [image_sample(run) for run in less or ()]

    def mean_of(weights: Weights) -> dict[str, np.ndarray]:
        drawn = [sample.metrics(weights) for sample in samples]
        if others:
            pairs = zip(others, drawn, strict=True)
            drawn = [difference(other.metrics(weights), ours) for other, ours in pairs]
        return {name: np.mean([one[name] for one in drawn], axis=0) for name in names}

    images = len(samples[0].sums.pixels)
    drawn = join(map(mean_of, image_draws(images, draws, seed)))
    found = {}
    for name, of_images in drawn.items():
        own = np.asarray([value[name] for value in values])
        with np.errstate(invalid="ignore"):  # of what is infinite
            by_run, by_image = own.var(ddof=1) / len(own), of_images.var()
            both, mean = by_run + by_image, float(own.mean())
        freedom = both**2 / max(by_run**2 / (len(own) - 1) + by_image**2 / (images - 1), 1e-300)
        half = float(scipy.stats.t.ppf((1 + LEVEL) / 2, freedom) * np.sqrt(both)) if both else 0.0
        found[name] = Interval(mean, mean - half, mean + half)
    return found
