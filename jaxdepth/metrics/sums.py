"""The depth metrics, as sums over pixels that can be merged.

With p the prediction, g the ground truth and e = ln p − ln g, averages taken over the valid
pixels:

| key | definition | name in the papers |
|---|---|---|
| `abs_rel` | mean \\|g − p\\| / g | abs rel |
| `sq_rel` | mean (g − p)² / g | sqr rel |
| `mae` | mean \\|g − p\\| | – |
| `rmse` | √ mean (g − p)² | RMS(lin) |
| `rmse_log` | √ mean e² | RMS(log), natural logarithm |
| `log10` | mean \\|log₁₀ g − log₁₀ p\\| | log10 |
| `silog` | 100 √(mean e² − (mean e)²) | – |
| `delta1`, `delta2`, `delta3` | share of max(g/p, p/g) < 1.25, 1.25², 1.25³, strictly | threshold |

References:
    Kim, Jung, Min and Sohn, "Deep Monocular Depth Estimation via Integration of Global and Local
    Predictions", section IV, for all but `mae` and `silog`; Eigen, Puhrsch and Fergus, "Depth Map
    Prediction from a Single Image using a Multi-Scale Deep Network" (2014), for the scale-invariant
    error whose square root, times 100, is `silog`.
"""

import math
from types import ModuleType
from typing import NamedTuple

import chex
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Bool, Float, Num

Array = jax.Array | np.ndarray | np.generic

METRIC_NAMES = (
    "abs_rel",
    "sq_rel",
    "mae",
    "rmse",
    "rmse_log",
    "log10",
    "silog",
    "delta1",
    "delta2",
    "delta3",
)


class MetricSums(NamedTuple):
    """What the metrics of a set of pixels are computed from: sums over its valid pixels.

    A pytree, so it passes through `jit` and `vmap`; with leading axes it holds several sets. The
    spread of the logarithmic error is kept about its own mean, as the difference of two large sums
    would cost `silog` its precision in float32.
    """

    pixels: Num[Array, "*sets"]  # valid pixels
    abs_rel: Num[Array, "*sets"]  # Σ |p − g| / g
    sq_rel: Num[Array, "*sets"]  # Σ (p − g)² / g, metres
    absolute: Num[Array, "*sets"]  # Σ |p − g|, metres
    square: Num[Array, "*sets"]  # Σ (p − g)², square metres
    log_abs: Num[Array, "*sets"]  # Σ |e|
    log: Num[Array, "*sets"]  # Σ e
    log_spread: Num[Array, "*sets"]  # Σ (e − ē)², ē the mean of e in this set
    delta1: Num[Array, "*sets"]  # pixels within a factor of 1.25
    delta2: Num[Array, "*sets"]  # within 1.25²
    delta3: Num[Array, "*sets"]  # within 1.25³


def metric_sums(
    pred: Float[Array, "*shape"],
    target: Float[Array, "*shape"],
    mask: Bool[Array, "*shape"] | None = None,
) -> MetricSums:
    """Sums over the valid pixels of one image, or of any set of pixels.

    Valid are the pixels whose target is positive and finite and whose mask, if given, is true;
    anything else, NaN included, changes nothing. A prediction at a valid pixel is taken as it is:
    one that is not positive or not finite makes the logarithmic metrics infinite or NaN and counts
    as outside every threshold. An evaluation protocol clamps predictions before.

    Sums are in the wider of the arrays' precisions, float32 at least. For several images use
    `jax.vmap(metric_sums)`, and merge the results in float64 with `MetricAccumulator`.

    Args:
        pred: predicted depth, metres, of any shape.
        target: ground-truth depth of the same shape, metres; not positive or not finite = no
            measurement.
        mask: true where a pixel counts; of the same shape.

    Returns:
        The sums, each a scalar.

    Raises:
        AssertionError: the shapes differ.
    """
    chex.assert_equal_shape([pred, target] if mask is None else [pred, target, mask])
    xp = _namespace(pred, target, mask)
    dtype = xp.promote_types(xp.result_type(pred, target), np.float32)

    valid = xp.isfinite(target) & (target > 0)
    if mask is not None:
        valid = valid & mask.astype(bool)
    p = xp.where(valid, pred, 1).astype(dtype)
    g = xp.where(valid, target, 1).astype(dtype)

    def total(values):
        return xp.sum(xp.where(valid, values, 0))

    with np.errstate(divide="ignore", over="ignore", invalid="ignore"):
        difference = p - g
        e = xp.log(p / g)
        pixels = xp.sum(valid)
        log = total(e)
        mean = log / xp.maximum(pixels, 1).astype(dtype)
        return MetricSums(
            pixels=pixels,
            abs_rel=total(xp.abs(difference) / g),
            sq_rel=total(difference**2 / g),
            absolute=total(xp.abs(difference)),
            square=total(difference**2),
            log_abs=total(xp.abs(e)),
            log=log,
            log_spread=total((e - mean) ** 2),
            # Products, not the ratio: exact for float32 depth in float64, and false for a
            # prediction that is NaN, infinite or not positive.
            **{
                f"delta{k}": xp.sum(valid & (p < 1.25**k * g) & (g < 1.25**k * p))
                for k in (1, 2, 3)
            },
        )


