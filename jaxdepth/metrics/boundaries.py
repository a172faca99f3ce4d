"""How well the edges of a predicted depth map lie on the true depth boundaries.

References:
    Koch, Liebel, Fraundorfer and Körner, "Evaluation of CNN-based Single-Image Depth Estimation
    Methods" (ECCV workshops, 2018), section 3.3, and for the edges of a prediction their script.
"""

import math
from typing import NamedTuple

import chex
import numpy as np
from jaxtyping import Bool, Float
from scipy import ndimage

from jaxdepth.metrics.sums import Array

MAX_DISTANCE = 10.0
"""Pixels, the paper's θ."""

_SIGMA, _LOW, _HIGH = math.sqrt(2), 0.1, 0.2
"""Of Canny's detector on depth that was scaled to [0, 1]."""


class BoundaryErrors(NamedTuple):
    """The depth boundary errors (DBE) of one image, in pixels; NaN if it has no true edge."""

    accuracy: float
    """Mean distance from the predicted edges to the true ones; `max_distance` where none of them is
    that near."""
    completeness: float
    """Mean distance from the true edges to the predicted ones, `max_distance` at most."""


def boundary_errors(
    pred: Float[Array, "H W"],
    edges: Bool[Array, "H W"],
    mask: Bool[Array, "H W"] | None = None,
    *,
    max_distance: float | int = MAX_DISTANCE,
) -> BoundaryErrors:
    """The truncated chamfer distances between predicted and true depth edges.

    ε_acc is the mean over the predicted edge pixels of the distance to the nearest true one, where
    those `max_distance` or more away are not counted; ε_comp is the mean over the true edge pixels
    of the distance to the nearest predicted one, cut off at `max_distance`, so that fewer edges are
    never more complete. Both need whole images: neither is a sum over pixels.

    Computed on the host, by Canny's detector of scikit-image and SciPy's distance transform; not
    differentiable, and not for `jit`.

    Args:
        pred: predicted depth, metres or any other unit: Canny's thresholds are of the range that it
            has in the image.
        edges: the pixels at true depth boundaries: drawn by hand as in iBims-1, or
            `near_edges(target, distance=0.5)`, the pixels on both sides of each discontinuity.
        mask: false where neither prediction nor edges count. A prediction that is not positive or
            not finite does not count either.
        max_distance: pixels, above 0.

    Returns:
        Both errors.

    Raises:
        AssertionError: the shapes differ.
        ValueError: `max_distance` is not above 0.

    Examples:
        >>> import numpy as np
        >>> from jaxdepth.metrics import near_edges
        >>> depth = np.ones((40, 40))
        >>> depth[:, 20:] = 3
        >>> boundary_errors(np.roll(depth, 4, axis=1), near_edges(depth, distance=0.5)).accuracy
        4.0
    """
    if not max_distance > 0:
        raise ValueError(f"max_distance must be above 0 pixels, got {max_distance}")
    pred, edges = np.asarray(pred), np.asarray(edges, bool)
    mask = np.ones(edges.shape, bool) if mask is None else np.asarray(mask, bool)
    chex.assert_equal_shape([pred, edges, mask])
    mask = mask & np.isfinite(pred) & (pred > 0)
    edges = edges & mask
    if not edges.any():
        return BoundaryErrors(math.nan, math.nan)
    predicted = _canny(pred, mask)
    if not predicted.any():
        return BoundaryErrors(max_distance, max_distance)
    to_true = ndimage.distance_transform_edt(~edges)[predicted]
    near = to_true[to_true < max_distance]
    to_predicted = ndimage.distance_transform_edt(~predicted)[edges]
    return BoundaryErrors(
        accuracy=float(near.mean()) if near.size else max_distance,
        completeness=float(np.minimum(to_predicted, max_distance).mean()),
    )


def _canny(depth: np.ndarray, mask: np.ndarray) -> np.ndarray:
    from skimage.feature import canny  # takes a while to import

    values = depth[mask].astype(np.float64)
    low, high = values.min(), values.max()
    if low == high:
        return np.zeros(depth.shape, bool)
    scaled = np.where(mask, (np.where(mask, depth, low) - low) / (high - low), 0)
    return canny(scaled, sigma=_SIGMA, low_threshold=_LOW, high_threshold=_HIGH, mask=mask)