def merge(a: MetricSums, b: MetricSums) -> MetricSums:
    """The sums of two disjoint sets of pixels together, as if taken over both at once.

    Associative and commutative up to rounding; sums without a pixel change nothing. Leading axes,
    if any, must agree: sets are merged one with one.

    References:
        Chan, Golub and LeVeque, "Algorithms for Computing the Sample Variance" (1983), for the
        spread.
    """
    xp = _namespace(*a, *b)
    with np.errstate(over="ignore", invalid="ignore"):
        distance = b.log / xp.maximum(b.pixels, 1) - a.log / xp.maximum(a.pixels, 1)
        # n_a n_b / (n_a + n_b), 0 where one set is empty; counts are not multiplied as integers.
        weight = a.pixels * (b.pixels / xp.maximum(a.pixels + b.pixels, 1))
        between = xp.where(weight > 0, weight * distance**2, 0)
        sums = MetricSums(*(x + y for x, y in zip(a, b, strict=True)))
        return sums._replace(log_spread=sums.log_spread + between)


def pool(sums: MetricSums) -> MetricSums:
    """The sums of all sets together: `merge`, of the sets along the leading axes.

    Args:
        sums: with any leading axes, of any length.

    Returns:
        The sums, each a scalar; all 0 where there is no set.
    """
    xp = _namespace(*sums)
    with np.errstate(over="ignore", invalid="ignore"):
        together = MetricSums(*(xp.sum(values) for values in sums))
        mean = together.log / xp.maximum(together.pixels, 1)
        distance = sums.log / xp.maximum(sums.pixels, 1) - mean
        between = xp.sum(xp.where(sums.pixels > 0, sums.pixels * distance**2, 0))
        return together._replace(log_spread=together.log_spread + between)


def compute(sums: MetricSums) -> dict[str, Float[Array, "..."]]:
    """The metrics of one set of pixels, or of each set where the sums have leading axes.

    Args:
        sums: as `metric_sums` or `merge` gives them.

    Returns:
        `METRIC_NAMES` → value: `sq_rel`, `mae` and `rmse` in metres, `silog` in hundredths, the
        thresholds in [0, 1], the others without unit. NaN for every metric where the set has no
        pixel.
    """
    xp = _namespace(*sums)
    empty = sums.pixels == 0
    pixels = xp.where(empty, 1, sums.pixels)
    with np.errstate(over="ignore", invalid="ignore"):
        mean_log = sums.log / pixels
        variance_log = sums.log_spread / pixels
        metrics = {
            "abs_rel": sums.abs_rel / pixels,
            "sq_rel": sums.sq_rel / pixels,
            "mae": sums.absolute / pixels,
            "rmse": xp.sqrt(sums.square / pixels),
            "rmse_log": xp.sqrt(variance_log + mean_log**2),
            "log10": sums.log_abs / pixels / math.log(10),
            "silog": 100 * xp.sqrt(variance_log),
            "delta1": sums.delta1 / pixels,
            "delta2": sums.delta2 / pixels,
            "delta3": sums.delta3 / pixels,
        }
    return {name: xp.where(empty, np.nan, metrics[name]) for name in METRIC_NAMES}


def depth_metrics(
    pred: Float[Array, "*shape"],
    target: Float[Array, "*shape"],
    mask: Bool[Array, "*shape"] | None = None,
) -> dict[str, Float[Array, ""]]:
    """The depth metrics over all valid pixels of the arrays, pooled.

    `compute(metric_sums(pred, target, mask))`; see both for what is valid and for the units.

    Args:
        pred: predicted depth, metres, of any shape.
        target: ground-truth depth of the same shape, metres; not positive or not finite = no
            measurement.
        mask: true where a pixel counts; of the same shape.

    Returns:
        `METRIC_NAMES` → scalar, NaN for every metric where no pixel is valid.

    Raises:
        AssertionError: the shapes differ.

    Example:
        >>> import jax.numpy as jnp
        >>> metrics = depth_metrics(jnp.array([1.0, 3.0]), jnp.array([2.0, 0.0]))
        >>> float(metrics["abs_rel"]), float(metrics["delta3"])
        (0.5, 0.0)
    """
    return compute(metric_sums(pred, target, mask))


def _namespace(*arrays) -> ModuleType:
    """`jax.numpy` if any of the arrays is JAX's, else `numpy`, which keeps float64."""
    return jnp if any(isinstance(x, jax.Array) for x in arrays) else np
